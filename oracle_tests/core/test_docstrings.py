"""Every public function and class says what it takes: its docstring names each parameter, or the function that does."""

import dataclasses
import importlib
import inspect
import re

import pytest

import conv_oracle
from conv_oracle import formulas, geometry, truth

CONVOLUTIONS = [name for name in conv_oracle.__all__ if name.startswith("conv")]
OF_TRUTH = re.findall(r"`((?:rounded|bound)\.\w+)`", truth.__doc__)


def of_truth(name):
    module, attribute = name.split(".")
    return getattr(importlib.import_module(f"conv_oracle.truth.{module}"), attribute)


PUBLIC = {
    **{f"conv_oracle.{name}": getattr(conv_oracle, name) for name in CONVOLUTIONS},
    **{f"formulas.{name}": getattr(formulas, name) for name in formulas.__all__},
    **{f"geometry.{name}": getattr(geometry, name) for name in geometry.__all__},
    **{f"truth.{name}": getattr(truth, name) for name in truth.__all__},
    **{f"truth.{name}": of_truth(name) for name in OF_TRUTH},
}
DOCUMENTED = {
    name: found
    for name, found in PUBLIC.items()
    if inspect.isroutine(found) or (inspect.isclass(found) and found.__module__.startswith("conv_oracle"))
}


BY_NAME = {name.rsplit(".", 1)[1]: found for name, found in DOCUMENTED.items()}


def parameters(found):
    if inspect.isclass(found):
        return [field.name for field in dataclasses.fields(found)]
    return [name for name in inspect.signature(found).parameters if name != "self"]


def words(found):
    """The words of a docstring, and of those that it takes its arguments from: "those of `conv`"."""
    text = inspect.getdoc(found) or ""
    named = [BY_NAME[name] for name in re.findall(r"those of `(\w+)`", text) if BY_NAME.get(name, found) is not found]
    return set(re.findall(r"\w+", " ".join([text, *(inspect.getdoc(other) or "" for other in named)])))


def unnamed(found):
    """The parameters that no docstring names."""
    known = words(found)
    return [name for name in parameters(found) if name not in known]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_parameter_is_named(name):
    assert unnamed(DOCUMENTED[name]) == []


def test_what_can_be_called_has_a_docstring_of_several_words():
    for name, found in DOCUMENTED.items():
        assert len((inspect.getdoc(found) or "").split()) >= 4, name
        if not inspect.isclass(found) or issubclass(found, Exception):
            continue
        for method, body in vars(found).items():
            if not method.startswith("_") and (inspect.isroutine(body) or isinstance(body, property)):
                assert inspect.getdoc(body), f"{name}.{method}"


def planted(stride, padding):
    """A function that says what its stride is."""


@dataclasses.dataclass
class Planted:
    """A class with a size."""

    size: int
    shape: tuple


def borrowed(f, g, mode, steps):
    """Operands are those of `convolve`."""


def test_an_undocumented_parameter_is_seen():
    assert unnamed(planted) == ["padding"]
    assert unnamed(Planted) == ["shape"]
    assert unnamed(borrowed) == ["steps"]
    assert unnamed(lambda kernel: kernel) == ["kernel"]


@pytest.mark.parametrize("module", [conv_oracle, formulas], ids=lambda module: module.__name__)
@pytest.mark.parametrize("name", [name for name in CONVOLUTIONS if re.search(r"\dd", name)])
def test_the_functions_of_pytorch_are_functions_of_their_own(module, name):
    found = getattr(module, name)
    assert (found.__name__, found.__qualname__, found.__module__) == (name, name, module.__name__)
    doc, dimensions = inspect.getdoc(found), int(re.search(r"\d", name)[0])
    letters = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}[dimensions]
    assert f"{name} " in doc
    assert letters in doc
    assert "{" not in doc
    assert "Raises GeometryError" in doc
    assert "S1" in doc
    torch_name = name if name[-1] == "d" else f"grad.{name}"
    assert re.search(rf"torch\.nn\.\w+\.{name}\b", doc), torch_name


def test_both_faces_have_the_same_convolutions():
    assert set(CONVOLUTIONS) <= set(formulas.__all__)
    assert {name for name in formulas.__all__ if re.match(r"conv(\d|_)", name) or name == "conv"} == set(CONVOLUTIONS)
    pairs = [(getattr(conv_oracle, name), getattr(formulas, name)) for name in CONVOLUTIONS]
    assert all(inspect.signature(one) == inspect.signature(other) for one, other in pairs)
    assert all(one != other for one, other in pairs)


def test_the_contents_of_truth_are_there():
    assert len(OF_TRUTH) >= 14
    assert all(callable(of_truth(name)) for name in OF_TRUTH)
