"""What the tests of exports share."""

from dataclasses import replace

import pytest

from audit.brief import HURRIED
from audit.offline.answering import answered, right, small
from conv_oracle.auditing import LEVELS, Choices, export

TINY = replace(
    HURRIED, covering=16, one_axis=8, tails=8, pairs=2, large=0, layers=2, sorts=2, crossed=2, diagnosis_seconds=20.0
)


def exported_to(directory, op, dtype):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LEVELS, "quick", TINY)
        export(directory, Choices(op=op, dtypes=(dtype,)), seed=1)
    return directory


@pytest.fixture
def tiny(monkeypatch):
    """Level 'quick' asks as little as can be, of an export and of its grading."""
    monkeypatch.setitem(LEVELS, "quick", TINY)


@pytest.fixture
def hasty(tiny, monkeypatch):  # noqa: ARG001 - it comes after that one
    """The same, and a diagnosis that names little."""
    monkeypatch.setitem(LEVELS, "quick", replace(TINY, diagnosis_seconds=0.2))


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """An export of conv2d in integers, which has no rounding: it is copied, and not changed."""
    return exported_to(tmp_path_factory.mktemp("exported") / "whole", "conv2d", "int32")


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """An export of conv2d in float64, which is copied, and not changed."""
    return exported_to(tmp_path_factory.mktemp("exported") / "real", "conv2d", "float64")


@pytest.fixture(scope="session")
def line(tmp_path_factory):
    """An export of conv1d in float64, which is copied, and not changed."""
    return exported_to(tmp_path_factory.mktemp("exported") / "line", "conv1d", "float64")


@pytest.fixture(scope="session")
def conforming(exported, tmp_path_factory):
    """That in integers, answered rightly; it is copied, and not changed."""
    return answered(exported, tmp_path_factory.mktemp("answered") / "whole", small(right("conv2d")))
