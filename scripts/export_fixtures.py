#!/usr/bin/env python3
"""Write the golden vectors in the form that another tool reads: ONNX backend node tests, or NumPy files.

    .venv/bin/python scripts/export_fixtures.py --format onnx DESTINATION
    .venv/bin/python scripts/export_fixtures.py --format npy DESTINATION

onnx: test_<id>/model.onnx, test_<id>/test_data_set_0/{input_0,...,output_0}.pb and data.json, whose tolerances are 0:
one Conv or ConvTranspose for every case of the families conv and conv_transpose that ONNX can say. It has no unbatched
input, no padding mode but zeros and no complex numbers; an empty batch has nothing to compare. 'same' is auto_pad.

npy: <id>/{x,w,...,y,dx,dw,db}.npy and case.json, a folder for every case.

DESTINATION must not exist: it is there whole, or not at all. Exit code 2 for what does not fit.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from conv_oracle.golden import Entry, Family, FixtureError, load
from conv_oracle.golden.families import ANSWERS, FAULTS, Stored
from conv_oracle.operation import operation

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
OPSET, IR_VERSION = 13, 7
"""Old enough for every runtime that is still run."""

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
        ("another padding mode", parameters.get("padding_mode", "zeros") != "zeros"),
    ):
        if true:
            return said
    return ""


def onnx_model(entry: Entry) -> Any:
    """One Conv or ConvTranspose on X, W and perhaps B."""
    from onnx import TensorProto, checker, helper  # noqa: PLC0415 - NumPy files need no onnx

    parameters = entry["parameters"]
    transposed = operation(parameters["operation"]).transposed
    attributes: dict[str, Any] = {
        "kernel_shape": parameters["weight_shape"][2:],
        "strides": parameters["stride"],
        "dilations": parameters["dilation"],
        "group": parameters["groups"],
    }
    if isinstance(parameters["padding"], str):
        attributes["auto_pad"] = {"same": "SAME_UPPER", "valid": "VALID"}[parameters["padding"]]
    else:
        attributes["pads"] = [side for pair in zip(*parameters["pads"], strict=True) for side in pair]
    if transposed:
        attributes["output_padding"] = parameters["output_padding"]
    operands = {name.upper(): entry["operands"][name] for name in ("x", "w", "b") if name in entry["operands"]}
    node = helper.make_node("ConvTranspose" if transposed else "Conv", [*operands], ["Y"], **attributes)
    shapes = {name: described["shape"] for name, described in operands.items()}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("Y", TensorProto.FLOAT, entry["results"]["y"]["shape"])
    graph = helper.make_graph([node], entry["id"], inputs, [output], doc_string=entry["comment"])
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, producer_name="conv-oracle", ir_version=IR_VERSION, opset_imports=[opset])
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
        for entry in family.cases if family.name != FAULTS else ():
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


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--format", "form", required=True, type=click.Choice(["onnx", "npy"]), help="What is written.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=FIXTURES,
    help="Where the set is; the repository's fixtures/ by default.",
)
@click.argument("destination", type=click.Path(path_type=Path))
def command(form: str, directory: Path, destination: Path) -> int:
    """Write the golden vectors to DESTINATION, which must not exist, as ONNX node tests or as NumPy files."""
    if destination.exists():
        raise click.UsageError(f"the destination must not exist: {destination} does; {destination}-2 would fit")
    families = load(directory)
    destination.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=destination.parent))
    try:
        counts = export(families, form, beside / "whole")
        (beside / "whole").rename(destination)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
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
