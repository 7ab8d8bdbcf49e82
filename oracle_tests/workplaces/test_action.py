"""The action for GitHub: its file keeps the published schema, and its steps do what they say, as bash runs them."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft7Validator, ValidationError
from junitparser import JUnitXml
from ruamel.yaml import YAML

from workplaces.conftest import EXAMPLE

ACTION = EXAMPLE.parent / "action" / "action.yml"


@pytest.fixture(scope="module")
def action():
    return json.loads(json.dumps(YAML(typ="safe").load(ACTION)))


def test_it_keeps_the_published_schema(action):
    schema = Draft7Validator(get_builtin_schema("vendor.github-actions"))
    schema.validate(action)
    with pytest.raises(ValidationError):
        schema.validate({**action, "runs": {"using": "composite", "steps": [{"run": "true"}]}})  # without a shell


def test_every_input_is_used_through_the_environment_alone(action):
    text = ACTION.read_text()
    assert sorted(set(re.findall(r"\$\{\{ inputs\.(\w+) \}\}", text))) == sorted(action["inputs"])
    for step in action["runs"]["steps"]:
        assert "${{" not in step["run"]
        used = set(re.findall(r"\$\{?([A-Z]+)", step["run"]))
        assert used == set(step["env"])


def ran(action, number, place, **inputs):
    """A step, as the runner starts bash for it, with its inputs in its environment."""
    step = action["runs"]["steps"][number]
    known = {name: one.get("default", "") for name, one in action["inputs"].items()}
    known |= {"python": sys.executable, **inputs}

    def of(match):
        return str(ACTION.parent) if match[1] == "github.action_path" else known[match[1].removeprefix("inputs.")]

    told = {name: re.sub(r"\$\{\{ ([\w.]+) \}\}", of, value) for name, value in step["env"].items()}
    summary = {"GITHUB_STEP_SUMMARY": str(place / "summary.md"), "GITHUB_WORKSPACE": str(EXAMPLE.parents[1])}
    script = place / "step.sh"
    script.write_text(step["run"])
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=place, env={**os.environ, **summary, **told}
    )


LEVEL = "fixtures"
"""What an audit asks here: few problems, however busy the machine is."""


def test_a_faulty_target_fails_the_step_and_is_annotated(action, tmp_path):
    done = ran(
        action, 1, tmp_path, target=f"{EXAMPLE}/faulty.py:conv2d", level=LEVEL, arguments="--seed '1' --fail-fast"
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=scripts/example/faulty.py,line=")
    assert "is faulty" in (tmp_path / "summary.md").read_text()
    assert JUnitXml.fromfile(str(tmp_path / "conv-oracle.xml")).failures == 1


def test_a_conforming_target_passes_the_step(action, tmp_path):
    (tmp_path / "kernels.py").write_text((EXAMPLE / "conforming.py").read_text().replace("def conv2d(", "def f("))
    done = ran(action, 1, tmp_path, target="kernels.py:f", op="conv2d", level=LEVEL, junit="")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "conv-oracle.xml").exists()


@pytest.mark.parametrize("arguments", ["--ignore 'two words $(touch ran)'", "'open"])
def test_arguments_are_words_and_run_nothing(action, tmp_path, arguments):
    done = ran(action, 1, tmp_path, target=f"{EXAMPLE}/faulty.py:conv2d", arguments=arguments)
    assert done.returncode == 2
    assert not (tmp_path / "ran").exists()
    if "two" in arguments:
        assert "ignore='two words $(touch ran)'" in done.stderr


@pytest.mark.slow
def test_the_first_step_installs_what_is_two_folders_above(action, tmp_path, monkeypatch):
    """Without a network: what it builds with, and depends on, is that of this environment."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for name, value in {"INDEX": "1", "DEPS": "1", "BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(f"PIP_NO_{name}", value)
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    (own,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (own / "libraries.pth").write_text(str(Path(np.__file__).parents[1]) + "\n")
    python = str(tmp_path / "venv" / "bin" / "python")
    done = ran(action, 0, tmp_path, python=python)
    assert done.returncode == 0, done.stderr
    assert (own / "conv_oracle").is_dir()
    wrong = ran(action, 1, tmp_path, python=python, target=f"{EXAMPLE}/faulty.py:conv2d", level=LEVEL)
    assert wrong.returncode == 1, wrong.stderr
