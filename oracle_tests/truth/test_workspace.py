"""The fast form's workspace: at most 32 MiB besides the result, whatever the layer, and no copy where a view serves."""

import tracemalloc

import numpy as np
import pytest

from conv_oracle import truth
from conv_oracle.problem import parse
from conv_oracle.truth import gemm, pool

LIMIT = 32 << 20

# what a whole unfolding, a padded copy, a transposed weight or converted operands would each take far more for
LAYERS = [
    "conv2d x1x64x96x96 w64x64x3x3 p1",
    "conv2d x1x256x80x80 w16x256x1x1",
    "conv2d x1x640x7x7 w640x640x3x3 p1",
    "conv2d x1x8x700x700 w4x8x2x2 s2 p1",
    "conv2d x8x512x6x6 w64x512x3x3 p1 d2",
    "conv2d x1x96x160x160 w32x96x1x1 s2",
    "conv2d x1x256x33x33 w16x256x3x3 p24 d24",
    "conv1d x1x1x900000 w2x1x9 p4",
    "conv1d x1x4x12000 w1x4x4001",
    "conv2d x1x128x112x112 w128x1x3x3 p1 g128",
    "conv2d x32x16x112x112 w16x1x3x3 p1 g16",
    "conv2d x1x32x200x200 w32x4x3x3 p1 g8 reflect",
    "conv3d x1x8x12x60x60 w8x8x3x3x3 p1 circular",
    "conv_transpose2d x1x64x48x48 w64x64x4x4 s2 p1",
]


def workspace(notation: str, dtype: str, operation: str) -> int:
    """Bytes at the peak, besides the operands and the result in the dtype that it is summed in."""
    problem = parse(notation)
    random = np.random.default_rng(0)
    x, w, dy = (
        random.integers(-3, 4, shape).astype(dtype)
        for shape in (problem.input_shape, problem.weight_shape, problem.output_shape)
    )
    family, parameters = problem.operation.nd_name, problem.parameters
    tracemalloc.start()
    try:
        if operation == "forward":
            result = getattr(truth.fast, family)(x, w, **parameters)
        elif operation == "input":
            result = getattr(truth.fast, f"{family}_input")(x.shape, w, dy, **parameters)
        else:
            result = getattr(truth.fast, f"{family}_weight")(x, w.shape, dy, **parameters)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    rounded = result.nbytes if dtype != "float64" else 0
    return peak - result.size * 8 - rounded


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("operation", ["forward", "input", "weight"])
@pytest.mark.parametrize("notation", LAYERS)
def test_workspace_is_bounded(notation: str, operation: str, dtype: str) -> None:
    assert workspace(notation, dtype, operation) <= LIMIT


@pytest.mark.parametrize("operation", ["forward", "input", "weight"])
def test_the_threads_share_it(operation: str) -> None:
    with truth.threads(4):
        assert workspace("conv2d x4x64x64x64 w64x64x3x3 p1", "float64", operation) <= LIMIT


def test_the_bound_is_seen_to_be_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "BLOCK_BYTES", 1 << 30)
    assert workspace(LAYERS[0], "float64", "forward") > LIMIT


@pytest.mark.parametrize("operation", ["forward", "input"])
def test_a_pointwise_convolution_is_a_product_of_views(operation: str) -> None:
    # the input is 4 MiB, the output 2 MiB: neither is copied
    assert workspace("conv2d x2x64x64x64 w32x64x1x1", "float64", operation) < 1 << 20


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pool.VARIABLE, raising=False)
    assert pool.thread_count() == 1
    monkeypatch.setenv(pool.VARIABLE, "3")
    assert pool.thread_count() == 3
    with truth.threads(2):
        assert pool.thread_count() == 2
    assert pool.thread_count() == 3
    for wrong in ("0", "many", "-1"):
        monkeypatch.setenv(pool.VARIABLE, wrong)
        with pytest.raises(ValueError, match="must be at least 1: CONV_ORACLE_THREADS"):
            pool.thread_count()
    with pytest.raises(ValueError, match="must be at least 1: count=0; 1 would fit"), truth.threads(0):
        pass


def test_every_task_is_done_once_on_some_thread() -> None:
    done: list[int] = []
    with truth.threads(3):
        pool.share(range(10), done.extend)
    assert sorted(done) == list(range(10))


def test_an_error_on_a_thread_reaches_the_caller() -> None:
    def fail(tasks: object) -> None:
        if 1 in tasks:  # type: ignore[operator]
            raise RuntimeError("on the second thread")

    with truth.threads(2), pytest.raises(RuntimeError, match="second thread"):
        pool.share([0, 1], fail)


def test_results_repeat_bitwise_on_threads() -> None:
    random = np.random.default_rng(3)
    x, dy = random.standard_normal((6, 8, 30, 30)), random.standard_normal((6, 8, 28, 28))
    with truth.threads(2):
        first = truth.fast.conv_weight(x, (8, 8, 3, 3), dy)
        for _ in range(5):
            assert truth.fast.conv_weight(x, (8, 8, 3, 3), dy).tobytes() == first.tobytes()
