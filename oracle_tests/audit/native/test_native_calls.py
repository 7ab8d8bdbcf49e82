"""One call of a C function: what it is given, what comes back, and what is told of memory beside it."""

import ast
import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import conv_oracle
from conv_oracle.auditing.sandbox.guarded import GUARD, PAGE, OverwrittenError, Watch, guarded, room
from conv_oracle.auditing.sandbox.processes import JOINED
from conv_oracle.auditing.targets import understood
from conv_oracle.auditing.targets.compiled import FILES
from conv_oracle.auditing.targets.facts import evaluated
from conv_oracle.auditing.targets.native import native_function
from conv_oracle.operation import operation

CODE = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
static uintptr_t last[4];
uintptr_t seen(int n) { return last[n]; }
void conv1d(const float *x, const float *w, const float *b, float *y, int n, int c, int l, int oc, int k, int s)
{
    last[0] = (uintptr_t)x; last[1] = (uintptr_t)w; last[2] = (uintptr_t)b; last[3] = n * 1000 + c * 100 + oc * 10 + s;
    if (b) y[0] = b[0]; else y[0] = 1;
}
void conv1d_bias(const float *x, const float *w, const float *b, float *y, int l, int k) { y[0] = 5 + b[0]; }
int conv1d_status(const float *x, const float *w, float *y, int l, int k) { y[0] = 0; return k - 1; }
int conv1d_accumulates(const float *x, const float *w, float *y, int l, int k) { y[0] += 1; return 0; }
float *conv1d_static(const float *x, const float *w, int l, int k) { static float y[9]; y[0] += x[0]; return y; }
float *conv1d_null(const float *x, const float *w, int l, int k) { return NULL; }
void conv1d_beside(const float *x, const float *w, float *y, int l, int k, int at) { y[at] = 7; }
void conv1d_works(const float *x, const float *w, float *y, float *ws, int l, int k, int n, size_t bytes)
{ memset(ws, 0, bytes); y[0] = n; y[1] = bytes; }
void conv2d_pads(const float *x, const float *w, float *y, const int64_t *in_shape, const int *pads, int kh, int kw)
{ y[0] = in_shape[2] * 100 + in_shape[3] * 10 + pads[0]; y[1] = pads[1]; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    (folder / "calls.c").write_text(CODE)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", folder / "calls.c", "-o", folder / "calls.so"], check=True)
    return folder


def made(folder, name, roles="", op="conv1d"):
    """(the function, what its library keeps of the last call)."""
    native = understood(f"{folder}/calls.c:{name}", operation(op), roles=roles)
    words = native.words(folder / "calls.so", sanitized=False)
    seen = ctypes.CDLL(str(folder / "calls.so")).seen
    seen.restype = ctypes.c_size_t
    return native_function(native.file.name, words), seen


def ones(*shape, dtype="float32"):
    return np.ones(shape, dtype)


def test_operands_in_c_order_are_passed_as_they_are_and_others_copied(library):
    function, seen = made(library, "conv1d")
    x, w, b = ones(2, 3, 5), ones(4, 3, 5), ones(4)
    assert function(x, w, b, 6).shape == (2, 4, 1)
    assert [seen(0), seen(1), seen(2), seen(3)] == [x.ctypes.data, w.ctypes.data, b.ctypes.data, 2346]
    function(x[:, :, ::-1], w, None, stride=(2,))
    assert seen(0) not in (0, x.ctypes.data)
    assert (seen(2), seen(3)) == (0, 2342)


def test_who_never_looks_for_null_gets_zeros_and_whoever_does_gets_null(library):
    assert made(library, "conv1d_bias")[0](ones(1, 1, 1), ones(1, 1, 1))[0, 0, 0] == 5
    assert made(library, "conv1d")[0](ones(1, 1, 1), ones(1, 1, 1))[0, 0, 0] == 1
    said, seen = made(library, "conv1d", "b=bias s=4")
    assert said(ones(1, 1, 1), ones(1, 1, 1))[0, 0, 0] == 1
    assert seen(3) == 1114, "a number that is always passed"


def test_a_status_raises_where_it_is_not_right(library):
    function, _ = made(library, "conv1d_status")
    assert function(ones(1, 1, 4), ones(1, 1, 1)).shape == (1, 1, 4)
    with pytest.raises(RuntimeError, match="conv1d_status returned 2"):
        function(ones(1, 1, 4), ones(1, 1, 3))
    with pytest.raises(RuntimeError, match="returned 0"):
        made(library, "conv1d_status", "return=success")[0](ones(1, 1, 4), ones(1, 1, 1))
    assert made(library, "conv1d_status", "return=ignored")[0](ones(1, 1, 4), ones(1, 1, 3)).shape == (1, 1, 2)


def test_a_returned_pointer_is_copied_at_once(library):
    function, _ = made(library, "conv1d_static")
    first = function(ones(1, 1, 1), ones(1, 1, 1))
    assert [first[0, 0, 0], function(ones(1, 1, 1), ones(1, 1, 1))[0, 0, 0], first[0, 0, 0]] == [1, 2, 1]
    with pytest.raises(RuntimeError, match="conv1d_null returned NULL"):
        made(library, "conv1d_null")[0](ones(1, 1, 1), ones(1, 1, 1))


def test_what_is_never_written_is_nan_of_another_pattern_each_time(library):
    function, _ = made(library, "conv1d_accumulates")
    got = [function(ones(1, 1, 3), ones(1, 1, 1)) for _ in range(9)]
    assert all(np.isnan(one).all() for one in got)
    assert len({one[0, 0, 1:].tobytes() for one in got}) == 9
    zeroed, _ = made(library, "conv1d_accumulates", "y=zeroed_output")
    assert zeroed(ones(1, 1, 3), ones(1, 1, 1)).tolist() == [[[1, 0, 0]]]


@pytest.mark.parametrize(
    ("at", "place"),
    [(3, ("behind", 0)), (3 + 7, ("behind", 4 * 7)), (-1, ("before", -1)), (-9, ("before", -4 * 8 - 1))],
)
def test_a_write_beside_the_result_is_told_where_nothing_watches(library, at, place):
    function, _ = made(library, "conv1d_beside", f"at={at}")
    for _ in range(3):  # a byte of a pattern may be what is written
        with pytest.raises(OverwrittenError) as caught:
            function(ones(1, 1, 3), ones(1, 1, 1))
        assert caught.value.name == "output"
        side, offset = caught.value.place
        assert side == place[0]
        assert abs(offset - place[1]) < 4
    inside, _ = made(library, "conv1d_beside", "at=2")
    assert inside(ones(1, 1, 3), ones(1, 1, 1))[0, 0, 2] == 7


@pytest.mark.parametrize("side", ["before", "behind"])
def test_while_operands_lie_against_guard_pages_so_does_what_is_given(side):
    watch = Watch(lambda *_: None)
    with watch.on():
        watch.memories.append(("input", guarded(bytes(8), side)))
        given = room("output", 12)
        assert watch.memories[-1][0] == "output"
        assert (given.address + (12 if side == "behind" else 0)) % PAGE == 0
        assert watch.memories[-1][1].beside(given.address + 12) == ("behind", 0)
    after = room("output", 12)
    after.data[:] = bytes(range(12))
    after.check()
    assert GUARD > PAGE > len(after.data)


def test_a_workspace_is_as_large_as_is_said_or_larger_than_anybody_needs(library):
    roles = "ws=workspace[k*(l-k+1)+1] n=workspace_elements bytes=workspace_bytes"
    assert made(library, "conv1d_works", roles)[0](ones(1, 1, 5), ones(1, 1, 2))[0, 0, :2].tolist() == [9, 36]
    more = made(library, "conv1d_works", "ws=workspace n=workspace_elements bytes=workspace_bytes")[0]
    assert more(ones(1, 1, 5), ones(1, 1, 2))[0, 0, 0] >= 2 * 4
    with pytest.raises(OverwrittenError) as caught:
        made(library, "conv1d_works", "ws=workspace[2*k] n=workspace_elements bytes=20")[0](
            ones(1, 1, 5), ones(1, 1, 2)
        )
    assert (caught.value.name, caught.value.place) == ("ws", ("behind", 0))


def test_arrays_of_numbers_are_passed_too(library):
    function, _ = made(library, "conv2d_pads", op="conv2d")
    got = function(ones(1, 1, 3, 4), ones(1, 1, 2, 2), padding=(1, 2))
    assert got.reshape(-1)[:2].tolist() == [341, 2]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (lambda: (ones(1, 1, 5), ones(1, 1, 6)), ValueError, "there is no output"),
        (lambda: (ones(1, 2, 5), ones(1, 1, 2)), ValueError, "channels must fit"),
        (lambda: (ones(1, 1, 5), ones(1, 1, 2), ones(2)), ValueError, "a bias has an element per output channel"),
        (lambda: (ones(1, 1, 5), ones(1, 1, 2), None, 0), ValueError, "stride has 1 numbers of at least 1"),
        (lambda: (ones(1, 1, 5), ones(1, 1)), ValueError, "a weight has 3 axes"),
        (lambda: (ones(1, 5), ones(1, 1, 2)), NotImplementedError, "an input has a batch"),
        (lambda: (ones(1, 1, 5, dtype="float64"), ones(1, 1, 2)), NotImplementedError, "input is of float32"),
        (lambda: (ones(1, 1, 5), ones(1, 1, 2), None, "2"), NotImplementedError, "stride is given in numbers"),
    ],
)
def test_what_its_caller_would_refuse_is_refused(library, arguments, error, said):
    with pytest.raises(error, match=said):
        made(library, "conv1d")[0](*arguments())


def test_what_it_is_not_made_for_is_not_implemented(library):
    function, _ = made(library, "conv1d_bias", "k=kernel")
    for shapes in (((2, 1, 4), (1, 1, 2)), ((1, 2, 4), (1, 2, 2)), ((1, 1, 4), (3, 1, 2))):
        with pytest.raises(NotImplementedError, match="made for"):
            function(*(ones(*shape) for shape in shapes))


def test_sizes_are_arithmetic_and_nothing_else():
    assert evaluated("2*(a+3)//b-1", {"a": 4, "b": 5}) == 1
    for text in ("a**2", "__import__('os')", "a[0]", "1.5", "a if b else 1"):
        with pytest.raises(ValueError, match="a size has names"):
            evaluated(text, {"a": 4, "b": 5})


def test_no_name_of_the_joined_program_is_there_twice():
    rooms = Path(conv_oracle.__file__).parent / "auditing"
    files = [
        *(rooms / "targets" / f"{name}.py" for name in FILES),
        *(rooms / "sandbox" / f"{name}.py" for name in JOINED),
    ]
    kinds = (ast.FunctionDef, ast.ClassDef)
    names = [node.name for file in files for node in ast.parse(file.read_text()).body if isinstance(node, kinds)]
    assert len(names) == len({*names}) > 60
