"""S4, S6, S7, S10: sums over Z^d, against NumPy, SciPy and torch, exactly."""

from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np
import pytest
import scipy.signal
import sympy
import torch

from conv_oracle.errors import GeometryError, OperandError
from conv_oracle.formulas import (
    conv,
    convolution_positions,
    convolve,
    correlation_lags,
    cross_correlate,
    on_patch,
    translate,
)

MODES = ("full", "same", "valid")
LENGTHS = list(product(range(1, 8), repeat=2))
SHAPES = [
    ((3, 4), (2, 3)),
    ((3, 4), (3, 4)),
    ((4, 5), (2, 2)),
    ((2, 2), (4, 5)),
    ((1, 6), (1, 2)),
    ((2, 5), (3, 3)),
    ((3, 4, 5), (2, 1, 4)),
    ((2, 3, 1), (3, 4, 2)),
    ((2, 3, 2, 2), (2, 2, 1, 2)),
]


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-9, 10, shape)


def gaussian_integers(shape, seed):
    return integers(shape, seed) + 1j * integers(shape, seed + 100)


def reversed_on_all_axes(array):
    return array[(slice(None, None, -1),) * array.ndim]


def at_least(larger, smaller):
    return all(a >= b for a, b in zip(larger, smaller, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_convolve_is_numpy_convolve(mode):
    for n, m in LENGTHS:
        f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
        assert np.array_equal(convolve(f, g, mode), np.convolve(f, g, mode)), (n, m)
        assert len(convolve(f, g, mode)) == len(convolution_positions((n,), (m,), mode)[0])


@pytest.mark.parametrize("mode", MODES)
def test_convolve_is_scipy_convolve(mode):
    for n, m in LENGTHS:
        f, g = integers(n, 1), integers(m, 2)
        ours, theirs = convolve(f, g, mode), scipy.signal.convolve(f, g, mode, method="direct")
        if mode == "same" and m > n:
            assert len(theirs) == n < len(ours) == m, "SciPy's 'same' has the size of its first operand"
            theirs = scipy.signal.convolve(g, f, mode, method="direct")
        assert np.array_equal(ours, theirs), (n, m)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_convolve_in_n_dimensions_is_scipy_convolve(mode, n, m):
    f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
    ours = convolve(f, g, mode)
    if mode == "same" and not at_least(n, m):
        if at_least(m, n):
            assert np.array_equal(ours, scipy.signal.convolve(g, f, mode, method="direct"))
        assert ours.shape == tuple(map(max, n, m))
    elif mode == "valid" and not at_least(n, m) and not at_least(m, n):
        with pytest.raises(ValueError, match="at least as large"):
            scipy.signal.convolve(f, g, mode, method="direct")
        assert ours.shape == tuple(abs(a - b) + 1 for a, b in zip(n, m, strict=True))
    else:
        assert np.array_equal(ours, scipy.signal.convolve(f, g, mode, method="direct"))


@pytest.mark.parametrize("mode", MODES)
def test_cross_correlate_is_numpy_correlate_of_the_second_with_the_conjugate_first(mode):
    for n, m in LENGTHS:
        f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
        assert np.array_equal(cross_correlate(f, g, mode), np.correlate(g, np.conj(f), mode)), (n, m)
        assert not np.array_equal(cross_correlate(f, g, mode), np.correlate(g, f, mode)), "NumPy conjugates"


@pytest.mark.parametrize("mode", MODES)
def test_cross_correlate_is_scipy_correlate_of_the_second_with_the_conjugate_first(mode):
    for n, m in LENGTHS:
        f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
        ours = cross_correlate(f, g, mode)
        theirs = scipy.signal.correlate(g, np.conj(f), mode, method="direct")
        lags = scipy.signal.correlation_lags(m, n, mode)
        if mode == "same" and n > m:
            assert len(theirs) == m < len(ours) == n, "SciPy's 'same' has the size of its first operand"
        else:
            assert np.array_equal(ours, theirs), (n, m)
            late = lags[0] - correlation_lags((n,), (m,), mode)[0].start
            known = mode == "same" and m % 2 == 1 and n % 2 == 0  # SciPy 1.17.1: not the lags of its own correlate
            assert late in ((0, 1) if known else (0,)), (n, m)
            assert list(correlation_lags((n,), (m,), mode)[0]) == list(lags - late)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_cross_correlate_in_n_dimensions_is_scipy_correlate(mode, n, m):
    f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
    ours = cross_correlate(f, g, mode)
    if mode == "full" or at_least(m, n) or (mode == "valid" and at_least(n, m)):
        assert np.array_equal(ours, scipy.signal.correlate(g, np.conj(f), mode, method="direct"))
    else:
        full, lags = cross_correlate(f, g), correlation_lags(n, m, mode)
        window = tuple(slice(r.start + a - 1, r.stop + a - 1) for r, a in zip(lags, n, strict=True))
        assert np.array_equal(ours, full[window])


def test_the_positions_are_those_of_the_formula():
    # An impulse at a and one at b meet at a + b under *, at b - a under #.
    for n, m, mode in product(range(1, 6), range(1, 6), MODES):
        where, lags = convolution_positions((n,), (m,), mode)[0], correlation_lags((n,), (m,), mode)[0]
        for a, b in product(range(n), range(m)):
            f, g = np.eye(n, dtype=int)[a], np.eye(m, dtype=int)[b]
            assert dict(zip(where, convolve(f, g, mode), strict=True)) == {i: int(i == a + b) for i in where}
            assert dict(zip(lags, cross_correlate(f, g, mode), strict=True)) == {i: int(i == b - a) for i in lags}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_against_torch_same():
    # One later than PyTorch's for even kernels: PyTorch puts the odd element of padding after, NumPy before.
    g = integers(9, 3)
    for n in range(1, 8):
        f = integers(n, 4)
        x, w = torch.tensor(g, dtype=torch.float64)[None], torch.tensor(f, dtype=torch.float64)[None, None]
        theirs = torch.conv1d(x, w, padding="same")[0].numpy()
        first = correlation_lags((n,), (9,), "same")[0].start
        assert first == -(n // 2)
        shifted = -((n - 1) // 2)
        full = cross_correlate(f, g)
        assert np.array_equal(theirs, full[shifted + n - 1 :][:9])
        assert np.array_equal(theirs, cross_correlate(f, g, "same")) == (n % 2 == 1)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_valid_cross_correlation_is_the_convolution_of_torch(dimensions):
    f, g = integers((2, 3, 4)[:dimensions], 5), integers((5, 4, 6)[:dimensions], 6)
    x, w = (torch.tensor(a, dtype=torch.float64)[None, None] for a in (g, f))
    theirs = getattr(torch, f"conv{dimensions}d")(x, w)[0, 0].numpy()
    assert np.array_equal(cross_correlate(f, g, "valid"), theirs)
    assert np.array_equal(convolve(reversed_on_all_axes(f), g, "valid"), theirs)
    assert not np.array_equal(convolve(f, g, "valid"), theirs), "a CNN's convolution is not a convolution"
    assert np.array_equal(cross_correlate(f, g, "valid"), conv(g[None, None], f[None, None])[0, 0])


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_convolution_commutes_and_associates(n, m):
    f, g, h = integers(n, 1), integers(m, 2), integers((2,) * len(n), 3)
    for mode in MODES:
        assert np.array_equal(convolve(f, g, mode), convolve(g, f, mode))
    assert np.array_equal(convolve(f, convolve(g, h)), convolve(convolve(f, g), h))


def test_the_worked_example_of_the_false_equality():
    f, g = [1, 2, 3], [4, 5, 6]
    assert list(correlation_lags((3,), (3,))[0]) == [-2, -1, 0, 1, 2]
    assert cross_correlate(f, g).tolist() == [12, 23, 32, 17, 6]
    assert cross_correlate(g, f).tolist() == [6, 17, 32, 23, 12]
    # As printed: sum_a f(a) g(i + a) = sum_a f(i + a) g(a). It fails at every lag but 0.
    F, G = dict(enumerate(f)), dict(enumerate(g))
    left = [sum(F[a] * G.get(i + a, 0) for a in F) for i in range(-2, 3)]
    right = [sum(F.get(i + a, 0) * G[a] for a in G) for i in range(-2, 3)]
    assert left == [12, 23, 32, 17, 6]
    assert right == [6, 17, 32, 23, 12]


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_cross_correlation_reverses_when_its_operands_are_exchanged(n, m):
    f, g = integers(n, 1), integers(m, 2)
    assert np.array_equal(cross_correlate(g, f), reversed_on_all_axes(cross_correlate(f, g)))
    assert not np.array_equal(cross_correlate(g, f), cross_correlate(f, g))
    f, g = gaussian_integers(n, 1), gaussian_integers(m, 2)
    assert np.array_equal(cross_correlate(g, f), reversed_on_all_axes(cross_correlate(f, g)))
    conjugated = cross_correlate(np.conj(f), g)
    assert np.array_equal(cross_correlate(np.conj(g), f), np.conj(reversed_on_all_axes(conjugated)))
    assert not np.array_equal(cross_correlate(np.conj(g), f), reversed_on_all_axes(conjugated))


def test_cross_correlation_commutes_only_when_it_is_even():
    even, other = [1, 4, 1], [2, 5, 2]
    assert np.array_equal(cross_correlate(even, other), cross_correlate(other, even))
    f = integers(5, 7)
    assert np.array_equal(cross_correlate(f, f), cross_correlate(f, f)[::-1])


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_cross_correlation_associates_with_a_convolution_only(n, m):
    f, g, h = integers(n, 1), integers(m, 2), integers((3,) * len(n), 3)
    right = cross_correlate(f, cross_correlate(g, h))
    assert np.array_equal(right, cross_correlate(convolve(f, g), h))
    assert not np.array_equal(right, cross_correlate(cross_correlate(f, g), h))


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_a_cross_correlation_is_a_convolution_with_the_first_operand_turned(n, m):
    f, g = integers(n, 1), integers(m, 2)
    assert np.array_equal(cross_correlate(f, g), convolve(reversed_on_all_axes(f), g))


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_the_sums_multiply(n, m):
    f, g = integers(n, 1), integers(m, 2)
    assert convolve(f, g).sum() == cross_correlate(f, g).sum() == f.sum() * g.sum()


def difference(f):
    """[Df](i) = f(i) - f(i - 1), on a box one longer."""
    return np.convolve(f, [1, -1])


def test_the_discrete_derivative_has_a_sign_in_correlation_only():
    for n, m in LENGTHS:
        f, g = integers(n, 1), integers(m, 2)
        assert np.array_equal(difference(convolve(f, g)), convolve(f, difference(g)))
        assert np.array_equal(difference(convolve(f, g)), convolve(difference(f), g))
        assert np.array_equal(difference(cross_correlate(f, g)), cross_correlate(f, difference(g)))
        # (f#g)' = -(f'#g), and the backward difference of f comes out as the forward one of f#g.
        assert np.array_equal(difference(cross_correlate(f, g)), -cross_correlate(difference(f), g))


def test_s10_printed_from_one_is_a_sample_late():
    f, g = integers(3, 1), integers(8, 2)
    d, n = len(f), len(g)
    counted_from_one = {i: sum(f[j - 1] * g[i + j - 1 - 1] for j in range(1, d + 1)) for i in range(1, n - d + 2)}
    counted_from_zero = {i: sum(f[j] * g[i + j] for j in range(d)) for i in range(n - d + 1)}
    valid = cross_correlate(f, g, "valid").tolist()
    assert list(counted_from_one.values()) == list(counted_from_zero.values()) == valid
    assert list(correlation_lags((d,), (n,), "valid")[0]) == list(counted_from_zero)

    def printed(i, signal):
        """sum_{p=1..d} f(p) g(i + p), with f(1) and g(1) the first elements."""
        return sum(f[p - 1] * signal[i + p - 1] for p in range(1, d + 1))

    for i in range(1, n - d + 1):
        assert printed(i, g) == counted_from_one[i + 1] != counted_from_one[i], "one sample late"
    changed = g.copy()
    changed[0] += 1
    assert [printed(i, changed) for i in range(1, n - d + 1)] == [printed(i, g) for i in range(1, n - d + 1)], (
        "skips x_1"
    )
    with pytest.raises(IndexError):
        printed(n - d + 1, g)


@pytest.mark.parametrize(("n", "m"), [((3,), (7,)), ((2, 3), (4, 6)), ((2, 1, 3), (3, 2, 5))])
def test_on_a_patch_the_elementwise_product_is_summed(n, m):
    f, g = integers(n, 1), integers(m, 2)
    valid = cross_correlate(f, g, "valid")
    for i in np.ndindex(valid.shape):
        assert on_patch(f, g, i) == valid[i]
    with pytest.raises(GeometryError, match="a patch lies inside the image"):
        on_patch(f, g, valid.shape)


@pytest.mark.parametrize(("n", "m"), SHAPES)
def test_translation_is_equivariant_not_invariant(n, m):
    f, g = integers(n, 1), integers(m, 2)
    b = (2, 1, 0, 1)[: len(n)]
    for operation in (convolve, cross_correlate):
        assert np.array_equal(operation(f, translate(g, b)), translate(operation(f, g), b))
        assert not np.array_equal(
            operation(f, translate(g, b))[tuple(map(slice, operation(f, g).shape))], operation(f, g)
        )
    # Moving the first operand moves a convolution along and a correlation back: its box grows at the end.
    assert np.array_equal(convolve(translate(f, b), g), translate(convolve(f, g), b))
    back = reversed_on_all_axes(translate(reversed_on_all_axes(cross_correlate(f, g)), b))
    assert np.array_equal(cross_correlate(translate(f, b), g), back)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_strided_layer_is_equivariant_by_multiples_of_its_stride(stride):
    x, w = integers((1, 2, 24), 1), integers((3, 2, 3), 2)
    circular, zero = (partial(conv, weight=w, stride=stride, padding=1, padding_mode=m) for m in ("circular", "zeros"))
    for steps in range(1, 12):
        moved = np.roll(x, steps, axis=-1)
        expected = np.roll(circular(x), steps // stride, axis=-1)
        assert np.array_equal(circular(moved), expected) == (steps % stride == 0)
        if steps % stride == 0:
            k = steps // stride
            assert np.array_equal(zero(moved)[..., k + 1 : -1], zero(x)[..., 1 : -k - 1]), "away from the padding"
            assert not np.array_equal(zero(moved), np.roll(zero(x), k, axis=-1)), "at the padding it is not"
    padded = torch.nn.functional.pad(torch.tensor(x, dtype=torch.float64), (1, 1), "circular")
    theirs = torch.conv1d(padded, torch.tensor(w, dtype=torch.float64), stride=stride)
    assert np.array_equal(circular(x), theirs.numpy())


def test_any_number_will_do():
    f, g = integers(3, 1), integers(4, 2)
    expected = np.convolve(f, g)
    for dtype in (np.int8, np.uint8, np.int64, np.float16, np.float32, np.float64, np.complex64, np.complex128, object):
        result = convolve(f.astype(dtype), g.astype(dtype))
        assert result.dtype == dtype
        assert np.array_equal(result, expected.astype(dtype))
    mixed = convolve(f.astype(np.int8), g * 0.5)
    assert mixed.dtype == np.float64
    assert np.array_equal(mixed, expected * 0.5)
    thirds = convolve([Fraction(int(a), 3) for a in f], [Fraction(int(b), 7) for b in g])
    assert thirds.tolist() == [Fraction(int(a), 21) for a in expected]
    huge = convolve([10**30, 1], [10**30, -1])
    assert huge.tolist() == [10**60, 0, -1]
    a, b, c, d = sympy.symbols("a b c d")
    assert convolve([a, b], [c, d]).tolist() == [a * c, a * d + b * c, b * d]
    assert cross_correlate([a, b], [c, d]).tolist() == [b * c, a * c + b * d, a * d]


def test_small_integers_wrap_once():
    f = np.full(5, 100, dtype=np.int8)
    assert convolve(f, f).tolist() == np.convolve(f.astype(int), f.astype(int)).astype(np.int8).tolist()


@pytest.mark.parametrize("operation", [convolve, cross_correlate])
def test_what_is_refused(operation):
    with pytest.raises(GeometryError, match="a mode is one of full, same, valid: mode='FULL'; 'full' would fit"):
        operation([1], [1], "FULL")
    with pytest.raises(GeometryError, match=r"the same number of axes.*f.shape=\(1, 1\), g.shape=\(1,\)"):
        operation([[1]], [1])
    with pytest.raises(GeometryError, match="and at least one element on each"):
        operation([], [1])
    with pytest.raises(OperandError, match="array of numbers"):
        operation(["a"], [1])
    with pytest.raises(GeometryError, match=r"0 or more steps on each axis: b=\(-1,\)"):
        translate([1, 2], (-1,))
