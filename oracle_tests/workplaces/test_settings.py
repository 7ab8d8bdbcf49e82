"""[tool.conv-oracle]: what it sets, what it refuses, and that the command line is stronger."""

import json

import pytest
from click.testing import CliRunner

from conv_oracle.cli import main
from conv_oracle.cli.options import OPTIONS
from conv_oracle.errors import TargetError
from conv_oracle.settings import NOT_SET, settings
from workplaces.conftest import EXAMPLE


def section(folder, text, head="[tool.conv-oracle]\n"):
    (folder / "pyproject.toml").write_text(head + text)


def test_the_nearest_file_says_it(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    section(tmp_path, 'level = "quick"\ndtype = ["float32"]\nfail-fast = true\nseconds = 2\nignore = ["raised"]\n')
    expected = {"level": "quick", "dtypes": ("float32",), "fail_fast": True, "seconds": 2, "ignore": ("raised",)}
    assert settings(inner) == expected
    section(inner, 'baseline = "known.json"\n')
    assert settings(inner) == {"baseline": inner / "known.json"}
    section(inner, "name = 'x'\n", "[project]\n")
    assert settings(inner) == {}


def test_every_option_of_an_audit_can_be_set_by_its_name_on_the_command_line(tmp_path):
    for name, option in OPTIONS.items():
        (made,) = option(lambda: None).__click_params__
        value = "true" if made.is_flag else '["x"]' if made.multiple else '"x"'
        (spoken,) = made.opts
        section(tmp_path, f"{spoken.removeprefix('--')} = {value}\n")
        if name in NOT_SET:
            with pytest.raises(TargetError, match="takes options of an audit"):
                settings(tmp_path)
        else:
            assert settings(tmp_path) == {name: {"true": True, '["x"]': ("x",)}.get(value, "x")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('levle = "quick"', "levle='quick'; level"),
        ('dtype = "float32"', r"dtype='float32'; \['float32'\] would fit"),
        ('gradients = "yes"', "gradients='yes'; true would fit"),
        ("seconds = true", "seconds=True; a text or a number would fit"),
        ('level = ["quick"]', "has the wrong type"),
        ("level = ", "must be TOML"),
    ],
)
def test_what_is_wrong_in_it_is_told(tmp_path, text, said):
    section(tmp_path, text + "\n")
    with pytest.raises(TargetError, match=said):
        settings(tmp_path)


def test_it_is_a_table(tmp_path):
    section(tmp_path, "conv-oracle = 3\n", "[tool]\n")
    with pytest.raises(TargetError, match="is a table"):
        settings(tmp_path)


def test_the_command_reads_it_and_is_stronger(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section(tmp_path, 'levle = "quick"\n')
    wrong = CliRunner().invoke(main, ["audit", f"{EXAMPLE}/faulty.py:conv2d"])
    assert (wrong.exit_code, wrong.output.count("\n")) == (2, 1)
    assert "levle='quick'; level" in wrong.output
    section(tmp_path, 'level = "swift"\nseconds = 50\nseed = 7\nignore = ["kernel-flipped"]\n')
    assert "level is one of" in CliRunner().invoke(main, ["audit", f"{EXAMPLE}/faulty.py:conv2d"]).output
    words = ["audit", f"{EXAMPLE}/faulty.py:conv2d", "--level", "fixtures", "--json", "verdict.json"]
    assert CliRunner().invoke(main, words).exit_code == 0
    told = json.loads((tmp_path / "verdict.json").read_text())
    assert (told["seed"], told["options"]["seconds"], told["options"]["level"]) == (7, 50, "fixtures")
    assert told["ignored"][0]["finding"]["fault"] == "kernel-flipped"
