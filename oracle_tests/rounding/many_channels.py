"""Fast algorithms over many channels, beside the bounds that count their sums."""

from dataclasses import replace

import numpy as np
from fast_algorithms import fft, winograd
from strassen import passes as by_blocks
from strassen import strassen, winograd_form

from conv_oracle.auditing.rounding.data import stored, suites
from conv_oracle.auditing.rounding.growth import errors_and_blocks, errors_and_norms
from conv_oracle.auditing.rounding.measures import ratio, sample
from conv_oracle.auditing.rounding.plan import of_problem
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.problem import parse

CHANNELS = (10, 100, 1_000, 10_000, 100_000)
LEVELS = [(product, levels) for product in (strassen, winograd_form) for levels in (1, 2, 3)]
MOST_BY_BLOCKS = 10_000


def one_by_one(sums=lambda x: x):
    """FFT in float32 whose products are added channel after channel: in complex64, or rounded more coarsely."""

    def forward(x, w, geometry):
        x = np.pad(x, [(0, 0), (0, 0), *geometry.padding]).astype(np.float32)
        sizes, axes = x.shape[2:], tuple(range(2, x.ndim))
        images, kernels = np.fft.rfftn(x, axes=axes), np.fft.rfftn(w.astype(np.float32), sizes, axes).conj()
        total = np.zeros((len(x), len(w), *images.shape[2:]), np.complex64)
        for channel in range(x.shape[1]):
            total = sums(total + images[:, None, channel] * kernels[None, :, channel])
        out = np.fft.irfftn(total, sizes, axes)
        return out[(..., *(slice(0, size) for size in geometry.output_size))]

    return replace(fft("float32"), to_output=forward)


def samples(of, passes, *, probed=True, seed=5):
    """The answers of passes to every suite, and to every probe."""
    rng = np.random.default_rng(seed)
    asked = [*suites(of, rng), *(probes(of, rng) if probed else ())]
    for suite in asked:
        given = {name: array.astype(np.float64) for name, array in suite.operands.items()}
        with np.errstate(over="ignore", invalid="ignore"):
            got = of.problem.compute(passes, given).astype(np.float64)
        yield sample(of, suite, stored(got, of.problem.dtype))


def alone(notation):
    """The pass of a problem without gradients."""
    return of_problem(parse(notation), gradients=False)[0]


def largest(told, bound):
    """The largest error over a bound."""
    return max(float(ratio(*bound(s)).max(initial=0.0)) for s in told)


def over_bounds(channels):
    """(algorithm, the largest error over its bound) of every fast algorithm on sums over so many channels."""
    of = alone(f"conv1d x1x{channels}x3 w2x{channels}x1 float32")
    yield "FFT, one by one", largest(samples(of, one_by_one(), probed=False), errors_and_norms)
    of = alone(f"conv2d x1x{channels}x3x4 w2x{channels}x3x3 float32")
    yield "FFT", largest(samples(of, fft("float32"), probed=False), errors_and_norms)
    for m in (2, 4, 6):
        yield f"F({m}, 3)", largest(samples(of, winograd(m), probed=False), errors_and_norms)
    of = alone(f"conv1d x1x{channels}x6 w8x{channels}x3 float32")
    for product, levels in LEVELS if channels <= MOST_BY_BLOCKS else ():
        told = samples(of, by_blocks(product, levels), probed=False)
        yield f"{product.__name__}, {levels} level{'s' * (levels > 1)}", largest(told, errors_and_blocks)
