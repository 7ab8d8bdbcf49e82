"""The hostile subjects: how each is audited, and which outcomes are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conv_oracle.auditing.sandbox import Limits

HERE = Path(__file__).parent

NO_VERDICT, NO_TARGET = "no-verdict", "no-target"


@dataclass(frozen=True)
class Hostile:
    """One hostile subject.

    outcome: the kinds of findings of which one must be found; NO_VERDICT, or NO_TARGET where it cannot be loaded.
    settings: what the tests set in the audit, so that little time or memory is enough. known: a defect of the audit, as
    long as this subject shows one.
    """

    name: str
    outcome: frozenset[str]
    op: str = "conv2d"
    arrays: str = "numpy"
    timeout: float = 0.7
    settings: Mapping[str, Any] = field(default_factory=dict)
    known: str = ""

    @property
    def target(self) -> str:
        """What `audit` is told."""
        module, _, function = self.name.partition(":")
        return f"{HERE / module}.py:{function}"

    @property
    def options(self) -> dict[str, Any]:
        """What `audit` is told besides the target."""
        return {"op": self.op, "arrays": self.arrays}

    def holds(self, verdict: Any) -> bool:
        """Whether a verdict is none that it wanted, and says what it did."""
        kinds = {finding.kind for finding in verdict.findings} or {verdict.verdict}
        return verdict.verdict != "conforms" and bool(kinds & self.outcome)


def hostile(names: str, *outcome: str, **options: Any) -> tuple[Hostile, ...]:
    """Subjects of one module, 'module:one two three', that share an outcome."""
    module, _, functions = names.partition(":")
    return tuple(Hostile(f"{module}:{function}", frozenset(outcome), **options) for function in functions.split())


WRONG, RAISED, CRASHED, HUNG = "wrong-value", "raised", "crashed", "hung"
MALFORMED, SHAPE, DTYPE, NOT_AN_ARRAY = "malformed", "wrong-shape", "wrong-dtype", "not-an-array"
VARIES, STALE, CHANGED, MUTATED = "varies", "stale-answer", "answer-changed", "mutated-operand"
NO_MEMORY = "out-of-memory"

SHORT = 0.4
"""A time limit for subjects that use all of it."""

QUICK_END = {"conv_oracle.auditing.processes.SECONDS_TO_END": 0.3}
"""How long an audit waits for a launcher that will not end."""

LOADING = {"conv_oracle.auditing.sandbox.LOADING_SECONDS": 1.0}
LITTLE = {"conv_oracle.auditing.run.Limits": lambda: Limits(memory_bytes=250 << 20)}

SUBJECTS = (
    *hostile("ends:exits_with_zero exits_with_one aborts kills_itself terminates_itself segfaults", CRASHED),
    *hostile("ends:segfaults_on_one_problem overflows_the_stack becomes_another_program", CRASHED),
    *hostile("ends:raises_what_raises_again exits_after_its_return", CRASHED),
    *hostile("ends:raises_system_exit raises_keyboard_interrupt raises_generator_exit raises_stop_iteration", RAISED),
    *hostile("ends:raises_what_cannot_be_told", RAISED),
    *hostile("ends:recurs_without_end", RAISED, CRASHED, HUNG, NO_MEMORY),
    *hostile("ends:raises_after_its_return", RAISED, CRASHED),
    *hostile("ends:becomes_a_sleeping_program raises_with_an_endless_traceback", HUNG, timeout=SHORT),
    *hostile("stalls:loops_deaf_to_signals sleeps sleeps_on_one_problem stops_itself", HUNG, timeout=SHORT),
    *hostile("stalls:holds_the_interpreter waits_for_itself waits_for_a_task drips", HUNG, timeout=SHORT),
    *hostile("stalls:prints_without_end", HUNG, timeout=SHORT),
    *hostile("stalls:is_slow", WRONG),
    *hostile("pipes:closes_everything exchanges_its_pipes refuses_in_frames_of_its_own narrows_its_pipes", CRASHED),
    *hostile("pipes:writes_garbage_everywhere writes_garbage_on_one_problem announces_too_much", MALFORMED),
    *hostile("pipes:forges_every_answer answers_twice writes_json_that_hurts", MALFORMED),
    *hostile("pipes:answers_before_the_call answers_all_that_can_be_asked", MALFORMED, WRONG, SHAPE),
    *hostile("pipes:sends_headers_that_mean_nothing", MALFORMED, SHAPE),
    *hostile("pipes:announces_more_than_it_sends lays_nothing_over_its_answers", HUNG, timeout=SHORT),
    *hostile("pipes:takes_tasks_ahead steals_its_own_answers", MALFORMED, CRASHED, HUNG, timeout=SHORT),
    *hostile("pipes:serves_zeros_in_place_of_the_worker", SHAPE),
    *hostile("pipes:holds_its_launchers_pipes_open", HUNG, timeout=SHORT, settings=QUICK_END),
    *hostile("processes:returns_twice", MALFORMED, CRASHED),
    *hostile("processes:leaves_its_child_to_answer leaves_a_daemon_that_bears_no_mark", CRASHED),
    *hostile("processes:kills_its_launcher_and_leaves_a_daemon_that_bears_no_mark", CRASHED, HUNG),
    *hostile("processes:leaves_a_daemon", RAISED, CRASHED),
    *hostile("processes:chains_children kills_its_launcher kills_its_launchers terminates_its_launchers", CRASHED),
    *hostile("processes:kills_its_launchers_and_leaves_a_daemon", CRASHED, HUNG, timeout=SHORT),
    *hostile("processes:forks_in_a_loop", CRASHED, HUNG, timeout=2.0),
    *hostile("processes:forks_now_and_then leaves_threads litters", WRONG),
    *hostile("processes:leaves_a_thread_that_writes", MALFORMED),
    *hostile("processes:stops_its_launchers", HUNG, timeout=SHORT),
    *hostile("processes:stops_its_launchers_again_and_again", HUNG, timeout=SHORT, settings=QUICK_END),
    *hostile("processes:traces_its_launchers", HUNG, timeout=SHORT, settings=QUICK_END),
    *hostile("patches:patches_numpy patches_the_bytes_of_arrays patches_the_system_calls patches_inspect", WRONG),
    *hostile("patches:patches_answered rewrites_its_operands_and_the_comparison", WRONG),
    *hostile("patches:patches_bytes patches_json traces_the_worker patches_perform", WRONG, MALFORMED),
    *hostile("patches:patches_len patches_struct loses_every_fifth_answer", MALFORMED),
    *hostile("patches:patches_type sets_numpys_own_mode", RAISED, NOT_AN_ARRAY),
    *hostile("patches:patches_every_builtin", CRASHED),
    *hostile("patches:patches_send collects_the_adapter", SHAPE),
    *hostile("patches:excuses_what_is_hard", NO_VERDICT),
    *hostile("spies:walks_the_stack walks_the_collector walks_the_payload reads_the_environment", WRONG),
    *hostile("spies:opens_the_descriptors_of_its_ancestors copies_memory_by_the_kernel", WRONG),
    *hostile("spies:reads_the_memory_of_its_ancestors looks_for_the_audits_modules", WRONG, VARIES),
    *hostile("returns:agrees_with_everything a_matrix a_masked_array a_record_array a_memory_map", NOT_AN_ARRAY),
    *hostile("returns:a_scalar a_generator lists a_tuple_of_one bytes_alone nothing something_lazy", NOT_AN_ARRAY),
    *hostile("returns:something_that_claims_to_be_an_array a_class", NOT_AN_ARRAY),
    *hostile("returns:objects a_structure the_other_byte_order text integers", DTYPE),
    *hostile("returns:a_single_number", SHAPE),
    *hostile("returns:a_file_that_is_gone memory_that_is_not_its_own", CRASHED),
    *hostile("returns:its_operand", MUTATED),
    *hostile("returns:a_view_of_its_operand one_number_for_all zeros_of_either_sign", WRONG),
    *hostile("returns:what_was_never_written", WRONG, VARIES),
    *hostile("returns:one_buffer_for_all one_buffer_for_each_shape", CHANGED),
    *hostile("moods:right_for_100_calls right_the_second_time right_the_first_time", VARIES),
    *hostile("moods:right_for_a_moment", VARIES, WRONG),
    *hostile("moods:wrong_once_in_fifty wrong_once", VARIES),
    *hostile("moods:right_on_small_problems right_on_short_reductions right_for_small_numbers", WRONG),
    *hostile("moods:right_where_pytest_is", WRONG),
    *hostile("moods:remembers_the_first_answer hangs_on_its_operands", STALE),
    *hostile("moods:changes_its_operands_later changes_the_operands_of_the_call_before", MUTATED),
    *hostile("moods:changes_its_answer_later", WRONG, VARIES, CHANGED),
    *hostile("moods:slightly_wrong_at_the_end", WRONG, VARIES),
    *hostile("forgers:prints_a_verdict prints_over_the_terminal writes_a_verdict_into_a_file", WRONG),
    *hostile("forgers:ends_with_the_code_of_a_verdict", CRASHED),
    *hostile("forgers:raises_a_verdict", RAISED),
    *hostile("forgers:returns_a_verdict", NOT_AN_ARRAY),
    *hostile("forgers:returns_a_dtype_that_says_so", DTYPE),
    *hostile("refusers:refuses_everything refuses_all_but_1x1 refuses_all_but_the_empty_batch", NO_VERDICT),
    *hostile("refusers:refuses_all_but_one_product_each refuses_with_a_class_of_its_own refuses_by_a_lie", NO_VERDICT),
    *hostile("refusers:refuses_at_random refuses_what_it_gets_wrong_but_once", WRONG, VARIES),
    *hostile("refusers:has_no_memory", NO_MEMORY),
    *hostile("refusers:returns_the_refusal returns_the_exception", NOT_AN_ARRAY),
    *hostile("refusers:raises_at_everything", RAISED),
    *hostile(
        "tensors:a_subclass_that_requires_grad a_subclass_that_agrees a_sparse_tensor", NOT_AN_ARRAY, arrays="torch"
    ),
    *hostile("tensors:a_tensor_without_storage", WRONG, CRASHED, arrays="torch"),
    *hostile("tensors:patches_torch", SHAPE, VARIES, arrays="torch"),
    *hostile("tensors:a_tensor_without_numbers without_numbers_where_it_is_hard", NOT_AN_ARRAY, arrays="torch"),
    *hostile("introductions:callable_once", RAISED),
)
"""Those that need no help, and can be audited at any level."""

IN_TESTS = (
    *hostile("memory:hoards hoards_in_its_children forgets_nothing", NO_MEMORY, timeout=2.0, settings=LITTLE),
    *hostile("memory:asks_for_more_than_there_is", NO_MEMORY),
    *hostile("memory:returns_an_enormous_array", NO_MEMORY, SHAPE),
    *hostile("memory:returns_an_enormous_view", SHAPE),
    *hostile("stalls:slows_down", VARIES, WRONG),
    *hostile(
        "processes:kills_its_launchers_and_leaves_a_daemon_that_bears_no_mark",
        CRASHED,
        known="without its guardian, a process that has left the session and cleared its environment is the command's",
    ),
    *hostile("moods:wrong_in_the_second_process", VARIES),
    *hostile("moods:slightly_wrong_in_the_second_process", WRONG, VARIES),
    *hostile("moods:hides_behind_the_deadline", WRONG, VARIES, NO_VERDICT),
    *hostile(
        "moods:hides_among_the_questions",
        VARIES,
        NO_VERDICT,
    ),
    *hostile("introductions:without_a_signature exits_while_it_is_loaded writes_while_it_is_loaded", NO_TARGET),
    *hostile("introductions:with_an_endless_signature hangs_while_it_is_loaded", NO_TARGET, settings=LOADING),
    *hostile("introductions:exits_while_it_is_loaded_again raises_while_it_is_loaded_again", CRASHED),
    *hostile("introductions:hangs_while_it_is_loaded_again", HUNG, CRASHED, settings=LOADING),
    *hostile("introductions:written_in_memory written_in_an_endless_file written_in_a_pipe written_nowhere", WRONG),
    *hostile("introductions:introduces_itself", MALFORMED),
)
"""Those that need the little memory, the directory or the settings of the tests."""

MODULES = (
    "ends",
    "stalls",
    "memory",
    "pipes",
    "processes",
    "patches",
    "spies",
    "returns",
    "moods",
    "forgers",
    "refusers",
)
HARMLESS = (
    *(Hostile(f"{module}:harmless", frozenset({"conforms"})) for module in (*MODULES, "introductions")),
    Hostile("tensors:harmless", frozenset({"conforms"}), arrays="torch", timeout=2.0),
)
"""The same machinery without the trick: each is right, and conforms."""

SLOW = (
    "ends:exits_with_one",
    "ends:terminates_itself",
    "ends:raises_generator_exit",
    "ends:raises_stop_iteration",
    "ends:becomes_a_sleeping_program",
    "stalls:holds_the_interpreter",
    "stalls:waits_for_itself",
    "stalls:waits_for_a_task",
    "stalls:slows_down",
    "pipes:answers_before_the_call",
    "pipes:forges_every_answer",
    "pipes:answers_twice",
    "pipes:answers_all_that_can_be_asked",
    "pipes:exchanges_its_pipes",
    "pipes:announces_more_than_it_sends",
    "processes:forks_now_and_then",
    "processes:stops_its_launchers_again_and_again",
    "processes:traces_its_launchers",
    "patches:patches_bytes",
    "patches:patches_every_builtin",
    "patches:patches_inspect",
    "patches:patches_len",
    "patches:sets_numpys_own_mode",
    "returns:a_record_array",
    "returns:a_class",
    "returns:bytes_alone",
    "returns:text",
    "returns:memory_that_is_not_its_own",
    "forgers:ends_with_the_code_of_a_verdict",
    "refusers:returns_the_exception",
    "refusers:refuses_all_but_the_empty_batch",
    "memory:hoards_in_its_children",
    "moods:hangs_on_its_operands",
    "patches:patches_struct",
    "patches:loses_every_fifth_answer",
    "moods:changes_its_answer_later",
    "moods:wrong_in_the_second_process",
    "moods:hides_behind_the_deadline",
    "moods:hides_among_the_questions",
    "moods:right_on_short_reductions",
    "spies:opens_the_descriptors_of_its_ancestors",
    "spies:looks_for_the_audits_modules",
    "tensors:a_sparse_tensor",
    "tensors:a_subclass_that_agrees",
    "tensors:a_subclass_that_requires_grad",
    "tensors:a_tensor_without_numbers",
    "tensors:a_tensor_without_storage",
    "tensors:patches_torch",
    "tensors:harmless",
    "introductions:introduces_itself",
    "introductions:raises_while_it_is_loaded_again",
    "introductions:hangs_while_it_is_loaded_again",
)
"""Those that take seconds, and whose like is in the default run."""
