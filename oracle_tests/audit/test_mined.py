"""Mined sizes: the constants of a source in every language, each an extent of every kind, at a capped cost."""

from math import prod

import pytest

from conv_oracle.auditing.problems import extents, mined, own_source, source_texts
from conv_oracle.auditing.problems.constants import constants
from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS, MOST_NUMBERS, roles
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.space import solvable

PYTHON = """
TILE = 37
MASK = 0x40
STEP = 1 << 7
WIDE = 2**9
MANY = 4_099
RATIO = 77.0
NEGATIVE = -51
KERNEL = r'''
#define BLOCK 73
constexpr int lanes = 0x58u; int n = 1 << 11; float f = 93.5f; int x91 = 0; // 12'345
'''
def f(x, w):
    return x.reshape(-1, 3 * 29)
"""
CUDA = """
#define TILE 37
#define MASK 0x40
constexpr unsigned kStep = 1u << 7;
static const size_t wide = 512ULL;
__launch_bounds__(193) __global__ void k(float *x57) { if (n > 1'027) return; float y = 77.5f * 1e3; }
"""
TRITON = """
import triton
@triton.jit
def kernel(x, BLOCK: "tl.constexpr" = 192):
    tl.arange(0, 48)
"""


def test_the_constants_of_each_language_are_found():
    python = set(constants([PYTHON]))
    assert python >= {37, 0x40, 128, 512, 4099, 73, 0x58, 2048, 12345, 29, 87, 51}
    assert not python & {77, 93, 91}
    cuda = set(constants([CUDA]))
    assert cuda >= {37, 64, 128, 512, 193, 1027}
    assert not cuda & {57, 77, 1000}
    assert set(constants([TRITON])) == {192, 48}


def test_what_is_no_size_is_no_constant():
    assert constants(["A = 0; B = 1; C = 70_001; D = 'sha256 abc123 1.2.3'; E = True; F = 1 << 40"]) == (40,)
    assert constants(["int x = " + "9" * 5000 + ";"]) == ()


def test_rare_and_middle_sizes_come_first():
    ranked = constants(["a = 2; b = 3; c = 40_000; d = 37; e = [48, 48, 48, 48, 48]"])
    assert ranked == (37, 48, 40_000, 3, 2)


@pytest.mark.parametrize(
    "op", map(operation, ["conv1d", "conv2d", "conv3d", "conv_transpose2d", "conv2d_input", "conv3d_weight"]), ids=str
)
def test_a_constant_becomes_every_extent_of_a_few_sizes(op):
    found = mined(["if n > 13: pass"], op)
    there = {pair for p in found.problems for pair in extents(p).items()}
    for role in roles(op):
        assert {(role, v) for v in (12, 13, 14)} <= there, role
        assert (role, 26) in there or role.startswith("kernel")
    assert found.sizes == (13,)
    assert found.dropped <= 4


@pytest.mark.parametrize("op", list(map(operation, ["conv1d", "conv2d_weight", "conv_transpose3d"])), ids=str)
def test_costs_and_counts_are_capped(op):
    text = "\n".join(f"A{n} = {n}" for n in (*range(20, 50), 1024, 4096, 16_384, 65_535, 70_000))
    found = mined([text], op)
    assert len(found.problems) == len(set(found.problems)) == 300
    for problem in found.problems:
        assert solvable(problem)
        assert problem.operation == op
        assert problem.multiply_adds <= MOST_MULTIPLY_ADDS
        assert sum(map(prod, (problem.input_shape, problem.weight_shape, problem.output_shape))) <= MOST_NUMBERS
    everything = mined([text], op, None)
    assert set(found.problems) <= set(everything.problems)
    assert everything.dropped > 0
    assert any(extents(p)["batch"] == 70_001 for p in everything.problems)
    assert mined([text], op) == found


def test_sources_are_read_and_missing_ones_named(tmp_path):
    target, kernel = tmp_path / "a.py", tmp_path / "k.cu"
    target.write_text("A = 37")
    kernel.write_bytes(b"#define T 41 \xff")
    assert constants(source_texts(target.read_bytes(), [kernel])) == (41, 37)
    assert source_texts(b"") == ("",)
    for wrong in (tmp_path / "absent.cu", tmp_path):
        with pytest.raises(TargetError, match=r"source=.*would fit"):
            source_texts(b"", [wrong])
    big = tmp_path / "big.cu"
    big.write_bytes(b" " * 2_000_001)
    with pytest.raises(TargetError, match="2000001"):
        source_texts(b"", [big])
    assert own_source(str(big)) == own_source("/dev/zero") == own_source("/proc/self/mem") == own_source("\0") == b""
    assert own_source(str(target)) == target.read_bytes()
