"""The page for newcomers is true: its tests run, its settings and workflow are taken, its options and inputs exist."""

import re
import tomllib

import pytest
from ruamel.yaml import YAML

from conv_oracle.auditing import AuditOptions
from conv_oracle.report import brief
from conv_oracle.settings import settings
from workplaces.conftest import EXAMPLE

pytest_plugins = ["pytester"]
ROOT = EXAMPLE.parents[1]
PAGE = (ROOT / "reference" / "TESTING.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(pytester, monkeypatch, right):
    """The outcomes of the page's tests, on kernels that are right, or of which one is not what the page says."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "reference"))
    pytester.syspathinsert()
    wrong, good = ((EXAMPLE / f"{name}.py").read_text() for name in ("faulty", "conforming"))
    (pytester.path / "kernels.py").write_text(good if right else wrong)
    (pytester.path / "mirrored.py").write_text(wrong if right else good)
    for text in blocks("python"):
        (pytester.path / re.match(r"# (test_\w+\.py)\n", text)[1]).write_text(text)
    options = ("--conv-oracle-level", "fixtures", "--conv-oracle-seed", "7", "--strict-markers")
    return pytester.runpytest_inprocess("-p", "pytest_conv_oracle", "-p", "no:cacheprovider", *options)


def test_its_tests_pass_on_what_it_says(pytester, monkeypatch):
    assert len(blocks("python")) == 3
    run(pytester, monkeypatch, right=True).assert_outcomes(passed=4)


@pytest.mark.slow
def test_its_tests_fail_elsewhere(pytester, monkeypatch):
    run(pytester, monkeypatch, right=False).assert_outcomes(failed=4)


def test_the_failure_that_it_shows_is_what_is_printed(faulty):
    (shown,) = [block.splitlines() for block in blocks("") if block.startswith("kernels.py:conv2d as")]
    said = [line.replace(str(EXAMPLE / "faulty.py"), "kernels.py") for line in brief(faulty)]
    count = re.compile(r"\d+ of \d+ problems|seed \d+")
    assert [count.sub("", line) for line in shown] == [count.sub("", line) for line in said]
    assert len(shown) <= 10


def test_its_settings_are_taken(tmp_path):
    (text,) = blocks("toml")
    (tmp_path / "pyproject.toml").write_text(text)
    found = settings(tmp_path)
    assert len(found) == len(tomllib.loads(text)["tool"]["conv-oracle"])
    own = {name: value for name, value in found.items() if name not in ("select", "ignore", "baseline")}
    assert AuditOptions(target="kernels:conv2d", **own).dtypes == ("float32", "float16")


def test_its_workflow_has_inputs_of_the_action():
    (text,) = blocks("yaml")
    action = YAML(typ="safe").load(ROOT / "scripts" / "action" / "action.yml")
    (used,) = [step for step in YAML(typ="safe").load(text)["jobs"]["audit"]["steps"] if "conv-oracle" in step["uses"]]
    assert set(used["with"]) <= set(action["inputs"])
    assert (ROOT / used["uses"].removeprefix("./conv-oracle/") / "action.yml").is_file()
    table = re.findall(r"^\| `(\w+)` \|", PAGE.partition("| input |")[2], re.MULTILINE)
    assert table == list(action["inputs"])


@pytest.mark.parametrize("option", ["level", "seed", "report"])
def test_pytest_has_the_options_that_it_names(option, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "reference"))
    assert f"`--conv-oracle-{option} " in PAGE
    parser = pytester.parseconfig("-p", "pytest_conv_oracle", f"--conv-oracle-{option}", "1")
    assert str(parser.getoption(f"conv_oracle_{option}")) == "1"
