"""The wheel, installed into a fresh environment: its command audits, and pytest finds its plugin there."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from workplaces.conftest import EXAMPLE

ROOT = EXAMPLE.parents[1]


def ran(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The Python of an environment that has the wheel, and beside it the libraries of this one."""
    place = tmp_path_factory.mktemp("wheel")
    built = ran(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "dist", cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = (place / "dist").glob("*.whl")
    venv.create(place / "venv", with_pip=False, symlinks=True)
    python = place / "venv" / "bin" / "python"
    words = ("--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile", wheel)
    installed = ran(sys.executable, "-m", "pip", "--python", python, "install", *words)
    assert installed.returncode == 0, installed.stderr
    (own,) = (place / "venv").glob("lib/python*/site-packages")
    (own / "libraries.pth").write_text(str(Path(np.__file__).parents[1]) + "\n")
    return python


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder without conv-oracle, with a kernel that is wrong and one that is right."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for name in ("faulty", "conforming"):
        (tmp_path / f"{name}.py").write_text((EXAMPLE / f"{name}.py").read_text())
    return tmp_path


def test_the_installed_command_audits(environment, place):
    where = ran(environment, "-c", "import conv_oracle; print(conv_oracle.__file__)", cwd=place)
    assert where.stdout.startswith(str(environment.parents[1])), where.stderr
    command = environment.parent / "conv-oracle"
    wrong = ran(command, "audit", "faulty.py:conv2d", "--level", "fixtures", "--fail-fast", cwd=place)
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "kernel-flipped" in wrong.stdout


def test_pytest_finds_the_installed_plugin(environment, place):
    (place / "test_kernels.py").write_text(
        "import pytest\nimport faulty, conforming\n\npytestmark = pytest.mark.conv_oracle\n\n"
        "def test_right():\n    return conforming.conv2d\n\ndef test_wrong():\n    return faulty.conv2d\n"
    )
    options = ("--conv-oracle-level", "fixtures", "--strict-markers", "-p", "no:cacheprovider")
    done = ran(environment, "-m", "pytest", *options, cwd=place, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "kernel-flipped: the kernel is read backwards along the width" in done.stdout
