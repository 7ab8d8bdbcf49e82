"""An export holds what is asked and nothing of what is right; killed at any moment, it ends as it would have."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

from audit.offline.answering import answer, right
from audit.offline.conftest import TINY
from conv_oracle.auditing import Choices, Progress, export
from conv_oracle.auditing.offline.arrays import arrays_in, files_of
from conv_oracle.auditing.offline.index import stored_operands
from conv_oracle.auditing.offline.questions import questions
from conv_oracle.auditing.offline.recorded import UNKNOWN, Recorded, call_key
from conv_oracle.errors import TargetError
from conv_oracle.problem import parse

pytestmark = pytest.mark.usefixtures("tiny")

SHORT = Choices(op="conv1d", dtypes=("int8",))

KILLED = """
import os, pathlib, signal, sys
from dataclasses import replace
from conv_oracle.auditing import LEVELS, Choices, export
LEVELS["quick"] = replace(LEVELS["quick"], **{budgets!r})
count, put = 0, pathlib.Path.replace
def killing(self, target):
    global count
    count += 1
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(self, target)
pathlib.Path.replace = killing
export(pathlib.Path({directory!r}), Choices(op="conv1d", dtypes=("int8",)), seed={seed})
"""


def content(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def index(exported):
    return json.loads((exported / "index.json").read_text())


def test_the_index_is_in_pytorchs_words(index):
    names = {"stride", "padding", "dilation", "groups"}
    for one in index["problems"]:
        problem = parse(one["problem"])
        told = one["parameters"]
        assert (one["operation"], one["dtype"]) == (problem.operation.name, problem.dtype)
        assert set(told) == names
        assert (told["stride"], told["groups"]) == (list(problem.stride), problem.groups)
        padding = told["padding"]
        wide = padding if isinstance(padding, str) else tuple((side, side) for side in padding)
        assert wide == problem.padding
        shapes = {name: tuple(array["shape"][1:]) for name, array in one["operands"].items()}
        assert shapes == problem.operand_shapes
        assert {array["shape"][0] for array in one["operands"].values()} == {one["calls"]}


def test_the_digest_is_what_the_page_says(exported, index):
    one = index["problems"][3]
    told = hashlib.sha256()
    for name, array in one["operands"].items():
        values = np.load(exported / array["file"])
        told.update(f"{one['id']}.{name} {values.dtype} {'x'.join(map(str, values.shape))}\n".encode())
        told.update(values.tobytes())
    assert one["sha256"] == told.hexdigest()


def test_there_is_nothing_but_operands(exported, index):
    told = {array["file"] for one in index["problems"] for array in one["operands"].values()}
    assert {file for file in content(exported) if file.startswith("operands")} == told
    assert set(content(exported)) - told == {"README.md", "answer.py", "index.json"}
    assert {key for one in index["problems"] for key in one} == {
        *("id", "problem", "operation", "dtype", "calls", "parameters", "operands", "answer", "chunk", "sha256")
    }


def test_the_page_is_half_a_page(exported):
    text = (exported / "README.md").read_text()
    assert len(text.splitlines()) < 30
    assert "conv-oracle grade" in text
    assert "{" not in re.sub(r"`[^`]*`", "", text)


def test_every_seed_asks_other_operands(exported, tmp_path):
    again = export(tmp_path / "same", Choices(op="conv2d", dtypes=("int32",)), seed=1)
    assert content(again.directory) == content(exported)
    other = export(tmp_path / "other", Choices(op="conv2d", dtypes=("int32",)), seed=2)
    assert content(other.directory)["operands/p00000.input.npy"] != content(exported)["operands/p00000.input.npy"]


def test_progress_is_told(tmp_path):
    told = []
    made = export(tmp_path / "it", SHORT, seed=1, progress=told.append)
    assert all(isinstance(one, Progress) for one in told)
    assert (told[-1].done, told[-1].planned) == (made.problems, made.problems)


@pytest.mark.parametrize("at", [1, 30, -1])
def test_an_export_that_was_killed_ends_as_it_would_have(at, tmp_path):
    whole = export(tmp_path / "whole", SHORT, seed=7)
    files = sum(1 for _ in (tmp_path / "whole").rglob("*.*"))
    budgets = {name: value for name, value in vars(TINY).items() if name != "name"}
    at = at if at > 0 else files + 1  # the index is put twice
    script = KILLED.format(budgets=budgets, at=at, directory=str(tmp_path / "killed"), seed=7)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([sys.executable, "-c", script], env=environment, check=False, capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    left = content(tmp_path / "killed")
    assert any(Path(name).name.startswith(".") for name in left)  # it was killed while it wrote
    assert len(left) < len(content(whole.directory)) or at > 30
    if at > 1:  # the seed is known from there on
        assert not json.loads(left["index.json"])["whole"]
        export(tmp_path / "killed", SHORT)
    else:
        export(tmp_path / "killed", SHORT, seed=7)
    assert content(tmp_path / "killed") == content(whole.directory)


def test_what_is_there_is_kept(tmp_path):
    made = export(tmp_path / "it", SHORT, seed=7)
    (made.directory / "answer.py").write_text("# edited\n")
    before = (made.directory / "operands" / "p00000.input.npy").stat().st_mtime_ns
    export(tmp_path / "it", SHORT)
    assert (made.directory / "answer.py").read_text() == "# edited\n"
    assert (made.directory / "operands" / "p00000.input.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "conv2d"}, "has op='conv1d', not 'conv2d'"),
        ({"dtypes": ("int16",)}, "has dtypes=('int8',), not ('int16',)"),
        ({"level": "large"}, "level of an export is one of"),
        ({"level": "fixtures"}, "level of an export is one of"),
        ({"arrays": "tiff"}, "arrays of an export is one of"),
        ({"parameters": ("strides",)}, "parameter='strides'"),
        ({"dtypes": ("complex128",), "arrays": "safetensors"}, "safetensors has no complex128"),
        ({"fix": "w4"}, "w4"),
    ],
)
def test_what_does_not_fit_is_refused(change, said, tmp_path):
    export(tmp_path / "it", SHORT, seed=7)
    with pytest.raises(TargetError) as error:
        export(tmp_path / "it", replace(SHORT, **change))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(TargetError, match=r"holds 'mine\.txt'; a new one would fit"):
        export(tmp_path, SHORT)
    assert list(content(tmp_path)) == ["mine.txt"]


def test_changed_operands_are_told_of(tmp_path):
    export(tmp_path / "it", SHORT, seed=7)
    file = tmp_path / "it" / "operands" / "p00003.weight.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    with pytest.raises(TargetError, match=r"p00003\.weight\.npy' was changed"):
        export(tmp_path / "it", SHORT)
    file.unlink()
    export(tmp_path / "it", SHORT)


def test_one_export_at_a_time(tmp_path):
    def again(_):
        with pytest.raises(TargetError, match="is in use"):
            export(tmp_path / "it", SHORT)
        asked.append(True)

    asked = []
    export(tmp_path / "it", SHORT, seed=7, progress=again)
    assert asked


@pytest.mark.parametrize("dtype", ["float32", "complex64", "uint8", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_files_hold_what_they_should(dtype, kind, tmp_path):
    """Read by NumPy and by safetensors themselves, and by us."""
    asked = questions(Choices(op="conv1d", dtypes=(dtype,)), tmp_path)
    name, ask = next(asked.chunks())[1][0]
    stored = stored_operands(name, ask)
    for file, data in files_of(kind, "c0000", stored):
        (tmp_path / file).write_bytes(data)
        read = (
            load_file(tmp_path / file) if kind == "safetensors" and dtype in ("float32", "complex64", "uint8") else {}
        )
        read |= {Path(file).stem: np.load(tmp_path / file)} if kind == "npy" else {}
        for array, found in read.items():
            draws = ask.draws.operands(1)[array.partition(".")[2]]
            of = np.dtype(getattr(ml_dtypes, dtype)) if "bfloat" in dtype or "float8" in dtype else np.dtype(dtype)
            assert np.array_equal(found[1].view(of).astype(draws.dtype), draws)
        for array, one in arrays_in(tmp_path / file).items():
            assert (one.shape, one.data) == (stored[array].shape, stored[array].data)


def test_only_the_very_calls_are_known(exported):
    asked = questions(Choices(op="conv2d", dtypes=("int32",), seed=1), exported)
    ask = next(iter(asked))
    series = asked.session.series(ask)
    assert call_key(series, 0) != call_key(series, 1)
    changed = replace(series, payload=bytes([series.payload[0] ^ 1]) + series.payload[1:])
    strided = replace(
        series, operands=[(shape, [2 * s for s in strides], *rest) for shape, strides, *rest in series.operands]
    )
    elsewhere = replace(series, manner={"around": "thread"})
    keys = {call_key(one, 0) for one in (series, changed, strided, elsewhere)}
    assert len(keys) == 4
    said = replace(UNKNOWN, outcome="returned")
    known = Recorded("it:conv2d", {call_key(series, 0): said}.get)
    steps = [("call", 0), ("reread", 0), ("call", 1), ("call", 0)]
    ((_, answers),) = known.ask([(None, replace(series, steps=steps))])
    assert answers == (said, said, UNKNOWN)


def test_the_loop_asks_for_its_line(exported):
    with pytest.raises(SystemExit, match="edit the line"):
        answer(exported, None)


def test_the_loop_continues(tmp_path):
    made = export(tmp_path / "it", SHORT, seed=1)
    answer(made.directory, right("conv1d"))
    first = content(made.directory)
    answer(made.directory, None.__class__)  # nothing is called any more
    assert content(made.directory) == first
