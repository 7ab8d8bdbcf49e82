"""Objects of the running process are found again by their names; what has none that means them is refused in a line."""

import functools
import json
import sys
from pathlib import Path

import pytest

import conv_oracle
from conv_oracle.errors import TargetError
from conv_oracle.testing import target_of
from conv_oracle.testing.subjects import Named

HERE = Path(__file__).relative_to(Path.cwd()) if Path(__file__).is_relative_to(Path.cwd()) else Path(__file__)


def conv2d(x, w):
    return x, w


class Layer:
    """A class, of which one object has a name and others have none."""

    def forward(self, x):
        return x

    @staticmethod
    def conv2d(x, w):
        return x, w

    def __call__(self, x):
        return x


layer = Layer()
partial = functools.partial(conv2d, w=1)
first = conv2d


def conv1d(x):
    return x


def wrapped(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)

    return inner


under_another_name = wrapped(conv2d)
original, conv1d = conv1d, wrapped(conv1d)


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (conv2d, "conv2d"),
        (Layer, "Layer"),
        (Layer.conv2d, "Layer.conv2d"),
        (layer, "layer"),
        (layer.forward, "layer.forward"),
        (partial, "partial"),
        (first, "conv2d"),
        (conv1d, "conv1d"),
        (original, "original"),
    ],
)
def test_what_the_file_has_under_a_name_is_that(subject, name):
    assert target_of(subject) == Named(f"{HERE}:{name}")


def test_a_text_is_a_target_already():
    assert target_of("kernels.py:conv2d") == Named("kernels.py:conv2d")


def test_of_a_module_the_operation_names_the_function():
    assert target_of(sys.modules[__name__], "conv2d") == Named(f"{HERE}:conv2d")
    with pytest.raises(TargetError, match="op names the function that is meant: op=None"):
        target_of(sys.modules[__name__])


def test_of_a_package_the_module_is_named_and_its_folder():
    reference = str(Path(conv_oracle.__file__).parents[1])
    assert target_of(json.dumps).target == "json:dumps"
    assert target_of(conv_oracle.formulas.conv2d) == Named("conv_oracle.formulas:conv2d", reference)


def test_without_a_source_the_module_is_named():
    assert target_of(len) == Named("builtins:len")


def made():
    def conv2d(x, w):
        return x, w

    return conv2d


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (lambda x, w: (x, w), "is a lambda"),
        (made(), "subject=made.<locals>.conv2d is made inside a function"),
        (Layer(), "subject=<Layer object>, which none holds"),
        (Layer().forward, "subject=<Layer object>, which none holds"),
        (functools.partial(conv2d, w=2), "subject=<partial object>, which none holds"),
        (wrapped(Layer.conv2d), "means another object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_name_means_is_refused_in_a_line(subject, said):
    with pytest.raises(TargetError, match=said) as caught:
        target_of([subject].pop())
    assert "\n" not in str(caught.value)
    assert "'path/to/file.py:name'" in str(caught.value)


def test_what_is_defined_in_main_is_refused(monkeypatch):
    main = type(sys)("__main__")
    main.__file__ = "notebook.py"
    monkeypatch.setattr(Layer, "__module__", "__main__")
    main.Layer = Layer
    monkeypatch.setitem(sys.modules, "__main__", main)
    with pytest.raises(TargetError, match="__main__ runs only here: subject=Layer"):
        target_of(Layer)
