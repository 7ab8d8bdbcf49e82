"""Convolutions sum by sum: plain loops, and sums in every order and arithmetic that is exact on what they are given."""

import functools
import itertools
import math
from fractions import Fraction

import numpy as np
from right_common import output_sizes, transposed_sizes


def products(x, w, n, m, at, geometry):
    """The products of one output, in the formula's order; a generator."""
    stride, padding, dilation, groups = geometry
    first = m // (len(w) // groups) * w.shape[1]
    for c, *tap in itertools.product(*map(range, w.shape[1:])):
        axes = zip(at, tap, stride, padding, dilation, strict=True)
        of = tuple(o * s + t * d - p for o, t, s, p, d in axes)
        if all(0 <= i < size for i, size in zip(of, x.shape[2:], strict=True)):
            yield x[(n, first + c, *of)], w[(m, c, *tap)]


def each_output(add_up, number=float):
    """A convolution whose every output is `add_up` of its products, in the arithmetic of `number`."""

    @functools.wraps(add_up)
    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        sizes = output_sizes(input, weight, stride, padding, dilation)
        out = np.empty((len(input), len(weight), *sizes), input.dtype)
        for n, m, *at in np.ndindex(out.shape):
            pairs = products(input, weight, n, m, at, (stride, padding, dilation, groups))
            terms = [number(a) * number(b) for a, b in pairs]
            if bias is not None:
                terms.append(number(bias[m]))
            out[(n, m, *at)] = add_up(terms)
        return out

    del convolution.__wrapped__
    return convolution


@each_output
def fsum(terms):
    return math.fsum(terms)


@each_output
def backwards(terms):
    return sum(reversed(terms), 0.0)


@each_output
def pairwise(terms):
    if len(terms) < 2:
        return sum(terms)
    half = len(terms) // 2
    return pairwise_sum(terms[:half]) + pairwise_sum(terms[half:])


def pairwise_sum(terms):
    half = len(terms) // 2
    return pairwise_sum(terms[:half]) + pairwise_sum(terms[half:]) if half else terms[0]


@each_output
def kahan(terms):
    total = lost = 0.0
    for term in terms:
        wanted = term - lost
        new = total + wanted
        lost = (new - total) - wanted
        total = new
    return total


@each_output
def by_magnitude(terms):
    return sum(sorted(terms, key=abs))


@functools.partial(each_output, number=lambda value: Fraction(float(value)))
def fractions(terms):
    return float(sum(terms, Fraction(0)))


def numpy_scalars(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """NumPy's own scalars; an int where a tuple could be."""
    if not isinstance(stride, int):
        raise TypeError(f"stride is an int: {stride=}")
    size, k = input.shape[2], weight.shape[2]
    length = (size + 2 * padding - dilation * (k - 1) - 1) // stride + 1
    if length < 1:
        raise ValueError("no output")
    out = np.zeros((len(input), len(weight), length), dtype=input.dtype)
    for b, o, p in np.ndindex(out.shape):
        total = bias[o] if bias is not None else input.dtype.type(0)
        for c in range(weight.shape[1]):
            for t in range(k):
                at = p * stride + t * dilation - padding
                if 0 <= at < size:
                    total += input[b, o // (len(weight) // groups) * weight.shape[1] + c, at] * weight[o, c, t]
        out[b, o, p] = total
    return out


def wrapping_ints(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Python's integers, reduced modulo 2 to the bits of the format at the very end."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    unsigned = np.dtype(f"u{input.dtype.itemsize}")
    out = np.empty((len(input), len(weight), *sizes), unsigned)
    x, w = input.astype(object), weight.astype(object)
    for n, m, *at in np.ndindex(out.shape):
        total = 0 if bias is None else int(bias[m])
        total += sum(a * b for a, b in products(x, w, n, m, at, (stride, padding, dilation, groups)))
        out[(n, m, *at)] = total % 2 ** (8 * unsigned.itemsize)
    return out.view(input.dtype)


def halves_of_the_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Divide and conquer: groups apart, output channels in halves, input channels in halves, then a single pair."""
    if input.ndim != weight.ndim:
        raise ValueError("a batch, please")
    if groups > 1:
        xs, ws = np.split(input, groups, axis=1), np.split(weight, groups)
        bs = np.split(bias, groups) if bias is not None else [None] * groups
        parts = [halves_of_the_channels(x, w, b, stride, padding, dilation) for x, w, b in zip(xs, ws, bs, strict=True)]
        return np.concatenate(parts, axis=1)
    if bias is not None:
        out = halves_of_the_channels(input, weight, None, stride, padding, dilation)
        return out + bias.reshape(-1, *(1,) * len(stride))
    outputs, inputs = weight.shape[:2]
    if outputs > 1:
        halves = weight[: outputs // 2], weight[outputs // 2 :]
        return np.concatenate(
            [halves_of_the_channels(input, w, None, stride, padding, dilation) for w in halves], axis=1
        )
    if inputs > 1:
        half = inputs // 2
        low = halves_of_the_channels(input[:, :half], weight[:, :half], None, stride, padding, dilation)
        return low + halves_of_the_channels(input[:, half:], weight[:, half:], None, stride, padding, dilation)
    sizes = output_sizes(input, weight, stride, padding, dilation)
    x = np.pad(input[:, 0], [(0, 0), *((p, p) for p in padding)])
    out = np.zeros((len(x), *sizes), x.dtype)
    for tap in np.ndindex(weight.shape[2:]):
        axes = zip(tap, sizes, stride, dilation, strict=True)
        box = tuple(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in axes)
        out += x[(slice(None), *box)] * weight[(0, 0, *tap)]
    return out[:, None]


def rows_of_rows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Three axes are sums of two, two are sums of one, and one is np.correlate."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    reads, writes = weight.shape[1], len(weight) // groups
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    for n, m, c in itertools.product(range(len(input)), range(len(weight)), range(reads)):
        x = np.pad(input[n, m // writes * reads + c], [(p, p) for p in padding])
        out[n, m] += _lines(x, weight[m, c], sizes, stride, dilation)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(stride))


def _lines(x, w, sizes, stride, dilation):
    if x.ndim == 1:
        spread = np.zeros(dilation[0] * (len(w) - 1) + 1, x.dtype)
        spread[:: dilation[0]] = w
        # np.correlate conjugates its second operand.
        return np.correlate(x, np.conj(spread), "valid")[:: stride[0]]
    rows = [
        sum(
            _lines(x[o * stride[0] + t * dilation[0]], w[t], sizes[1:], stride[1:], dilation[1:]) for t in range(len(w))
        )
        for o in range(sizes[0])
    ]
    return np.stack(rows)


def polynomials(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One axis as multiplication of polynomials by numpy.polynomial; the reversed kernel, so that it correlates."""
    (s,), (p,), (d,) = stride, padding, dilation
    (length,) = output_sizes(input, weight, stride, padding, dilation)
    reads, writes = weight.shape[1], len(weight) // groups
    out = np.zeros((len(input), len(weight), length), input.dtype)
    span = d * (weight.shape[2] - 1) + 1
    spread = np.zeros((*weight.shape[:2], span), weight.dtype)
    spread[:, :, ::d] = weight
    for n, m, c in itertools.product(range(len(input)), range(len(weight)), range(reads)):
        signal = np.pad(input[n, m // writes * reads + c], (p, p))
        kernel = spread[m, c, ::-1]
        product = np.zeros(len(signal) + span - 1, input.dtype)
        found = np.polynomial.Polynomial(signal) * np.polynomial.Polynomial(kernel)
        product[: len(found.coef)] = found.coef
        out[n, m] += product[span - 1 : len(signal)][::s]
    return out if bias is None else out + bias[:, None]


def conv_transpose_gathered(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each output asks which inputs and taps reach it."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    reads, writes = len(weight) // groups, weight.shape[1]
    out = np.zeros((len(input), groups * writes, *sizes), input.dtype)
    for n, m, *at in np.ndindex(out.shape):
        group, within = divmod(m, writes)
        terms = [float(bias[m])] if bias is not None else []
        for tap in np.ndindex(weight.shape[2:]):
            axes = zip(at, tap, stride, padding, dilation, input.shape[2:], strict=True)
            places = [(divmod(i + p - t * d, s), size) for i, t, s, p, d, size in axes]
            if all(rest == 0 and 0 <= whole < size for (whole, rest), size in places):
                of = tuple(whole for (whole, _), _ in places)
                terms += [
                    float(input[(n, c, *of)]) * float(weight[(c, within, *tap)])
                    for c in range(group * reads, (group + 1) * reads)
                ]
        out[(n, m, *at)] = math.fsum(terms)
    return out


def conv_weight_sums(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """dw[m, c, k] is a sum over examples and positions, by a dictionary of the input's elements."""
    out = np.empty(tuple(weight_size), input.dtype)
    elements = dict(np.ndenumerate(input))
    reads, writes = weight_size[1], weight_size[0] // groups
    positions = list(np.ndindex(grad_output.shape[2:]))
    for m, c, *tap in np.ndindex(out.shape):
        channel = m // writes * reads + c
        terms = [0.0]
        for n, at in itertools.product(range(len(input)), positions):
            axes = zip(at, tap, stride, padding, dilation, strict=True)
            of = (n, channel, *(o * s + t * d - p for o, t, s, p, d in axes))
            if of in elements:
                terms.append(float(elements[of]) * float(grad_output[(n, m, *at)]))
        out[(m, c, *tap)] = math.fsum(terms)
    return out
