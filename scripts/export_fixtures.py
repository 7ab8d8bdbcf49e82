#!/usr/bin/env python3
"""Write the golden vectors in the form that another tool reads: ONNX node tests, NumPy files, or a package.

    .venv/bin/python scripts/export_fixtures.py --format onnx DESTINATION
    .venv/bin/python scripts/export_fixtures.py --format npy DESTINATION
    .venv/bin/python scripts/export_fixtures.py --format npm DESTINATION
    .venv/bin/python scripts/export_fixtures.py --format crate DESTINATION

onnx: test_<id>/model.onnx, test_<id>/test_data_set_0/{input_0,...,output_0}.pb and data.json, whose tolerances are 0:
one Conv or ConvTranspose for every case of the families conv and conv_transpose that ONNX can say. It has no unbatched
input and no complex numbers; an empty batch has nothing to compare. 'same' is auto_pad; a padding mode is a Pad before
the Conv (circular takes opset 19).

npy: <id>/{x,w,...,y,dx,dw,db}.npy and case.json, a folder for every case.

npm: a package for Node.js with the whole set, what reads it, and a consumer as its test (`npm test`). crate: a crate
for Rust with the cores, what reads them, and a consumer as its test (`cargo test`). Neither depends on anything.

DESTINATION must not exist: it is there whole, or not at all. Exit code 2 for what does not fit.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from conv_oracle.golden import Entry, Family, FixtureError, load
from conv_oracle.golden.families import ANSWERS, Stored
from conv_oracle.golden.read import INDEX, named_files, read_index
from conv_oracle.operation import operation

SCRIPTS = Path(__file__).resolve().parent
REPOSITORY = SCRIPTS.parent
FIXTURES = REPOSITORY / "fixtures"
CONSUMERS, PACKAGES = SCRIPTS / "consumers", SCRIPTS / "packages"
OPSET, IR_VERSION = 13, 7
"""Old enough for every runtime that is still run."""

WRAPPING_OPSET, WRAPPING_IR_VERSION = 19, 9
"""The first in which Pad wraps around."""

PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}

Write = Callable[[Path, Entry, dict[str, Stored]], None]


def why_not_onnx(entry: Entry) -> str:
    """What of a case ONNX cannot express; '' where it can express all of it."""
    if entry["result"] != "valid":
        return "not valid"
    parameters = entry["parameters"]
    for said, true in (
        ("complex numbers", parameters["dtype"] != "float32"),
        ("no batch", len(parameters["input_shape"]) < len(parameters["weight_shape"])),
        ("an empty batch", parameters["input_shape"][0] == 0),
    ):
        if true:
            return said
    return ""


def onnx_model(entry: Entry) -> Any:
    """One Conv or ConvTranspose on X, W and perhaps B, behind a Pad where the padding is not of zeros."""
    from onnx import TensorProto, checker, helper  # noqa: PLC0415 - NumPy files need no onnx

    parameters = entry["parameters"]
    transposed = operation(parameters["operation"]).transposed
    attributes: dict[str, Any] = {
        "kernel_shape": parameters["weight_shape"][2:],
        "strides": parameters["stride"],
        "dilations": parameters["dilation"],
        "group": parameters["groups"],
    }
    pads = [side for pair in zip(*parameters["pads"], strict=True) for side in pair] if parameters["pads"] else []
    mode = PAD_MODES.get(parameters.get("padding_mode", "zeros"))
    if mode is not None:
        attributes["pads"] = [0] * len(pads)
    elif isinstance(parameters["padding"], str):
        attributes["auto_pad"] = {"same": "SAME_UPPER", "valid": "VALID"}[parameters["padding"]]
    else:
        attributes["pads"] = pads
    if transposed:
        attributes["output_padding"] = parameters["output_padding"]
    operands = {name.upper(): entry["operands"][name] for name in ("x", "w", "b") if name in entry["operands"]}
    read = [*operands] if mode is None else ["padded", *[*operands][1:]]
    nodes = [helper.make_node("ConvTranspose" if transposed else "Conv", read, ["Y"], **attributes)]
    constants = []
    if mode is not None:
        axes = len(pads) // 2
        around = [0, 0, *pads[:axes], 0, 0, *pads[axes:]]
        nodes.insert(0, helper.make_node("Pad", ["X", "around"], ["padded"], mode=mode))
        constants.append(helper.make_tensor("around", TensorProto.INT64, [len(around)], around))
    shapes = {name: described["shape"] for name, described in operands.items()}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("Y", TensorProto.FLOAT, entry["results"]["y"]["shape"])
    graph = helper.make_graph(nodes, entry["id"], inputs, [output], constants, doc_string=entry["comment"])
    opset, version = (WRAPPING_OPSET, WRAPPING_IR_VERSION) if mode == "wrap" else (OPSET, IR_VERSION)
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, producer_name="conv-oracle", ir_version=version, opset_imports=imports)
    checker.check_model(model, full_check=True)
    return model


def write_onnx(place: Path, entry: Entry, arrays: dict[str, Stored]) -> None:
    """The directory of a node test."""
    from onnx import numpy_helper  # noqa: PLC0415

    data = place / "test_data_set_0"
    data.mkdir(parents=True)
    (place / "model.onnx").write_bytes(onnx_model(entry).SerializeToString(deterministic=True))
    (place / "data.json").write_text(json.dumps({"rtol": 0.0, "atol": 0.0}) + "\n", encoding="utf-8")
    given = [name for name in ("x", "w", "b") if name in arrays]
    files = {f"input_{number}": name for number, name in enumerate(given)} | {"output_0": "y"}
    for file, name in files.items():
        tensor = numpy_helper.from_array(arrays[name], name.upper())
        (data / f"{file}.pb").write_bytes(tensor.SerializeToString(deterministic=True))


def write_npy(place: Path, entry: Entry, arrays: dict[str, Stored]) -> None:
    """A folder of a case: an array per file; an allowed answer in a folder of its convention."""
    place.mkdir(parents=True)
    (place / "case.json").write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")
    for name, array in arrays.items():
        file = place / f"{name}.npy"
        file.parent.mkdir(exist_ok=True)
        np.save(file, array, allow_pickle=False)


def cases(families: tuple[Family, ...]) -> Iterator[tuple[Family, Entry, dict[str, Stored]]]:
    """Every case with its arrays by name."""
    for family in families:
        own: dict[str, dict[str, Stored]] = {}
        for key, array in family.arrays.items():
            case, _, name = key.partition("/")
            own.setdefault(case, {})[name] = array
        for entry in family.questions:
            yield family, entry, own.get(entry["id"], {})


def export(families: tuple[Family, ...], form: str, place: Path) -> Counter[str]:
    """Write every case that the format can express, and count them; count the others by reason."""
    counts: Counter[str] = Counter()
    for family, entry, arrays in cases(families):
        if form == "npy":
            write_npy(place / entry["id"], entry, arrays)
        elif reason := why_not_onnx(entry) if ANSWERS.get(family.name) == "y" else "of gradients, sizes and sequences":
            counts[reason] += 1
            continue
        else:
            write_onnx(place / f"test_{entry['id'].replace('-', '_')}", entry, arrays)
        counts["written"] += 1
    return counts


def write_npm(place: Path, directory: Path) -> int:
    """A package for Node.js; how many files of the set are in it."""
    names = sorted({*named_files(read_index(directory)), INDEX})
    _copied(place, {f"data/{name}": directory / name for name in names})
    _copied(place, {name: CONSUMERS / name for name in ("vectors.js", "check.js")})
    _about(place)
    package = {
        "name": "conv-oracle-vectors",
        "version": f"{read_index(directory)['version']}.0.0",
        "description": ABOUT,
        "license": "MIT",
        "main": "vectors.js",
        "scripts": {"test": "node check.js data"},
    }
    (place / "package.json").write_text(json.dumps(package, indent=2) + "\n", encoding="utf-8")
    return len(names)


def write_crate(place: Path, directory: Path) -> int:
    """A crate for Rust; how many files of the set are in it."""
    index = read_index(directory)
    files = {operation: core["file"] for operation, core in index["cores"].items()}
    _copied(place, {f"data/{name}": directory / name for name in files.values()})
    _copied(place, {"src/json.rs": CONSUMERS / "json.rs", "src/lib.rs": PACKAGES / "lib.rs"})
    _copied(place, {"tests/common/convolution.rs": CONSUMERS / "convolution.rs"})
    _copied(place, {"tests/consumer.rs": PACKAGES / "consumer.rs"})
    _about(place)
    rows = "".join(f'    ("{name}", include_str!("../data/{file}")),\n' for name, file in files.items())
    data = f"""/// The version of the set.
pub const VERSION: u32 = {index["version"]};

/// The cores by operation, as JSON.
pub const CORES: [(&str, &str); {len(files)}] = [
{rows}];
"""
    (place / "src" / "data.rs").write_text(data, encoding="utf-8")
    manifest = f"""[package]
name = "conv-oracle-vectors"
version = "{index["version"]}.0.0"
edition = "2021"
description = "{ABOUT}"
license = "MIT"
readme = "README.md"
"""
    (place / "Cargo.toml").write_text(manifest, encoding="utf-8")
    return len(files)


ABOUT = "Golden vectors for convolution: exact, with gradients and bounds, flagged with the faults that each exposes"


def _about(place: Path) -> None:
    """The page and the licence."""
    _copied(place, {"README.md": FIXTURES / "README.md", "LICENSE": REPOSITORY / "LICENSE"})


def _copied(place: Path, files: Mapping[str, Path]) -> None:
    for name, source in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place / name)


WHOLE = {"npm": write_npm, "crate": write_crate}
"""The forms that take the files of the set as they are."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", required=True, type=click.Choice(["onnx", "npy", *WHOLE]), help="What is written.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=FIXTURES,
    help="Where the set is; the repository's fixtures/ by default.",
)
@click.argument("destination", type=click.Path(path_type=Path))
def command(form: str, directory: Path, destination: Path) -> int:
    """Write the golden vectors to DESTINATION, which must not exist, as ONNX node tests, NumPy files or a package."""
    if destination.exists():
        raise click.UsageError(f"the destination must not exist: {destination} does; {destination}-2 would fit")
    families = load(directory)
    destination.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        (beside / "whole").mkdir()
        counts = Counter(files=WHOLE[form](beside / "whole", directory)) if form in WHOLE else Counter()
        counts.update(export(families, form, beside / "whole") if form not in WHOLE else {})
        (beside / "whole").rename(destination)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if form in WHOLE:
        print(f"{destination}: {counts['files']} files of the set")
        return 0
    left = ", ".join(f"{count} {reason}" for reason, count in counts.items() if reason != "written")
    print(f"{destination}: {counts['written']} cases{f'; left out: {left}' if left else ''}")
    return 0


def main(arguments: list[str]) -> int:
    """The command, with its errors in one line each."""
    try:
        return int(command.main(arguments, prog_name="export_fixtures", standalone_mode=False) or 0)
    except click.ClickException as error:
        message = error.format_message()
    except (FixtureError, OSError) as error:
        message = str(error)
    except ModuleNotFoundError as error:
        message = f"a library is missing: {error}; `pip install conv-oracle[test]` would fit"
    except (click.Abort, KeyboardInterrupt):
        message = "interrupted; nothing was written"
    print(f"export_fixtures: {' '.join(message.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
