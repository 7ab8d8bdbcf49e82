"""A verdict is kept by content: each thing that may change it changes its key, and nothing else does."""

import shutil
import sys

import pytest

from conv_oracle.campaign import content, key_of, surroundings, trees
from conv_oracle.campaign.trees import tree_of
from conv_oracle.errors import CampaignError

PLAIN = "import numpy as np\nfrom helper import pad\n\n\ndef conv2d(x, w):\n    return pad(x, w)\n"
FILES = {
    "mine.py": PLAIN,
    "helper.py": "import deeper\n\n\ndef pad(x, w):\n    return deeper.read(x, w)\n",
    "deeper.py": 'TABLE = "taps.npy"\n',
    "taps.npy": "1 2 3",
    "parts/one.py": "A = 1\n",
    "unrelated.py": "B = 2\n",
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "kernels"
    for name, text in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    return made


def key(folder, **options):
    return key_of({"target": f"{folder}/mine.py:conv2d", "level": "quick", "jobs": 1, **options})


def test_the_tree_is_what_is_named_and_what_that_names(folder):
    assert [file.name for file in tree_of(folder / "mine.py")] == ["deeper.py", "helper.py", "mine.py", "taps.npy"]
    assert [file.name for file in tree_of(folder / "unrelated.py")] == ["unrelated.py"]


@pytest.mark.parametrize("word", ["open(f'w{1}.npy')", "importlib.import_module(x)", "np.load(f)", "__file__"])
def test_where_names_are_computed_the_tree_is_the_whole_directory(folder, word):
    (folder / "deeper.py").write_text(f"import numpy as np\n{word}\n")
    assert {file.relative_to(folder).as_posix() for file in tree_of(folder / "mine.py")} == {*FILES}


@pytest.mark.parametrize("name", ["mine.py", "helper.py", "deeper.py", "taps.npy"])
def test_a_file_of_the_tree_changes_the_key(folder, name):
    before = key(folder)
    (folder / name).write_text(FILES[name] + " ")
    assert key(folder) != before


def test_a_folder_that_is_named_is_of_the_tree(folder):
    (folder / "mine.py").write_text(f"from parts import one\n{PLAIN}")
    before = key(folder)
    (folder / "parts" / "one.py").write_text("A = 2\n")
    assert key(folder) != before


def test_what_is_unrelated_does_not(folder, tmp_path):
    before = key(folder)
    (folder / "unrelated.py").write_text("B = 3\n")
    (folder / "another.py").write_text("")
    (folder / "parts" / "one.py").write_text("A = 9\n")
    assert key(folder) == before
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert key(moved) == before
    assert key(folder, jobs=2) == before


def test_the_campaigns_own_files_are_of_no_tree(folder):
    (folder / "mine.py").write_text(f"open(x)\n{PLAIN}")
    own = folder / "results.sqlite"
    options = {"target": f"{folder}/mine.py:conv2d", "level": "quick", "jobs": 1}
    before = key_of(options, besides=frozenset([own]))
    own.write_text("verdicts")
    assert key_of(options, besides=frozenset([own])) == before
    assert key_of(options) != before


@pytest.mark.parametrize(
    "options",
    [
        {"level": "standard"},
        {"seed": 5},
        {"fail_fast": True},
        {"dtypes": ["float32"]},
        {"op": "conv1d"},
        {"timeout": 3.0},
    ],
    ids=str,
)
def test_an_option_changes_the_key(folder, options):
    assert key(folder, **options) != key(folder)


def test_a_default_that_is_said_does_not(folder):
    assert key(folder, dtypes=["float64"], arithmetic="any-order") == key(folder)


def test_another_function_of_the_file_changes_it(folder):
    assert key_of({"target": f"{folder}/mine.py:conv2d_b", "level": "quick"}) != key_of(
        {"target": f"{folder}/mine.py:conv2d", "level": "quick"}
    )


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_version_changes_it(folder, name, monkeypatch):
    before = key(folder)
    real = surroundings._version
    monkeypatch.setattr(surroundings, "_version", lambda asked: "0.1" if asked == name else real(asked))
    surroundings.of_interpreter.cache_clear()
    try:
        assert key(folder) != before
    finally:
        surroundings.of_interpreter.cache_clear()


def test_conv_oracle_itself_changes_it(folder, monkeypatch):
    before = key(folder)
    monkeypatch.setattr(content, "own", lambda: "another")
    assert key(folder) != before


def test_what_is_installed_is_told_by_its_record(folder, monkeypatch):
    (folder / "mine.py").write_text(f"import click\n{PLAIN}")
    name, version, record = surroundings.surroundings(["click"])["modules"]["click"]
    assert (name, bool(version), len(record)) == ("click", True, 64)
    before = key(folder)
    monkeypatch.setattr(surroundings, "_origin", lambda _: ["click", "0.1", record])
    surroundings.of_interpreter.cache_clear()
    try:
        assert key(folder) != before
    finally:
        surroundings.of_interpreter.cache_clear()


def test_a_module_from_elsewhere_is_of_the_content(folder, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "far_away.py").write_text("C = 1\n")
    monkeypatch.syspath_prepend(str(other))
    (folder / "mine.py").write_text(f"import far_away\n{PLAIN}")
    before = key(folder)
    (other / "far_away.py").write_text("C = 2\n")
    assert key(folder) != before


def test_a_program_is_what_its_command_names(tmp_path):
    program = tmp_path / "conv.js"
    program.write_text("// one")
    options = {"command": f"node {program}", "op": "conv2d"}
    before = key_of(options)
    (tmp_path / "beside.js").write_text("// required")
    beside = key_of(options)
    program.write_text("// two")
    assert len({before, beside, key_of(options)}) == 3


def test_a_source_in_c_is_with_its_headers(tmp_path):
    (tmp_path / "conv.c").write_text(
        '#include "taps.h"\nvoid conv2d(const float *x, const float *w, float *y, int n, int k);\n'
    )
    (tmp_path / "taps.h").write_text("#define A 1\n")
    assert [file.name for file in tree_of(tmp_path / "conv.c")] == ["conv.c", "taps.h"]


def test_a_tree_that_is_too_large_is_told(folder, monkeypatch):
    (folder / "mine.py").write_text(f"open(x)\n{PLAIN}")
    monkeypatch.setattr(trees, "MOST_FILES", 3)
    with pytest.raises(CampaignError, match=r"at most 3 files and 4 GiB.*a directory of its own would fit"):
        key(folder)
    monkeypatch.setattr(trees, "MOST_FILES", 100)
    monkeypatch.setattr(trees, "MOST_BYTES", 10)
    with pytest.raises(CampaignError, match="has more than"):
        key(folder)


def test_an_interpreter_that_cannot_be_asked_is_told(folder):
    with pytest.raises(CampaignError, match="python is an interpreter: python='/bin/false' cannot be asked"):
        key(folder, python="/bin/false")


def test_another_interpreter_is_asked(folder):
    assert key(folder, python=sys.executable) == key(folder)
