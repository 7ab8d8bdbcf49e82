"""The definition: the three contractions of the index map against torch, its autograd and exact fractions."""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import cycle, islice, product

import ml_dtypes
import numpy as np
import pytest
import torch

from conv_oracle import formulas
from conv_oracle.errors import GeometryError
from conv_oracle.formulas import definition
from conv_oracle.geometry import PADDING_MODES
from conv_oracle.index_map import terms
from conv_oracle.passes import Passes

PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
CHANNELS = [(1, 1, 1), (2, 3, 1), (3, 2, 1), (4, 6, 2), (3, 3, 3), (2, 4, 2)]
"""(input channels, output channels, groups); the last is depthwise with a multiplier."""


def integers(shape, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    values = rng.integers(-9, 10, shape).astype(dtype)
    return values + 1j * rng.integers(-9, 10, shape) if np.dtype(dtype).kind == "c" else values


def as_torch(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def padded_convolution(dimensions, padding_mode, padding, **parameters):
    """torch.nn.functional.pad, then torch's convolution without padding: any mode, and sides that differ."""
    sides = [side for pair in reversed(padding) for side in pair]
    operation = getattr(torch, f"conv{dimensions}d")

    def convolve(x, w, b=None):
        return operation(torch.nn.functional.pad(x, sides, PAD[padding_mode]), w, b, **parameters)

    return convolve


def disagreements(passes, witness, x, w, b, *, transposed=False, **parameters):
    """The passes, all nine numbers of them, that differ from torch's in any element: by name."""
    name = "conv_transpose" if transposed else "conv"
    tx, tw, tb = as_torch(x, w, b)
    y = witness(tx, tw, tb)
    dy = integers(tuple(y.shape), 4, x.dtype)
    vx, vw, vb = integers(x.shape, 5, x.dtype), integers(w.shape, 6, x.dtype), integers(b.shape, 7, x.dtype)
    (tdy,) = as_torch(dy)
    first = torch.autograd.grad(y, [tx, tw, tb], tdy, create_graph=True)
    second = torch.autograd.grad(first, [tx, tw, tdy], [torch.tensor(v) for v in (vx, vw, vb)])
    ours = [
        getattr(passes, name)(x, w, b, **parameters),
        getattr(passes, f"{name}_input")(x.shape, w, dy, **parameters),
        getattr(passes, f"{name}_weight")(x, w.shape, dy, **parameters),
        passes.conv_bias(dy, dimensions=w.ndim - 2),
        *getattr(passes, f"{name}_double_backward")(x, w, dy, vx, vw, vb, **parameters),
    ]
    names = ["y", "dx", "dw", "db", "ddx", "ddw", "ddy"]
    theirs = [y, *first, *second]
    return [
        word
        for word, mine, other in zip(names, ours, theirs, strict=True)
        if mine.dtype != x.dtype or not np.array_equal(mine, other.detach().numpy())
    ]


def more_axes(dimensions, count, seed, *, transposed=False):
    """Random problems whose axes all differ, on the smallest sizes that have an output or a little more."""
    rng, channels = np.random.default_rng(seed), cycle(CHANNELS)
    for _ in range(count):
        c, m, g = next(channels)
        kernel, dilation = rng.integers(1, 4, dimensions), rng.integers(1, 3, dimensions)
        stride, padding = rng.integers(1, 4, dimensions), rng.integers(0, 3, dimensions)
        short = dilation * (kernel - 1) + 1 - 2 * padding
        least = 1 - np.minimum(0, short - 1) // stride if transposed else np.maximum(1, short)
        size = least + rng.integers(0, 4 if dimensions < 3 else 2, dimensions)
        parameters = {"stride": stride, "padding": padding, "dilation": dilation}
        yield (
            (2, m if transposed else c, *size.tolist()),
            (m, c // g, *kernel.tolist()),
            {name: tuple(value.tolist()) for name, value in parameters.items()} | {"groups": g},
        )


def one_axis(transposed):
    """Small sizes, kernels, strides, paddings and dilations, all of them; channels in turn."""
    channels = cycle(CHANNELS)
    for size, kernel, stride, dilation in product((1, 2, 3, 5, 6), (1, 2, 3), (1, 2, 3), (1, 2)):
        for padding in range(kernel + 1):
            c, m, g = next(channels)
            shape = (1 + (size + kernel + padding) % 2, m if transposed else c, size)
            parameters = {"stride": stride, "padding": padding, "dilation": dilation, "groups": g}
            yield shape, (m, c // g, kernel), parameters


def grid(dimensions, transposed):
    if dimensions == 1:
        return one_axis(transposed)
    return more_axes(dimensions, 30 if dimensions == 2 else 12, dimensions, transposed=transposed)


def swept(passes, dimensions, dtype, *, transposed, stop_at_first=False, every=1):
    """Every disagreement on the grid with the problem it is on, and how many problems were compared."""
    found, compared = [], 0
    name = "conv_transpose" if transposed else "conv"
    torch_form = getattr(torch.nn.functional, f"{name}{dimensions}d")
    for shape, weight_shape, parameters in islice(grid(dimensions, transposed), None, None, every):
        x, w = integers(shape, 1, dtype), integers(weight_shape, 2, dtype)
        b = integers(weight_shape[1] * parameters["groups"] if transposed else weight_shape[0], 3, dtype)
        witness = partial(torch_form, **parameters)
        try:
            witness(*as_torch(x, w, b))
        except RuntimeError:
            with pytest.raises(GeometryError):
                getattr(definition, name)(x, w, b, **parameters)
            continue
        compared += 1
        wrong = disagreements(passes, witness, x, w, b, transposed=transposed, **parameters)
        found += [(shape, weight_shape, parameters, wrong)] if wrong else []
        if found and stop_at_first:
            break
    return found, compared


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_every_pass_is_that_of_torch(dimensions, dtype, transposed):
    every = 2 if dtype is np.complex128 and dimensions == 1 else 1
    found, compared = swept(definition, dimensions, dtype, transposed=transposed, every=every)
    assert found == []
    assert compared >= {1: 150 // every, 2: 30, 3: 12}[dimensions]


def contraction_of(change):
    """The three contractions over terms that `change` has tampered with."""

    def contract(first, second, shape, pick):
        result = np.full(shape, 0, dtype=object)
        for a, b, c in pick:
            result[c] += first.astype(object)[a] * second.astype(object)[b]
        return result

    def changed(geometry):
        return filter(None, (change(i, k, o, geometry) for i, k, o in terms(geometry)))

    return Passes(
        lambda x, w, g: contract(x, w, g.output_shape, ((i, k, o) for i, k, o in changed(g))),
        lambda w, y, g: contract(w, y, g.input_shape, ((k, o, i) for i, k, o in changed(g))),
        lambda x, y, g: contract(x, y, g.weight_shape, ((i, o, k) for i, k, o in changed(g))),
    )


FAULTS = {
    "kernel-flipped": lambda i, k, o, g: (
        i, (*k[:2], *(size - 1 - at for at, size in zip(k[2:], g.kernel_size, strict=True))), o),
    "last-tap-dropped": lambda i, k, o, g: None if k[2] == g.kernel_size[0] - 1 > 0 else (i, k, o),
    "group-offset-missing": lambda i, k, o, _g: ((i[0], k[1], *i[2:]), k, o),
    "input-one-late": lambda i, k, o, g: ((*i[:2], (i[2] + 1) % g.input_size[0], *i[3:]), k, o),
    "batch-leak": lambda i, k, o, _g: ((0, *i[1:]), k, o),
    "last-output-missing": lambda i, k, o, g: None if o[-1] == g.output_size[-1] - 1 else (i, k, o),
    "channels-reversed": lambda i, k, o, g: (i, (k[0], g.weight_shape[1] - 1 - k[1], *k[2:]), o),
}  # fmt: skip


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault, transposed):
    found, _ = swept(contraction_of(FAULTS[fault]), 1, np.float64, transposed=transposed, stop_at_first=True)
    assert found


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("contraction", ["to_output", "to_input", "to_weight"])
def test_a_fault_in_one_contraction_is_caught_in_its_own_pass(contraction, transposed):
    flipped = getattr(contraction_of(FAULTS["kernel-flipped"]), contraction)
    passes = replace(definition, **{contraction: flipped})
    found, _ = swept(passes, 2, np.float64, transposed=transposed, stop_at_first=True)
    there, back = ("dx", "y") if transposed else ("y", "dx")
    spoiled = {"to_output": there, "to_input": back, "to_weight": "dw"}[contraction]
    assert spoiled in found[0][-1]
    assert {"y", "dx", "dw"} & set(found[0][-1]) == {spoiled}


def test_the_planting_itself_does_no_harm():
    untouched = contraction_of(lambda i, k, o, _g: (i, k, o))
    assert swept(untouched, 2, np.float64, transposed=False) == ([], 30)


def test_a_missing_conjugate_is_caught():
    x, w = integers((1, 2, 5), 1, np.complex128), integers((3, 2, 2), 2, np.complex128)
    dy = integers((1, 3, 4), 3, np.complex128)
    tx, tw = as_torch(x, w)
    dx, dw = torch.autograd.grad(torch.conv1d(tx, tw), [tx, tw], torch.tensor(dy))
    assert np.array_equal(formulas.conv1d_input(x.shape, w, dy), dx.numpy())
    assert np.array_equal(formulas.conv1d_weight(x, w.shape, dy), dw.numpy())
    assert not np.array_equal(formulas.conv1d_input(x.shape, w.conj(), dy), dx.numpy())
    assert not np.array_equal(formulas.conv1d_weight(x.conj(), w.shape, dy), dw.numpy())


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_named_forms_are_those_of_torch(dimensions):
    for shape, weight_shape, parameters in more_axes(dimensions, 6, 11):
        x, w, b = integers(shape, 1), integers(weight_shape, 2), integers(weight_shape[0], 3)
        arguments = [parameters[word] for word in ("stride", "padding", "dilation", "groups")]
        tx, tw, tb = (torch.tensor(a) for a in (x, w, b))
        y = getattr(torch.nn.functional, f"conv{dimensions}d")(tx, tw, tb, *arguments)
        dy = integers(tuple(y.shape), 4)
        by_input = getattr(torch.nn.grad, f"conv{dimensions}d_input")(shape, tw, torch.tensor(dy), *arguments)
        by_weight = getattr(torch.nn.grad, f"conv{dimensions}d_weight")(tx, weight_shape, torch.tensor(dy), *arguments)
        assert np.array_equal(getattr(formulas, f"conv{dimensions}d")(x, w, b, *arguments), y)
        assert np.array_equal(getattr(formulas, f"conv{dimensions}d_input")(shape, w, dy, *arguments), by_input)
        assert np.array_equal(
            getattr(formulas, f"conv{dimensions}d_weight")(x, weight_shape, dy, *arguments), by_weight
        )


@pytest.mark.parametrize("output_padding", [0, 1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)])
def test_output_padding(output_padding, stride, dilation):
    x, w, b = integers((2, 4, 3, 2), 1), integers((4, 3, 2, 3), 2), integers(6, 3)
    arguments = {"stride": stride, "padding": (0, 1), "dilation": dilation, "groups": 2}
    arguments["output_padding"] = (output_padding, 0)
    if output_padding >= max(stride, dilation):
        with pytest.raises(RuntimeError, match="output padding must be smaller"):
            torch.conv_transpose2d(*as_torch(x, w, b), **arguments)
        with pytest.raises(GeometryError, match="output_padding must be smaller than the stride or the dilation"):
            definition.conv_transpose(x, w, b, **arguments)
    else:
        witness = partial(torch.nn.functional.conv_transpose2d, **arguments)
        assert disagreements(definition, witness, x, w, b, transposed=True, **arguments) == []


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("padding", [((0, 1),), ((2, 0),), ((2, 1), (0, 2)), ((1, 0), (0, 1), (1, 1))])
def test_padding_modes_and_sides(padding_mode, padding, dtype):
    axes = len(padding)
    for stride, dilation in ((1, 1), (2, 1), (1, 2)):
        shape, kernel = (2, 4, *(4, 5, 3)[:axes]), (2, 3, 2)[:axes]
        x, w, b = integers(shape, 1, dtype), integers((2, 2, *kernel), 2, dtype), integers(2, 3, dtype)
        witness = padded_convolution(axes, padding_mode, padding, stride=stride, dilation=dilation, groups=2)
        parameters = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 2}
        parameters["padding_mode"] = padding_mode
        assert disagreements(definition, witness, x, w, b, **parameters) == []


@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_padding_modes_at_their_limits(padding_mode):
    most = {"zeros": 6, "reflect": 2, "replicate": 6, "circular": 3}[padding_mode]
    x, w, b = integers((1, 1, 3), 1), integers((1, 1, 4), 2), integers(1, 3)
    padding = ((most, most),)
    witness = padded_convolution(1, padding_mode, padding)
    assert disagreements(definition, witness, x, w, b, padding=padding, padding_mode=padding_mode) == []
    if padding_mode in ("reflect", "circular"):
        with pytest.raises(RuntimeError, match=r"[Pp]adding"):
            padded_convolution(1, padding_mode, ((most + 1, 0),))(*as_torch(x, w, b))
        with pytest.raises(GeometryError, match="pads from the input itself"):
            definition.conv(x, w, b, padding=((most + 1, 0),), padding_mode=padding_mode)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(1,), (2,), (3,), (2, 3), (4, 2), (2, 1, 2)])
def test_padding_in_words(padding, kernel):
    axes = len(kernel)
    for dilation in (1, 2):
        x, w, b = integers((2, 2, *(8, 7, 4)[:axes]), 1), integers((3, 2, *kernel), 2), integers(3, 3)
        parameters = {"padding": padding, "dilation": dilation}
        witness = partial(getattr(torch.nn.functional, f"conv{axes}d"), **parameters)
        assert disagreements(definition, witness, x, w, b, **parameters) == []


def four_axes(x, w, stride, padding, dilation, groups):
    """A convolution on four axes, as a sum over the first kernel axis of torch's on three."""
    s, p, d = stride[0], padding[0], dilation[0]
    x = torch.nn.functional.pad(x, [0] * 6 + [p, p])
    rest = {"stride": stride[1:], "padding": padding[1:], "dilation": dilation[1:], "groups": groups}
    count = (x.shape[2] - d * (w.shape[2] - 1) - 1) // s + 1
    return torch.stack(
        [
            sum(torch.conv3d(x[:, :, o * s + k * d], w[:, :, k], **rest) for k in range(w.shape[2]))
            for o in range(count)
        ],
        dim=2,
    )


@pytest.mark.parametrize(
    ("shape", "weight_shape", "parameters"),
    [
        ((2, 2, 3, 2, 3, 2), (3, 2, 2, 1, 2, 2), {"stride": (1, 2, 1, 1)}),
        ((1, 4, 4, 3, 2, 3), (4, 2, 2, 2, 1, 3), {"padding": (1, 0, 1, 1), "groups": 2, "stride": (2, 1, 1, 2)}),
        ((1, 2, 5, 3, 2, 1), (2, 1, 3, 2, 2, 1), {"dilation": (2, 1, 1, 3), "padding": (0, 1, 0, 0), "groups": 2}),
    ],
)
def test_four_axes_are_three_and_one(shape, weight_shape, parameters):
    parameters = {"stride": (1,) * 4, "padding": (0,) * 4, "dilation": (1,) * 4, "groups": 1} | parameters
    x, w = integers(shape, 1), integers(weight_shape, 2)
    b = integers(weight_shape[0], 3)

    def witness(x, w, b):
        return four_axes(x, w, **parameters) + b.reshape(-1, 1, 1, 1, 1)

    assert disagreements(definition, witness, x, w, b, **parameters) == []
    # The transposed convolution is the adjoint: the gradient of this one by its input, taken of any operand.
    operand = integers(definition.conv(x, w, **parameters).shape, 8)
    (tx, tw) = as_torch(x, w)
    (back,) = torch.autograd.grad(four_axes(tx, tw, **parameters), tx, torch.tensor(operand))
    span = [d * (k - 1) + 1 for d, k in zip(parameters["dilation"], weight_shape[2:], strict=True)]
    sizes = zip(shape[2:], parameters["padding"], span, parameters["stride"], strict=True)
    unread = [(i + 2 * p - reach) % s for i, p, reach, s in sizes]
    assert np.array_equal(definition.conv_transpose(operand, w, output_padding=unread, **parameters), back.numpy())


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_fractions_give_what_integers_give(name):
    parameters = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
    for padding_mode in PADDING_MODES if name == "conv" else ("zeros",):
        if name == "conv":
            parameters["padding_mode"] = padding_mode
        x, w, b = integers((2, 4, 4, 5), 1, int), integers((4, 2, 2, 3), 2, int), integers(4, 3, int)
        exact = [array * Fraction(1, divisor) for array, divisor in ((x, 3), (w, 7), (b, 21))]
        y = getattr(definition, name)(x, w, b, **parameters)
        rational = getattr(definition, name)(*exact, **parameters)
        assert rational.dtype == object
        assert np.array_equal(rational * 21, y)
        dy = integers(y.shape, 4, int)
        dx = getattr(definition, f"{name}_input")(x.shape, w, dy, **parameters)
        dw = getattr(definition, f"{name}_weight")(x, w.shape, dy, **parameters)
        assert dx.dtype == dw.dtype == np.int64
        fifth = dy * Fraction(1, 5)
        assert np.array_equal(getattr(definition, f"{name}_input")(x.shape, exact[1], fifth, **parameters) * 35, dx)
        assert np.array_equal(getattr(definition, f"{name}_weight")(exact[0], w.shape, fifth, **parameters) * 15, dw)


DTYPES = [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, np.float16, np.float32, np.float64, np.complex64,
          np.complex128, object, ml_dtypes.bfloat16]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_the_result_has_the_dtype_of_the_operands(dtype):
    x, w, b = (integers(shape, seed, int) for shape, seed in (((1, 2, 5), 1), ((2, 2, 3), 2), (2, 3)))
    for operation in (definition.conv, definition.conv_transpose):
        result = operation(*(array.astype(dtype) for array in (x, w, b)))
        assert result.dtype == dtype
        assert np.array_equal(result, operation(x, w, b).astype(dtype))


@pytest.mark.parametrize(("dtype", "bits"), [(np.int8, 8), (np.uint8, 8), (np.int16, 16), (np.uint64, 64)])
def test_integers_wrap_as_their_dtype_does(dtype, bits):
    limits = np.iinfo(dtype)
    x, w = np.full((1, 3, 4), limits.max, dtype), np.full((1, 3, 2), limits.max - 1, dtype)
    wide = int(limits.max) * (int(limits.max) - 1) * 6
    wrapped = (wide - int(limits.min)) % 2**bits + int(limits.min)
    assert definition.conv(x, w).tolist() == [[[wrapped] * 3]]
    assert wrapped != wide
    witness = torch.conv1d(torch.tensor(x.astype(np.int64)), torch.tensor(w.astype(np.int64)))
    if bits < 32:
        assert np.array_equal(definition.conv(x, w), witness.numpy().astype(dtype))
    else:
        assert np.array_equal(definition.conv(x, w), witness.numpy().astype(np.uint64)), "int64 wraps too"


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_an_unbatched_input(name, dimensions):
    x, w, b = integers((2, *(4, 3, 3)[:dimensions]), 1), integers((2, 2, *(2, 3, 1)[:dimensions]), 2), integers(2, 3)
    witness = getattr(torch.nn.functional, f"{name}{dimensions}d")
    assert disagreements(definition, witness, x, w, b, transposed=name == "conv_transpose") == []
    assert getattr(definition, name)(x, w, b).ndim == dimensions + 1


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_an_empty_batch(name, dimensions):
    x = integers((0, 2, *(4, 3, 3)[:dimensions]), 1)
    w, b = integers((2, 2, *(2, 3, 1)[:dimensions]), 2), integers(2, 3)
    witness = getattr(torch.nn.functional, f"{name}{dimensions}d")
    theirs = witness(*(torch.tensor(a) for a in (x, w, b)))
    y = getattr(definition, name)(x, w, b)
    assert y.shape == tuple(theirs.shape)
    assert getattr(definition, f"{name}_input")(x.shape, w, y).shape == x.shape
    dw = getattr(definition, f"{name}_weight")(x, w.shape, y)
    assert np.array_equal(dw, np.zeros(w.shape))
    assert definition.conv_bias(y, dimensions=dimensions).tolist() == [0, 0]


def test_an_empty_axis_in_an_empty_batch():
    x, w = np.zeros((0, 2, 0)), np.zeros((3, 2, 2))
    theirs = torch.conv1d(torch.tensor(x), torch.tensor(w), padding=1)
    assert definition.conv(x, w, padding=1).shape == tuple(theirs.shape)


def test_no_channels_leave_the_bias():
    x, w, b = np.zeros((2, 0, 4)), np.zeros((3, 0, 2)), np.array([5.0, 6.0, 7.0])
    y = definition.conv(x, w, b)
    assert y.shape == (2, 3, 3)
    assert np.array_equal(y, np.broadcast_to(b[:, None], y.shape))
    assert definition.conv_input(x.shape, w, y).shape == x.shape
    assert definition.conv_weight(x, w.shape, y).shape == w.shape


def test_numpy_scalars_lists_and_strides_are_operands_too():
    w = integers((2, 4, 6), 2)[:, ::2, ::-2]
    x = integers((6, 2, 1), 1).transpose(2, 1, 0)
    expected = torch.conv1d(torch.tensor(x.copy()), torch.tensor(w.copy()), stride=2).numpy()
    assert np.array_equal(definition.conv(x, w, stride=np.int64(2)), expected)
    assert np.array_equal(definition.conv(x.tolist(), w.tolist(), stride=[2]), expected)
