"""The documents are true: links and paths exist, snippets run, commands parse, and README shows what is printed.

The finding in README is a verbatim excerpt of what the command above it prints. Where the words of a report change, run
that command and paste its output from the first line to `learn` into the block.
"""

import ast
import json
import os
import re
import shlex
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conv_oracle import formulas, geometry
from conv_oracle.auditing import ALLOWED, LEVELS, Level
from conv_oracle.cli import main
from conv_oracle.faults import CATALOGUE

ROOT = Path(__file__).parents[2]
README, AUDIT, FORMULAS = ROOT / "README.md", ROOT / "reference" / "AUDIT.md", ROOT / "reference" / "FORMULAS.md"
AGENTS = ROOT / "reference" / "AGENTS.md"
SCHEMA = ROOT / "reference" / "conv_oracle" / "report" / "verdict.schema.json"
MOST_BYTES = 8000

IGNORED = (".git", *(line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()))


def ignored(name):
    return any(fnmatch(name, pattern) for pattern in IGNORED)


def everything():
    """Every file and folder of the repository, as paths from its root."""
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not ignored(name)]
        found |= {(Path(folder) / name).relative_to(ROOT).as_posix() for name in (*folders, *files)}
    return found


PATHS = everything()
DOCUMENTS = [ROOT / path for path in sorted(PATHS) if path.endswith(".md")]
TOP = {path for path in PATHS if "/" not in path}
SUFFIXES = {Path(path).suffix for path in PATHS} - {""}


def parted(text):
    """(what is outside of fenced blocks, the blocks as pairs of their language and text)."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return fence.sub("", text), fence.findall(text)


def spans(text):
    """What stands in backticks, on one line or over several."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", parted(text)[0])]


def anchors(text):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", parted(text)[0], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(target, text, document):
    """Whether a link of a document has no file, or no heading, in the repository."""
    path, _, anchor = target.partition("#")
    file = (document.parent / path).resolve() if path else document
    if not file.is_relative_to(ROOT) or (path and file.relative_to(ROOT).as_posix() not in PATHS):
        return True
    return bool(anchor) and anchor not in anchors(text if file == document else file.read_text(encoding="utf-8"))


def dead_links(text, document):
    """The links of a document that lead nowhere in the repository; what lies outside of it is not looked at."""
    targets = re.findall(r"(?<!\\)\]\(([^)\s]+)\)", re.sub(r"`[^`]+`", "", parted(text)[0]))
    ours = [target for target in targets if not re.match(r"https?:|mailto:", target)]
    return [target for target in ours if leads_nowhere(target, text, document)]


def there(path, folder):
    """Whether a path is there, from the folder or from the root; of a name alone, whether anything has it."""
    path = path.rstrip("/")
    if "/" not in path and path not in TOP:
        return any(fnmatch(known.rpartition("/")[2], path) for known in PATHS)
    beside = (folder.relative_to(ROOT) / path).as_posix()
    return any(fnmatch(known, path) or fnmatch(known, beside) for known in PATHS)


def dead_paths(text, document):
    """The paths in backticks that are not there. What is named as ours is: a folder, a file's suffix, a top folder."""
    dead = []
    for span in spans(text):
        for number, word in enumerate(span.split()):
            if not re.fullmatch(r"[\w.*-]+(/[\w.*-]+)*/?", word) or ignored(word.rstrip("/")):
                continue
            ours = "/" in word and word.partition("/")[0] in TOP
            named = number == 0 and (word.endswith("/") or Path(word).suffix in SUFFIXES)
            if (ours or named) and not there(word, document.parent):
                dead.append(word)
    return dead


def wrong_claims(source):
    """The expressions of a snippet whose comment is not what they are."""
    scope, lines, wrong = {}, source.splitlines(), []
    for node in ast.parse(source).body:
        text = ast.get_source_segment(source, node)
        said = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode().strip()
        if isinstance(node, ast.Expr) and said.startswith("#"):
            got = repr(eval(text, scope))  # noqa: S307 - the documents' text is what is under test
            wrong += [f"{text} is {got}"] if got != said.lstrip("# ") else []
        else:
            exec(text, scope)  # noqa: S102 - the documents' text is what is under test
    return wrong


def commands(text):
    """The commands in plain blocks and in backticks, as they are typed."""
    blocks = [line for language, block in parted(text)[1] if language in ("", "sh") for line in block.splitlines()]
    lines = [line.removeprefix("$ ") for line in (*blocks, *spans(text))]
    return [line for line in lines if re.match(r"(scripts/audit|conv-oracle) \S", line)]


def trouble(line):
    """What is wrong with a command; None where it parses, and its own words are known."""
    first, *words = shlex.split(line, comments=True)
    alone = first == "scripts/audit" and words[0] not in main.commands
    name, *rest = ["audit", *words] if alone else words
    if name not in main.commands:
        return f"no such command: {name}"
    if not rest:  # it is named, not given
        return None
    command = main.commands[name]
    try:
        given = command.make_context(name, [*rest]).params
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        return error.format_message()
    files = [word.partition(":")[0] for word in rest if word.partition("/")[0] in TOP and "/" in word]
    wrong = [*unknown(command, given), *(f"no such file: {file}" for file in files if file not in PATHS)]
    return "; ".join(wrong) or None


def unknown(command, given):
    """The values that a command parses and does not know."""
    for option in command.params:
        known = (option.metavar or "").split("|")
        if len(known) > 1 and given[option.name] not in known:
            yield f"{option.name} is one of {known}"
    if given.get("arithmetic", "any-order") not in ALLOWED:
        yield "no such arithmetic"
    fault = given.get("fault") or ""
    if re.fullmatch(r"[a-z0-9-]+", fault) and fault not in CATALOGUE:
        yield f"no such fault: {fault}"


def shown(text):
    """(the command, the lines below it) of the block in README that shows a finding."""
    (block,) = [block for _, block in parted(text)[1] if block.startswith("$ ")]
    command, *lines = block.splitlines()
    return command.removeprefix("$ "), lines


def is_excerpt(lines, output):
    """Whether the lines stand in the output as they are, one after another."""
    whole = output.splitlines()
    return any(whole[start : start + len(lines)] == lines for start in range(len(whole)))


@pytest.fixture(scope="module")
def texts():
    return {document: document.read_text(encoding="utf-8") for document in DOCUMENTS}


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_front_door_is_short():
    assert README.stat().st_size <= MOST_BYTES


def reached(texts):
    """The documents that links lead to from the front door, through others or at once."""
    found = [README]
    for document in found:
        targets = re.findall(r"\]\(([^)#\s]+\.md)", parted(texts[document])[0])
        known = [(document.parent / target).resolve() for target in targets]
        found += [path for path in dict.fromkeys(known) if path in texts and path not in found]
    return found


def test_links_lead_to_every_document_from_the_front_door(texts):
    assert sorted(reached(texts)) == DOCUMENTS
    without = {document: text.replace("AUDIT.md", "README.md") for document, text in texts.items()}
    assert AUDIT not in reached(without)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(document, texts):
    assert dead_links(texts[document], document) == []
    assert dead_paths(texts[document], document) == []


@pytest.mark.parametrize(
    ("line", "dead"),
    [
        ("see [there](reference/NOWHERE.md)", "reference/NOWHERE.md"),
        ("see [there](reference/AUDIT.md#no-such-heading)", "reference/AUDIT.md#no-such-heading"),
        ("see [there](#no-such-heading)", "#no-such-heading"),
        ("see [there](../outside.md)", "../outside.md"),
        ("see [`there`](nowhere/)", "nowhere/"),
        ("`scripts/no_such_script.py --check`", "scripts/no_such_script.py"),
        ("`scripts/test oracle_tests/nowhere`", "oracle_tests/nowhere"),
        ("`test_nothing.py`", "test_nothing.py"),
        ("f [f*g](x)", "x"),
        ("`nowhere/`", "nowhere/"),
        ("`scripts/no_*.py`", "scripts/no_*.py"),
    ],
)
def test_a_dead_link_is_seen(line, dead):
    text = f"# Start\n\n[README](README.md#start), [here](#start), `scripts/test`.\n\n{line}\n"
    assert [*dead_links(text, README), *dead_paths(text, README)] == [dead]


def test_the_map_of_the_house_is_the_house(texts):
    (block,) = [block for _, block in parted(texts[README])[1] if block.startswith("reference/conv_oracle/")]
    above, named = "", []
    for indent, name in re.findall(r"^( {0,4})(\S+)", block, re.MULTILINE):
        above = above if indent else name
        named.append(above + name if indent else name)
    assert [path for path in named if path.rstrip("/") not in PATHS] == []
    package = "reference/conv_oracle/"
    rooms = {path for path in PATHS if path.startswith(package) and path.count("/") == 2}
    told = {path.rstrip("/") for path in named}
    assert {path for path in rooms if path not in told} == {f"{package}__init__.py", f"{package}py.typed"}


@pytest.mark.parametrize("document", [README, AUDIT, FORMULAS, AGENTS], ids=lambda path: path.name)
def test_snippets_run_and_say_what_they_give(document, texts, at_root):  # noqa: ARG001 - a fixture that only acts
    snippets = [block for language, block in parted(texts[document])[1] if language == "python"]
    assert snippets
    assert [wrong for snippet in snippets for wrong in wrong_claims(snippet)] == []


def test_a_snippet_that_says_something_else_is_seen():
    assert wrong_claims("x = 2  # prose\nx + 1  # 3\n") == []
    assert wrong_claims("x = 2\nx + 1    # 4\n") == ["x + 1 is 3"]
    with pytest.raises(NameError):
        wrong_claims("undefined.shape\n")


def test_commands_parse(texts):
    known = [line for document in DOCUMENTS for line in commands(texts[document])]
    assert len(known) > 10
    assert {line: said for line in known if (said := trouble(line))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "scripts/audit mine.py:conv2d --no-such-option",
        "scripts/audit mine.py:conv2d --level swift",
        "scripts/audit mine.py:conv2d --arithmetic coarse",
        "scripts/audit scripts/example/none.py:conv2d",
        "conv-oracle init --ops f",
        "conv-oracle audit mine.py:conv2d other.py:conv2d",
        "conv-oracle invent FAULT",
        "conv-oracle explain no-such-fault",
    ],
)
def test_a_command_that_does_not_parse_is_seen(line):
    assert trouble(line)


def test_the_finding_in_readme_is_what_is_printed(texts, at_root):  # noqa: ARG001 - a fixture that only acts
    command, lines = shown(texts[README])
    assert command.startswith("scripts/audit ")
    assert "--seed " in command
    result = CliRunner().invoke(main, ["audit", *shlex.split(command)[1:]])
    assert result.exit_code == 1
    assert lines[0].endswith("faulty: 1 finding")
    assert "  learn " in lines[-1]
    assert is_excerpt(lines, result.output), result.output
    for number, line in enumerate(lines):
        assert not is_excerpt([*lines[:number], f"{line}.", *lines[number + 1 :]], result.output)
        assert not is_excerpt([*lines[:number], *lines[number + 1 :]], result.output) or number in (0, len(lines) - 1)


def rows(text, heading):
    """The cells of the tables below a heading, up to the next one of its rank."""
    part = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [line for line in part[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def wrong_budgets(text):
    """The budgets of a level in the table that are not the code's; "all" is None there, and "-" is not looked at."""
    wrong = []
    for row in rows(text, "Budgets"):
        if match := re.fullmatch(r"\[`Level\.(\w+)`\]", row[-1]):
            for level, cell in zip(("quick", "standard", "exhaustive", "fixtures"), row[1:-1], strict=True):
                value = getattr(LEVELS[level], match[1])
                said = None if cell.startswith("all") else cell.replace(",", "")
                if said != "-" and (said and float(said)) != value:
                    wrong.append(f"{match[1]} of {level} is {value}, not {cell}")
    return wrong


def test_the_budgets_of_a_level_are_the_codes(texts):
    text = texts[AUDIT]
    described = [match[1] for row in rows(text, "Budgets") if (match := re.fullmatch(r"\[`Level\.(\w+)`\]", row[-1]))]
    assert sorted(described) == sorted(field.name for field in fields(Level) if field.name != "name")
    assert wrong_budgets(text) == []
    assert wrong_budgets(text.replace("| 240 | all |", "| 241 | 7 |")) == [
        "covering of quick is 240, not 241",
        "covering of standard is None, not 7",
    ]
    assert wrong_budgets(text.replace("| 240 | all |", "| all | all |")) == ["covering of quick is 240, not all"]


def test_what_an_audit_takes_and_says_is_described(texts):
    told = {word for span in spans(texts[AUDIT]) for word in span.split()}
    options = {name for option in main.commands["audit"].params for name in option.opts if name.startswith("--")}
    assert options - told == set()
    assert {*LEVELS, *ALLOWED} - told == set()
    shape = json.loads(SCHEMA.read_text())["$defs"]
    keys = {*shape["verdict"]["properties"], *shape["scope"]["properties"]}
    assert {*keys, *shape["finding"]["properties"]["kind"]["enum"]} - told == set()


def test_the_functions_of_the_formulas_are_there(texts):
    table = rows(texts[FORMULAS], "The formulas")[2:]
    assert [row[0] for row in table] == [f"S{number}" for number in range(1, 16)]
    for _, _, _, functions, tests in table:
        for name in re.findall(r"`(?:formulas\.|geometry\.)?([\w.]+)`", functions):
            found = geometry if hasattr(geometry, name) else formulas
            for part in name.split("."):
                found = getattr(found, part)
        assert all((ROOT / "oracle_tests" / "formulas" / name).is_file() for name in re.findall(r"`([^`]+)`", tests))
