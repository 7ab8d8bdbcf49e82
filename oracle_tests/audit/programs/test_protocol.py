"""The protocol's page is what is spoken, and what the command says of programs is one line."""

import json
import re
import shlex
import subprocess
import sys
from inspect import signature
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from audit.finding_script import run_script
from audit.programs.planted import SERVERS, WRONG, planted
from conv_oracle.auditing import ORDER, audit
from conv_oracle.auditing.targets import commanded
from conv_oracle.auditing.targets.program import program_at
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation, torch_operations

ROOT = SERVERS.parents[1]
PAGE, SECTION = ROOT / "reference" / "PROTOCOL.md", ROOT / "reference" / "targets_program.md"
SCHEMA = ROOT / "reference" / "conv_oracle" / "report" / "verdict.schema.json"
PYTHON = f"{sys.executable} {SERVERS / 'conv.py'}"

RECORDER = """
import json, sys
for line in sys.stdin.buffer:
    ask = json.loads(line)
    data = sys.stdin.buffer.read(ask.get("bytes", 0))
    with open(sys.argv[1], "a") as file: print(json.dumps(ask), file=file)
    print(json.dumps(HELLO if "protocol" in ask else {"refused": "everything"}), flush=True)
"""


@pytest.fixture
def recorded(tmp_path):
    """Makes the function that asks a program with a given first answer, and what reads the requests so far."""

    def made(op, hello):
        (tmp_path / "program.py").write_text(f"HELLO = {hello}\n{RECORDER}")
        making = commanded(
            f"{sys.executable} {tmp_path / 'program.py'} {tmp_path / 'asked'}",
            operation(op),
            ("float32",),
        )
        function = program_at("", making.words)
        return function, lambda: [json.loads(line) for line in (tmp_path / "asked").read_text().splitlines()]

    return made


def lines_of_the_page():
    return [json.loads(text) for text in re.findall(r"`(\{.*?\})`", PAGE.read_text(encoding="utf-8"))]


def test_the_page_shows_what_is_sent_and_what_a_server_answers(recorded):
    first, hello, request, answer, refusal, error = lines_of_the_page()
    said = {**hello, "parameters": ["bias", "stride", "padding", "dilation", "groups"]}
    function, requests = recorded("conv2d", said)
    x, w, b = (np.ones(request[name], "float32") for name in ("input", "weight", "bias"))
    geometry = {name: tuple(request[name]) for name in ("stride", "padding", "dilation")}
    with pytest.raises(NotImplementedError, match="everything"):
        function(x, w, b, **geometry, groups=request["groups"])
    assert requests() == [first, request]
    assert f"echo '{json.dumps(first)}' | node conv.js" in PAGE.read_text(encoding="utf-8")
    told = json.dumps(request).encode() + b"\n" + x.tobytes() + w.tobytes() + b.tobytes()
    done = subprocess.run(shlex.split(PYTHON), input=told, capture_output=True, check=True)
    line, _, data = done.stdout.partition(b"\n")
    assert json.loads(line) == answer
    assert len(data) == answer["bytes"]
    invalid = {**request, "weight": [6, 2, 30, 2], "bytes": 4 * (1008 // 2 + 720 + 6)}
    told = json.dumps(invalid).encode() + b"\n" + bytes(invalid["bytes"])
    done = subprocess.run(shlex.split(PYTHON), input=told, capture_output=True, check=True)
    assert error["error"] in json.loads(done.stdout)["error"]
    assert refusal.keys() == {"refused"}


def test_the_page_names_the_keys_of_every_operation():
    rows = re.findall(r"^\| ((?:`conv\w+`(?:, )?)+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: re.findall(r"`(\w+)`", keys) for names, keys in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == {op.name: [*ORDER[op.nd_name]] for op in torch_operations()}


@pytest.mark.parametrize("op", list(map(str, torch_operations())))
def test_every_key_of_an_operation_is_sent(op, recorded):
    chosen = operation(op)
    function, requests = recorded(op, {"protocol": 1, "operations": [op]})
    shapes = {name: (2, 3, *range(4, 4 + chosen.axes)) for name in ("input", "weight", "grad_output")}
    sizes = dict.fromkeys(("input_size", "weight_size"), shapes["input"])
    given = {**{name: np.ones(shape, "float32") for name, shape in shapes.items()}, **sizes}
    taken = [name for name in ORDER[chosen.nd_name] if name in given]
    assert tuple(signature(function).parameters) == ORDER[chosen.nd_name]
    with pytest.raises(NotImplementedError):
        function(*(given[name] for name in taken), stride=2, padding=[*range(chosen.axes)])
    sent = requests()[-1]
    assert {*sent} == {"operation", "dtype", "bytes", *ORDER[chosen.nd_name]}
    assert (sent["operation"], sent["dtype"], sent["groups"]) == (op, "float32", 1)
    assert (sent["stride"], sent["padding"]) == ([2] * chosen.axes, [*range(chosen.axes)])
    arrays = [name for name in taken if not name.endswith("_size")]
    assert sent["bytes"] == sum(given[name].nbytes for name in arrays)
    assert all(sent[name] == list(shapes["input"]) for name in taken)


def test_what_a_program_takes_is_its_signature_and_the_rest_is_sent_at_its_default(recorded):
    hello = {"protocol": 1, "operations": ["conv2d"], "parameters": ["stride"], "dtypes": ["float32", "int8"]}
    function, requests = recorded("conv2d", hello)
    assert list(signature(function).parameters) == ["input", "weight", "stride"]
    x, w = np.ones((1, 1, 4, 5), "float32"), np.ones((1, 1, 2, 2), "float32")
    with pytest.raises(NotImplementedError, match="everything"):
        function(x, w, 2)
    assert requests()[-1] == {
        "operation": "conv2d",
        "dtype": "float32",
        "input": [1, 1, 4, 5],
        "weight": [1, 1, 2, 2],
        "bias": None,
        "stride": [2, 2],
        "padding": [0, 0],
        "dilation": [1, 1],
        "groups": 1,
        "bytes": 96,
    }
    with pytest.raises(TypeError, match="padding"):
        function(x, w, padding=1)
    for others, said in (
        (([a.astype("float64") for a in (x, w)]), "dtype float64: the program takes float32, int8"),
        ((x, w, "same"), "the protocol has numbers alone: stride='same'"),
        ((x[0], w), "the protocol has batches alone: input has 3 axes"),
    ):
        with pytest.raises(NotImplementedError, match=said):
            function(*others)
    assert len(requests()) == 2


def test_operands_are_sent_in_c_order():
    making = commanded(PYTHON, operation("conv2d"), ("float64",))
    function = program_at("", making.words)
    x = np.arange(40.0).reshape(1, 2, 4, 5)
    w = np.arange(8.0).reshape(1, 2, 2, 2)
    plain = function(x, w)
    turned = function(np.asfortranarray(x), w[..., ::-1].copy()[..., ::-1])
    assert type(plain) is np.ndarray
    assert plain.tobytes() == turned.tobytes()
    assert plain[0, 0, 0, 0] == (x[0, :, :2, :2] * w[0]).sum()


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


BROKEN = {
    "no-such-program-at-all conv2d": "a command starts with a program that is there: command='no-such-program",
    "node 'conv2d.js": "a command is parted as a shell does: command=",
    " ": "a command starts a program: command=' '",
    f"{sys.executable} no_such_file.py": "the program ended with exit code 2 before it answered the first line",
    "cat": "the first answer has the protocol and a list of operations: answer={'protocol': 1}; {\"protocol\": 1",
    "sh -c 'read line; kill -9 $$'": "the program ended by SIGKILL before it answered the first line",
}
ANSWERS = {
    "hello": "wrote b'hello\\n', which is no JSON object; for people there is standard error",
    '{"protocol": 1, "operations": "conv2d"}': "a list of names: operations='conv2d'",
    '{"protocol": 1, "operations": ["conv1d"]}': "the program takes conv1d: --op is conv2d; --op conv1d would fit",
    '{"protocol": 1, "operations": []}': "takes nothing: --op is conv2d; a program that takes some would fit",
    '{"protocol": 1, "operations": ["conv2d"], "dtypes": ["int8"]}': "--dtype is float64; --dtype int8 would fit",
    '{"refused": "this version"}': "NotImplementedError: this version",
}
BROKEN |= {f"sh -c {shlex.quote(f'read line; echo {shlex.quote(answer)}')}": said for answer, said in ANSWERS.items()}


@pytest.mark.parametrize("command", BROKEN)
def test_a_broken_command_is_one_line_and_exit_code_2(command):
    result = run("audit", "--command", command, "--op", "conv2d", "--level", "quick")
    assert result.exit_code == 2
    assert BROKEN[command] in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert "Traceback" not in result.output


def test_what_points_at_the_subject_is_said_once():
    for words, said in (
        (["audit", "a.py:conv2d", "--command", "sh conv2d.sh"], "one subject is audited: target='a.py:conv2d' with"),
        (["audit", "--command", "sh conv.sh"], "the operation cannot be inferred from the command"),
        (["audit", "--command", "sh conv2d.sh", "--arrays", "torch"], "a command takes NumPy's arrays"),
    ):
        result = run(*words)
        assert result.exit_code == 2
        assert said in result.output
        assert len(result.output.strip().splitlines()) == 1


def test_a_finding_is_reported_replayed_and_shown_by_a_script(tmp_path, quick_is_brief):  # noqa: ARG001 - it only acts
    one = next(one for one in WRONG if one.server == "conv.py")
    command, told, script = planted(one, tmp_path), tmp_path / "told.json", tmp_path / "script.py"
    words = ("--op", "conv2d", "--level", "quick", "--fail-fast", "--seed", 1)
    result = run("audit", "--command", command, *words, "--json", told, "--markdown", tmp_path / "told.md")
    assert result.exit_code == 1
    assert result.output.startswith(f"{command} as conv2d: faulty")
    (line,) = re.findall(r"^  repeat    conv-oracle (replay .*)$", result.output, re.MULTILINE)
    document = json.loads(told.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["target"] == document["options"]["command"] == command
    assert line in (tmp_path / "told.md").read_text()
    assert document["findings"][0]["evidence"]["call"].startswith("conv2d(input, weight, bias")
    assert shlex.split(line)[-2:] == ["--command", command]
    replayed = run("replay", told, "--script", script)
    assert replayed.exit_code == 1, replayed.output
    assert f"{one.named}: " in replayed.output
    shown = run_script(script.read_text(), tmp_path)
    assert shown.stderr.splitlines()[-1].startswith("AssertionError")
    (tmp_path / "conv.py").write_text((SERVERS / "conv.py").read_text())
    assert run_script(script.read_text(), tmp_path).returncode == 0


def test_the_section_for_newcomers_says_what_is_so(monkeypatch, quick_is_brief):  # noqa: ARG001 - it only acts
    (line,) = re.findall(r"^conv-oracle (audit .*)$", SECTION.read_text(encoding="utf-8"), re.MULTILINE)
    monkeypatch.chdir(ROOT)
    result = run(*shlex.split(line))
    assert result.exit_code == 0, result.output
    assert "conforms" in result.output.splitlines()[0]


def test_the_constants_of_its_text_are_asked_and_the_file_is_known():
    assert commanded(PYTHON, operation("conv1d"), ()).source == str(SERVERS / "conv.py")
    assert commanded(f"{sys.executable} -c pass", operation("conv1d"), ()).source == ""


def test_an_audit_takes_a_command_from_a_program():
    with pytest.raises(TargetError, match="is not found, or not executable"):
        audit(command=str(Path("no") / "such" / "program"), op="conv2d")
