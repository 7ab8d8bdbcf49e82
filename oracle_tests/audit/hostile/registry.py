"""The hostile subjects: how each is audited, and which outcomes are its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_oracle.auditing.sandbox import Limits

HERE = Path(__file__).parent

USUAL = Limits()
NO_VERDICT, NO_TARGET = "no-verdict", "no-target"


@dataclass(frozen=True)
class Hostile:
    """One hostile subject.

    outcome: the kinds of findings of which one must be found; NO_VERDICT, or NO_TARGET where it cannot be loaded.
    limits: those of the tests, so that little time or memory is enough. known: a defect of the audit, as
    long as this subject shows one. slow: it takes seconds, and one like it is in the default run.
    """

    name: str
    outcome: frozenset[str]
    op: str = "conv2d"
    arrays: str = "numpy"
    timeout: float = 0.7
    limits: Limits = USUAL
    known: str = ""
    slow: bool = False

    @property
    def target(self) -> str:
        """The target as `audit` takes it."""
        module, _, function = self.name.partition(":")
        return f"{HERE / module}.py:{function}"

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        return {"op": self.op, "arrays": self.arrays}

    def holds(self, verdict: Any) -> bool:
        """Whether a verdict is none that it wanted, and says what it did."""
        kinds = {finding.kind for finding in verdict.findings} or {verdict.verdict}
        return verdict.verdict != "conforms" and bool(kinds & self.outcome)


def hostile(names: str, *outcome: str, **options: Any) -> tuple[Hostile, ...]:
    """Subjects of one module, 'module:one two three', that share an outcome."""
    module, _, functions = names.partition(":")
    ends = {*outcome, NO_TARGET} if RAISED in outcome else {*outcome}  # what raises on every call is no target
    return tuple(Hostile(f"{module}:{function}", frozenset(ends), **options) for function in functions.split())


WRONG, RAISED, CRASHED, HUNG = "wrong-value", "raised", "crashed", "hung"
MALFORMED, SHAPE, DTYPE, NOT_AN_ARRAY = "malformed", "wrong-shape", "wrong-dtype", "not-an-array"
VARIES, STALE, CHANGED, MUTATED = "varies", "stale-answer", "answer-changed", "mutated-operand"
NO_MEMORY = "out-of-memory"

SHORT = 0.4
"""A time limit for subjects that use all of it."""

QUICK_END = Limits(ending_seconds=0.3)
"""How long an audit waits for a launcher that will not end."""

LOADING = Limits(loading_seconds=1.0)
LITTLE = Limits(memory_bytes=250 << 20)

SUBJECTS = (
    *hostile("exits_and_raises:exits_with_zero aborts kills_itself segfaults", CRASHED),
    *hostile("exits_and_raises:exits_with_one terminates_itself", CRASHED, slow=True),
    *hostile("exits_and_raises:segfaults_on_one_problem overflows_the_stack becomes_another_program", CRASHED),
    *hostile("exits_and_raises:raises_what_raises_again exits_after_its_return", CRASHED),
    *hostile("exits_and_raises:raises_system_exit raises_keyboard_interrupt", RAISED),
    *hostile("exits_and_raises:raises_generator_exit raises_stop_iteration", RAISED, slow=True),
    *hostile("exits_and_raises:raises_what_cannot_be_told", RAISED),
    *hostile("exits_and_raises:recurs_without_end", RAISED, CRASHED, HUNG, NO_MEMORY),
    *hostile("exits_and_raises:raises_after_its_return", RAISED, CRASHED),
    *hostile("exits_and_raises:raises_with_an_endless_traceback", RAISED),
    *hostile("exits_and_raises:becomes_a_sleeping_program", HUNG, timeout=SHORT, slow=True),
    *hostile("stalls:loops_deaf_to_signals sleeps sleeps_on_one_problem stops_itself", HUNG, timeout=SHORT),
    *hostile("stalls:drips", HUNG, timeout=SHORT),
    *hostile("stalls:holds_the_interpreter waits_for_itself waits_for_a_task", HUNG, timeout=SHORT, slow=True),
    *hostile("stalls:prints_without_end", HUNG, timeout=SHORT),
    *hostile("stalls:is_slow", WRONG),
    *hostile("pipes:closes_everything refuses_in_frames_of_its_own narrows_its_pipes", CRASHED),
    *hostile("pipes:exchanges_its_pipes", CRASHED, slow=True),
    *hostile("pipes:writes_garbage_everywhere writes_garbage_on_one_problem announces_too_much", MALFORMED),
    *hostile("pipes:writes_json_that_hurts", MALFORMED),
    *hostile("pipes:forges_every_answer answers_twice", MALFORMED, slow=True),
    *hostile("pipes:answers_before_the_call answers_all_that_can_be_asked", MALFORMED, WRONG, SHAPE, slow=True),
    *hostile("pipes:sends_headers_that_mean_nothing", MALFORMED, SHAPE),
    *hostile("pipes:lays_nothing_over_its_answers", HUNG, timeout=SHORT),
    *hostile("pipes:announces_more_than_it_sends", HUNG, timeout=SHORT, slow=True),
    *hostile("pipes:takes_tasks_ahead steals_its_own_answers", MALFORMED, CRASHED, HUNG, timeout=SHORT),
    *hostile("pipes:serves_zeros_in_place_of_the_worker", SHAPE),
    *hostile("pipes:holds_its_launchers_pipes_open", HUNG, RAISED, timeout=SHORT, limits=QUICK_END),
    *hostile("processes:returns_twice", MALFORMED, CRASHED),
    *hostile("processes:leaves_its_child_to_answer leaves_a_daemon_that_bears_no_mark", CRASHED),
    *hostile("processes:kills_its_launcher_and_leaves_a_daemon_that_bears_no_mark", CRASHED, HUNG),
    *hostile("processes:leaves_a_daemon", RAISED, CRASHED),
    *hostile("processes:chains_children kills_its_launcher kills_its_launchers terminates_its_launchers", CRASHED),
    *hostile("processes:kills_its_launchers_and_leaves_a_daemon", CRASHED, HUNG, timeout=SHORT),
    *hostile("processes:forks_in_a_loop", CRASHED, HUNG, timeout=2.0),
    *hostile("processes:leaves_threads litters", WRONG),
    *hostile("processes:forks_now_and_then", WRONG, slow=True),
    *hostile("processes:leaves_a_thread_that_writes", MALFORMED),
    *hostile("processes:stops_its_launchers", HUNG, timeout=SHORT),
    *hostile("processes:stops_its_launchers_again_and_again", HUNG, timeout=SHORT, limits=QUICK_END, slow=True),
    *hostile("processes:traces_its_launchers", HUNG, timeout=SHORT, limits=QUICK_END, slow=True),
    *hostile("patches:patches_numpy patches_the_bytes_of_arrays patches_the_system_calls", WRONG),
    *hostile("patches:patches_inspect", WRONG, slow=True),
    *hostile("patches:patches_answered rewrites_its_operands_and_the_comparison", WRONG),
    *hostile("patches:patches_json traces_the_worker patches_perform", WRONG, MALFORMED),
    *hostile("patches:patches_bytes", WRONG, MALFORMED, slow=True),
    *hostile("patches:patches_len patches_struct loses_every_fifth_answer", MALFORMED, slow=True),
    *hostile("patches:patches_type", RAISED, NOT_AN_ARRAY),
    *hostile("patches:sets_numpys_own_mode", RAISED, NOT_AN_ARRAY, slow=True),
    *hostile("patches:patches_every_builtin", CRASHED, slow=True),
    *hostile("patches:patches_send collects_the_adapter", SHAPE),
    *hostile("patches:excuses_what_is_hard", NO_VERDICT),
    *hostile("spies:walks_the_stack walks_the_collector walks_the_payload reads_the_environment", WRONG),
    *hostile("spies:copies_memory_by_the_kernel", WRONG),
    *hostile("spies:opens_the_descriptors_of_its_ancestors", WRONG, slow=True),
    *hostile("spies:reads_the_memory_of_its_ancestors", WRONG, VARIES),
    *hostile("spies:looks_for_the_audits_modules", WRONG, VARIES, slow=True),
    *hostile("returns:agrees_with_everything a_matrix a_masked_array a_memory_map", NOT_AN_ARRAY),
    *hostile("returns:a_record_array", NOT_AN_ARRAY, slow=True),
    *hostile("returns:a_scalar a_generator lists a_tuple_of_one nothing something_lazy", NOT_AN_ARRAY),
    *hostile("returns:bytes_alone", NOT_AN_ARRAY, slow=True),
    *hostile("returns:something_that_claims_to_be_an_array", NOT_AN_ARRAY),
    *hostile("returns:a_class", NOT_AN_ARRAY, slow=True),
    *hostile("returns:objects a_structure the_other_byte_order integers", DTYPE),
    *hostile("returns:text", DTYPE, slow=True),
    *hostile("returns:a_single_number", SHAPE),
    *hostile("returns:a_file_that_is_gone", CRASHED),
    *hostile("returns:memory_that_is_not_its_own", CRASHED, slow=True),
    *hostile("returns:its_operand", MUTATED),
    *hostile("returns:a_view_of_its_operand one_number_for_all zeros_of_either_sign", WRONG),
    *hostile("returns:what_was_never_written", WRONG, VARIES),
    *hostile("returns:one_buffer_for_all one_buffer_for_each_shape", CHANGED),
    *hostile("intermittent:right_for_100_calls right_the_second_time right_the_first_time", VARIES),
    *hostile("intermittent:right_for_a_moment", VARIES, WRONG),
    *hostile("intermittent:wrong_once_in_fifty wrong_once", VARIES),
    *hostile("intermittent:right_on_small_problems right_for_small_numbers", WRONG),
    *hostile("intermittent:right_on_short_reductions", WRONG, slow=True),
    *hostile("intermittent:right_where_pytest_is", WRONG),
    *hostile("intermittent:remembers_the_first_answer", STALE),
    *hostile("intermittent:hangs_on_its_operands", STALE, slow=True),
    *hostile("intermittent:changes_its_operands_later changes_the_operands_of_the_call_before", MUTATED),
    *hostile("intermittent:changes_its_answer_later", WRONG, VARIES, CHANGED, slow=True),
    *hostile("intermittent:slightly_wrong_at_the_end", WRONG, VARIES),
    *hostile("forgers:prints_a_verdict prints_over_the_terminal writes_a_verdict_into_a_file", WRONG),
    *hostile("forgers:ends_with_the_code_of_a_verdict", CRASHED, slow=True),
    *hostile("forgers:raises_a_verdict", RAISED),
    *hostile("forgers:returns_a_verdict", NOT_AN_ARRAY),
    *hostile("forgers:returns_a_dtype_that_says_so", DTYPE),
    *hostile("refusers:refuses_everything", NO_VERDICT),
    *hostile("refusers:refuses_all_but_the_empty_batch", NO_VERDICT, slow=True),
    *hostile("refusers:refuses_all_but_one_product_each refuses_with_a_class_of_its_own refuses_by_a_lie", NO_VERDICT),
    *hostile("refusers:refuses_at_random refuses_what_it_gets_wrong_but_once", WRONG, VARIES),
    *hostile("refusers:has_no_memory", NO_MEMORY),
    *hostile("refusers:returns_the_refusal", NOT_AN_ARRAY),
    *hostile("refusers:returns_the_exception", NOT_AN_ARRAY, slow=True),
    *hostile("refusers:raises_at_everything", RAISED),
    *hostile(
        "tensors:a_subclass_that_requires_grad a_subclass_that_agrees a_sparse_tensor",
        NOT_AN_ARRAY,
        arrays="torch",
        slow=True,
    ),
    *hostile("tensors:a_tensor_without_storage", WRONG, CRASHED, arrays="torch", slow=True),
    *hostile("tensors:patches_torch", SHAPE, VARIES, arrays="torch", slow=True),
    *hostile("tensors:without_numbers_where_it_is_hard", NOT_AN_ARRAY, arrays="torch"),
    *hostile("tensors:a_tensor_without_numbers", NOT_AN_ARRAY, arrays="torch", slow=True),
    *hostile("loading:callable_once", RAISED),
)
"""Those that need no help, and can be audited at any level."""

IN_TESTS = (
    *hostile("memory:hoards forgets_nothing", NO_MEMORY, timeout=2.0, limits=LITTLE),
    *hostile("memory:hoards_in_its_children", NO_MEMORY, timeout=2.0, limits=LITTLE, slow=True),
    *hostile("memory:asks_for_more_than_there_is", NO_MEMORY),
    *hostile("memory:returns_an_enormous_array", NO_MEMORY, SHAPE),
    *hostile("memory:returns_an_enormous_view", SHAPE),
    *hostile("stalls:slows_down", VARIES, WRONG, slow=True),
    *hostile(
        "processes:kills_its_launchers_and_leaves_a_daemon_that_bears_no_mark",
        CRASHED,
        known="without its guardian, a process that has left the session and cleared its environment is the command's",
    ),
    *hostile("intermittent:wrong_in_the_second_process", VARIES, slow=True),
    *hostile("intermittent:slightly_wrong_in_the_second_process", WRONG, VARIES),
    *hostile("intermittent:hides_behind_the_deadline", WRONG, VARIES, NO_VERDICT, slow=True),
    *hostile("intermittent:hides_among_the_questions", VARIES, NO_VERDICT, slow=True),
    *hostile("loading:without_a_signature exits_while_it_is_loaded writes_while_it_is_loaded", NO_TARGET),
    *hostile("loading:with_an_endless_signature hangs_while_it_is_loaded", NO_TARGET, limits=LOADING),
    *hostile("loading:exits_while_it_is_loaded_again", CRASHED),
    *hostile("loading:raises_while_it_is_loaded_again", CRASHED, slow=True),
    *hostile("loading:hangs_while_it_is_loaded_again", HUNG, CRASHED, limits=LOADING, slow=True),
    *hostile("loading:written_in_memory written_in_an_endless_file written_in_a_pipe written_nowhere", WRONG),
    *hostile("loading:introduces_itself", MALFORMED, slow=True),
)
"""Those that need the little memory, the directory or the settings of the tests."""

ENDLESS = (
    "recurs",
    "recurs_whatever_is_raised",
    "recurs_through_numpy",
    "recurs_through_numpy_whatever_is_raised",
    "recurs_through_a_class",
    "sleeps_on_some_shapes",
    "is_slow_at_every_call",
    "is_slow_at_first",
    "dies_at_its_seventh_call",
    "dies_at_its_second_call",
    "fills_memory",
    "forks_and_forks",
    "spawns_daemons",
    "stops_itself",
    "stops_all_that_it_started",
    "exits_in_a_thread",
    "closes_its_pipe_and_stays",
    "writes_slowly",
    "prints_and_prints",
    "ignores_every_signal",
    "hangs_in_c",
    "hangs_in_a_destructor",
    "hangs_at_its_exit",
    "hangs_at_its_exit_after_dying",
    "lets_the_kernel_end_it",
)
ALSO_ENDLESS = (
    "loading:hangs_while_it_is_loaded_again",
    "loading:raises_while_it_is_loaded_again",
    "loading:exits_while_it_is_loaded_again",
    "processes:stops_its_launchers_again_and_again",
    "processes:kills_its_launchers_and_leaves_a_daemon",
    "pipes:holds_its_launchers_pipes_open",
)
ENDING = tuple(
    Hostile(name, frozenset(), timeout=0.3, limits=Limits(memory_bytes=400 << 20, ending_seconds=1.0), slow=number > 3)
    for number, name in enumerate((*(f"endless:{name}" for name in ENDLESS), *ALSO_ENDLESS))
)
"""Slow and dying subjects whose audit must end, within its budgets. Each gives no right answer."""

MODULES = (
    "exits_and_raises",
    "stalls",
    "memory",
    "pipes",
    "processes",
    "patches",
    "spies",
    "returns",
    "intermittent",
    "forgers",
    "refusers",
    "loading",
)
HARMLESS = (
    *(Hostile(f"{module}:harmless", frozenset({"conforms"})) for module in MODULES),
    Hostile("tensors:harmless", frozenset({"conforms"}), arrays="torch", timeout=2.0, slow=True),
)
"""The same machinery without the trick: each is right, and conforms."""
