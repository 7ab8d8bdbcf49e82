"""The bounds of fast algorithms count their sums, and leave no room for operands or sums of few bits."""

import numpy as np
import pytest
from fast_algorithms import fft, winograd, winograd_matrices
from many_channels import CHANNELS, LEVELS, alone, largest, one_by_one, over_bounds, samples
from simulated_arithmetic import bits, half
from strassen import passes as by_blocks
from strassen import strassen

from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.growth import AMPLIFIES, FEW, errors_and_norms, most_growth
from conv_oracle.auditing.rounding.kinds import POSITIVE
from conv_oracle.auditing.rounding.ladder import measured

ALLOWS = ALLOWED[DEFAULT].holds
FORMATS = {"float16": half, "bfloat16": bits(8), "TF32": bits(11)}


@pytest.mark.parametrize("channels", CHANNELS[:4])
def test_every_fast_algorithm_is_within_half_of_its_bound(channels):
    told = dict(over_bounds(channels))
    assert len(told) == 5 + len(LEVELS)
    assert max(told.values()) <= 0.5, told


@pytest.mark.parametrize("channels", [25_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_channels_are_summed_in_complex64(channels):
    """Some 16 units of norms are not enough, as were allowed where no sums were counted."""

    def without_sums(s):
        error, limit = errors_and_norms(s)
        return error, limit * most_growth(s.of) / (most_growth(s.of) + channels - FEW)

    of = alone(f"conv1d x1x{channels}x3 w2x{channels}x1 float32")
    told = list(samples(of, one_by_one()))
    found = measured(of, told)
    assert (found.name, ALLOWS(found)) == ("fast", True)
    assert largest([s for s in told if s.kind is POSITIVE], without_sums) > 1


@pytest.mark.parametrize("name", FORMATS)
def test_sums_of_few_bits_in_the_transformed_domain_are_caught(name):
    def sums(x):
        return (FORMATS[name](x.real) + 1j * FORMATS[name](x.imag)).astype(np.complex64)

    of = alone("conv1d x1x4000x3 w2x4000x1 float32")
    assert not ALLOWS(measured(of, samples(of, one_by_one(sums))))


@pytest.mark.parametrize("name", FORMATS)
def test_operands_of_few_bits_are_caught_however_many_channels_there_are(name):
    pointwise, tiled = alone("conv1d x1x4000x3 w2x4000x1 float32"), alone("conv2d x1x1200x3x4 w4x1200x3x3 float32")
    for of, passes in (
        (pointwise, fft("float32", FORMATS[name])),
        (tiled, fft("float32", FORMATS[name])),
        *((tiled, winograd(m, FORMATS[name])) for m in (2, 4, 6)),
    ):
        assert not ALLOWS(measured(of, samples(of, passes)))


def test_no_tile_amplifies_more_than_is_counted():
    """By the largest norm of sum_i |A_oi| |G_i| |B_i| over the outputs o of a tile."""
    most = []
    for m in (2, 4, 6):
        b, g, a = map(np.abs, winograd_matrices(m))
        most.append(max(np.linalg.norm(np.einsum("i,ik,ij->kj", row, g, b), 2) for row in a))
    assert AMPLIFIES / 2 < max(most) <= AMPLIFIES


NOTATIONS = (
    "conv2d x2x16x5x9 w8x16x3x3 p1 {}",
    "conv1d x1x192x8 w8x192x3 p1 bias {}",
    "conv3d x1x8x4x4x5 w8x8x3x3x3 {}",
    "conv_transpose2d x1x32x4x5 w32x8x3x3 p1 {}",
    "conv1d_input x1x8x9 w96x8x3 {}",
    "conv2d_weight x2x2x12x25 w8x2x3x3 p1 {}",
)


@pytest.mark.parametrize(("product", "levels"), LEVELS)
def test_blocks_are_right_in_every_pass_and_those_of_few_bits_are_not(product, levels):
    for number, notation in enumerate(NOTATIONS):
        for dtype, own, few in (("float32", np.float32, (13, 8, 11)), ("float64", np.float64, (40, 11, 24))):
            of, kept = alone(notation.format(dtype)), few[number % 3]
            found = measured(of, samples(of, by_blocks(product, levels, own)))
            assert ALLOWS(found), (notation, dtype, found.said, found.growth)
            low = measured(of, samples(of, by_blocks(product, levels, own, bits(kept))))
            assert not ALLOWS(low), (notation, dtype, kept, low.said)


def test_a_product_by_blocks_is_no_direct_sum():
    of = alone("conv2d x2x16x5x9 w8x16x3x3 p1 float32")
    found = measured(of, samples(of, by_blocks(strassen, 2)))
    assert (found.name, found.algorithm) == ("fast", "Strassen-like")
    assert not ALLOWED["direct"].holds(found)
