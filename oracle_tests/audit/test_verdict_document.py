"""The JSON of a verdict keeps its published schema, which is shipped with the package."""

import json
import warnings
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import get_args

import jsonschema
import ml_dtypes
import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import (
    Earlier,
    Evidence,
    Exercise,
    Finding,
    Repetition,
    Rounding,
    Scope,
    Term,
    Verdict,
    audit,
)
from conv_oracle.auditing.diagnosis import listed
from conv_oracle.auditing.finding import Diagnosis, Kind
from conv_oracle.auditing.verdict import Status
from conv_oracle.report.document import SCHEMA_VERSION, document

HERE = Path(__file__).parent
SCHEMA = json.loads(resources.files("conv_oracle.report").joinpath("verdict.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "status"),
    [("kernel_flipped_along_width", "faulty"), ("right", "conforms"), ("refuses_everything", "no-verdict")],
)
def test_a_document_keeps_the_schema(name, status):
    verdict = audit(f"{HERE}/faulty_subjects.py:{name}", op="conv2d", level=BRIEF, seed=3)
    assert verdict.verdict == status
    written = json.loads(json.dumps(document(verdict), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    for broken in ({**written, "verdict": "fine"}, {**written, "seed": "3"}, {**written, "extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)
    del written["scope"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, SCHEMA)


def test_the_schema_is_one_and_knows_every_field_kind_and_status():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    parts = (Evidence, Repetition, Earlier, Exercise, Term, Diagnosis, Rounding)
    for kind in (Verdict, Scope, Finding, *parts):
        assert all(f'"{field.name}"' in text for field in fields(kind)), kind
    assert all(f'"{word}"' in text for word in (*get_args(Kind), *get_args(Status)))
    assert SCHEMA["$defs"]["verdict"]["properties"]["schema"] == {"const": SCHEMA_VERSION}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_operands_are_listed_as_short_as_they_are_exact(dtype):
    form = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    whole, halves = np.array([[1, -3], [0, 2]]).astype(form), np.array([0.5, 2]).astype(form)
    with warnings.catch_warnings(action="error"):
        assert listed({"input": whole, "weight": halves}) == {"input": [[1, -3], [0, 2]], "weight": [0.5, 2.0]}
    assert listed({"input": whole})["input"][0] == [1, -3]
    assert listed({"input": np.array([np.inf, 1], form)}) == {"input": ["inf", "1"]}
