"""The right subjects: what each is called as, what it takes, and what an audit must say of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from audit.subject import Subject
from conv_oracle.auditing import Finding, Verdict

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Defect:
    """A defect of the library that a subject is made of, and a line of Python that shows it.

    covers: what problem and condition of a finding it explains, as a regular expression.
    """

    kind: str
    covers: str
    what: str
    repro: str


@dataclass(frozen=True)
class Right(Subject):
    """One right subject as one operation.

    takes: the parameters that it has beyond its two operands, and 'same', 'valid', 'unbatched' where it accepts these;
    names: its own names for PyTorch's parameters; plain: those that it wants as one int; limit: what the verdict's
    scope must say; known: the defects of its library that may be found.
    """

    name: str
    target: str
    op: str
    takes: frozenset[str]
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False
    refusals: tuple[str, ...] = ()
    expected: Literal["conforms", "no-verdict"] = "conforms"
    arithmetic: Literal["exact", "inexact"] = "exact"
    names: Mapping[str, str] = field(default_factory=dict)
    by_position: bool = False
    by_keyword: bool = False
    plain: frozenset[str] = frozenset()
    limit: str = ""
    needs_bias: bool = False
    known: tuple[Defect, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        return super().options | {"refusals": self.refusals}

    def holds(self, verdict: Verdict) -> bool:
        """Whether a verdict accuses it of nothing that is not known."""
        return not self.unexplained(verdict) and (bool(verdict.findings) or verdict.verdict == self.expected)

    def unexplained(self, verdict: Verdict) -> list[Finding]:
        """The findings that no known defect of the library explains."""
        multiplies_zeros = any(name in self.target for name in MULTIPLIES_ZEROS)
        listed = [one for one in verdict.findings if not (multiplies_zeros and one.fault in SPECIAL)]
        return [finding for finding in listed if not any(map(finding_of(finding), self.known))]


MULTIPLIES_ZEROS = (
    "windows.py:dense_matrix",
    "transposed_and_gradients.py:conv_input_full",
    "transposed_and_gradients.py:conv_input_matrix",
    "transposed_and_gradients.py:conv_transpose_matrix",
    "behaviour.py:imports_late",
    "loops.py:rows_of_rows",
    "loops.py:polynomials",
    "with_scipy.py:",
    "transforms.py:",
)
"""Subjects that write a dilated kernel, or a whole matrix, with its zeros, or trim them: they are right for finite
numbers, and multiply a NaN that no output reads with these zeros (as jax-ml/jax#9972), or drop one that meets zero.
"""

SPECIAL = ("reads-outside-support", "nonfinite-dropped", "spurious-overflow")


def finding_of(finding: Finding) -> Callable[[Defect], bool]:
    """Whether a finding is a defect's."""
    said = f"{finding.problem} {finding.condition}"
    return lambda defect: finding.kind == defect.kind and re.search(defect.covers, said) is not None


GEOMETRY = ("bias", "stride", "padding", "dilation", "groups")
STRING_PADDING = (*GEOMETRY, "same", "valid")
TORCH = (*STRING_PADDING, "unbatched")
FLOATS = ("float64", "float32")
NARROW = ("float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
WHOLE = ("int8", "int16", "int32", "int64")
CONV = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
INPUT = ("conv1d_input", "conv2d_input", "conv3d_input")
WEIGHT = ("conv1d_weight", "conv2d_weight", "conv3d_weight")

SMALL_WEIGHTS = Defect(
    "wrong-value",
    "scaled by powers of two",
    "scipy.ndimage.correlate leaves out every weight of at most 2.2e-16",
    "scipy.ndimage.correlate(numpy.array([2.0**60]), numpy.array([2.0**-60]), mode='constant') gives [0.] and not [1.]",
)


ROUNDED_SUMS = Defect(
    "wrong-value",
    "^conv_transpose[123]d .*bfloat16",
    "torch 2.13 rounds transposed sums in bfloat16 before it adds the bias, and partial sums where it dilates",
    "F.conv_transpose1d(*(torch.tensor(v).bfloat16() for v in ([[[255.0]]], [[[3.0]]], [1.0]))) gives 764: 766 is 768",
)
CRASH = Defect(
    "crashed",
    "^conv2d .*bias float32",
    "torch 2.13 crashes (SIGSEGV) on a 1x1 kernel with a bias, channels last, strides and padding",
    "F.conv2d(*(torch.ones(s).to(memory_format=torch.channels_last) for s in ((3, 3, 4, 1), (2, 3, 1, 1))), "
    "torch.ones(2), (3, 2), 1, 2)",
)


def _right(where: str, *ops: str, takes: tuple[str, ...] = GEOMETRY, **options: Any) -> Iterator[Right]:
    file, _, function = where.partition(":")
    target = where if file.startswith("torch.") else f"{HERE / file}.py:{function}"
    for op in ops:
        more = ("output_padding",) if op.startswith("conv_transpose") and takes == GEOMETRY else ()
        said = f"{file}:{function} as {op}" + " with gradients" * options.get("gradients", False)
        said += " in bfloat16" * (options.get("dtypes") == ("bfloat16",))
        yield Right(said, target, op, frozenset((*takes, *more)), **options)


def _windows() -> Iterator[Right]:
    yield from _right("windows:im2col", *CONV, dtypes=(*FLOATS, "bfloat16"))
    yield from _right("windows:einsum_windows", *CONV, dtypes=("float32", "float16", "complex64"))
    yield from _right("windows:strided_tensordot", *CONV, dtypes=("float32", "int64", "complex128"))
    yield from _right("windows:tap_by_tap", *CONV, dtypes=("float64", "bfloat16", "int8"))
    yield from _right("windows:index_table", *CONV, dtypes=("float64", "float16", "int16"))
    yield from _right("windows:channels_last_inside", *CONV, dtypes=(*FLOATS, "complex64"))
    yield from _right("windows:dense_matrix", *CONV, dtypes=("float64", "int32"))
    yield from _right("windows:by_phases", *CONV, dtypes=("float32", "uint8"))
    yield from _right("windows:float64_inside", *CONV, dtypes=("float32", *NARROW))
    yield from _right("windows:reversed_reduction", *CONV, dtypes=("float32", "complex128"))


def _loops() -> Iterator[Right]:
    yield from _right("loops:fsum", "conv1d", "conv3d", dtypes=("float64", "float16"))
    yield from _right("loops:backwards", "conv2d", dtypes=FLOATS)
    yield from _right("loops:pairwise", "conv2d", dtypes=("float32",))
    yield from _right("loops:kahan", "conv1d", "conv2d", dtypes=("float32", "bfloat16"))
    yield from _right("loops:by_magnitude", "conv3d", dtypes=("float64",))
    yield from _right("loops:fractions", "conv1d", "conv2d", dtypes=FLOATS)
    yield from _right(
        "loops:numpy_scalars",
        "conv1d",
        dtypes=("float32", "int64"),
        plain=frozenset({"stride", "padding", "dilation"}),
        limit="stride is passed as one int",
    )
    yield from _right("loops:wrapping_ints", "conv1d", "conv2d", dtypes=WHOLE)
    yield from _right("loops:halves_of_the_channels", *CONV, dtypes=("float64", "int16"))
    yield from _right("loops:rows_of_rows", *CONV, dtypes=("float64", "complex128", "int32"))
    yield from _right("loops:polynomials", "conv1d", dtypes=FLOATS)
    yield from _right("loops:conv_transpose_gathered", *TRANSPOSED, dtypes=FLOATS)
    yield from _right("loops:conv_weight_sums", *WEIGHT, dtypes=FLOATS)


def _transforms() -> Iterator[Right]:
    yield from _right("transforms:fft", *CONV, dtypes=FLOATS, arithmetic="inexact")
    yield from _right("transforms:fft_of_one_axis", *CONV, dtypes=("float64", "complex128"), arithmetic="inexact")
    yield from _right("transforms:winograd_2", *CONV, dtypes=FLOATS, arithmetic="inexact")
    yield from _right("transforms:winograd_4", *CONV, dtypes=FLOATS, arithmetic="inexact")
    yield from _right("transforms:big_integers", "conv1d", dtypes=("float64", "float32", "float16"))
    yield from _right("transforms:number_theoretic", "conv1d", dtypes=("int8", "int16"))
    yield from _right("transforms:karatsuba", "conv1d", dtypes=("int8", "int32", "int64", "uint16"))


def _scipy() -> Iterator[Right]:
    yield from _right("with_scipy:signal_correlate", *CONV, dtypes=("float64", "complex128"))
    yield from _right("with_scipy:signal_convolve", *CONV, dtypes=("float32", "int64"))
    yield from _right("with_scipy:signal_convolve2d", "conv2d", dtypes=("float64", "complex64", "int32"))
    yield from _right("with_scipy:fftconvolve", *CONV, dtypes=FLOATS, arithmetic="inexact")
    yield from _right("with_scipy:oaconvolve", "conv1d", "conv2d", dtypes=("float64",), arithmetic="inexact")
    yield from _right("with_scipy:image_correlate", *CONV, dtypes=FLOATS, known=(SMALL_WEIGHTS,))
    yield from _right("with_scipy:finite_impulse_response", "conv1d", dtypes=FLOATS)
    yield from _right("with_scipy:toeplitz", "conv1d", dtypes=("float64", "complex128", "int64"))
    yield from _right("with_scipy:convolution_matrix", "conv1d", dtypes=("float32",))
    yield from _right("with_scipy:sparse_matrix", *CONV, dtypes=("float64", "int32"))
    yield from _right("with_scipy:conv1d_upfirdn", "conv1d", dtypes=FLOATS)
    yield from _right("with_scipy:conv_transpose1d_upfirdn", "conv_transpose1d", dtypes=("float64", "complex128"))
    yield from _right("with_scipy:conv_transpose_full", *TRANSPOSED, dtypes=("float64",))
    yield from _right("with_scipy:conv_weight_correlated", *WEIGHT, dtypes=("float64", "complex128"))


def _transposed_and_gradients() -> Iterator[Right]:
    yield from _right(
        "transposed_and_gradients:conv_transpose_scattered", *TRANSPOSED, dtypes=("float32", *NARROW, "complex64")
    )
    yield from _right("transposed_and_gradients:conv_transpose_stuffed", *TRANSPOSED, dtypes=(*FLOATS, "bfloat16"))
    yield from _right("transposed_and_gradients:conv_transpose_added_at", *TRANSPOSED, dtypes=("float64", "int8"))
    yield from _right(
        "transposed_and_gradients:conv_transpose_matrix", *TRANSPOSED, dtypes=("float64", "complex128", "int64")
    )
    yield from _right("transposed_and_gradients:conv_input_scattered", *INPUT, dtypes=(*FLOATS, "float16"))
    yield from _right("transposed_and_gradients:conv_input_full", *INPUT, dtypes=("float64", "complex64"))
    yield from _right("transposed_and_gradients:conv_input_matrix", *INPUT, dtypes=("float32", "complex128"))
    yield from _right(
        "transposed_and_gradients:conv_weight_windows", *WEIGHT, dtypes=("float32", "bfloat16", "complex64")
    )
    yield from _right("transposed_and_gradients:conv_weight_by_tap", *WEIGHT, dtypes=("float64", "float16", "int32"))
    yield from _right("transposed_and_gradients:conv_weight_as_convolution", *WEIGHT, dtypes=("float64", "complex128"))


def _signatures() -> Iterator[Right]:
    no_dilation, plane = ("bias", "stride", "padding"), "conv2d"
    lacks = "the signature lacks bias, stride, padding, dilation, groups"
    yield from _right("signatures:bare", plane, takes=(), limit=lacks)
    yield from _right(
        "signatures:int_stride", *CONV, takes=("stride",), names={"stride": "s"}, plain=frozenset({"stride"})
    )
    words = {"bias": "b", "stride": "strides", "padding": "pads", "dilation": "rate", "groups": "n_groups"}
    yield from _right("signatures:synonyms", plane, names=words, dtypes=("float32",))
    words = {"input": "x", "weight": "w", "bias": "b", "stride": "strides", "padding": "pads"}
    yield from _right(
        "signatures:keywords_only",
        plane,
        takes=no_dilation,
        names=words,
        by_keyword=True,
        limit="lacks dilation, groups",
    )
    yield from _right("signatures:positional_only", plane, by_position=True, limit="unbatched")
    yield from _right("signatures:anything", plane, limit="unbatched")
    yield from _right("signatures:without_groups", plane, takes=(*no_dilation, "dilation"), limit="lacks groups")
    yield from _right("signatures:passes_on", plane, takes=(*no_dilation, "dilation"), limit="lacks groups")
    yield from _right(
        "signatures:filters_second",
        plane,
        takes=("stride",),
        names={"input": "image", "weight": "filters"},
        by_keyword=True,
    )
    yield from _right("signatures:partial", plane, limit="unbatched")
    yield from _right("signatures:layer", plane, dtypes=("float32", "complex64", "int8", "uint16", "int64"))
    yield from _right("signatures:layer.forward", plane)
    yield from _right("signatures:Layer.of_class", plane, dtypes=("float32",))
    yield from _right("signatures:decorated", plane)
    yield from _right(
        "signatures:needs_a_bias",
        plane,
        takes=no_dilation,
        names={"bias": "b"},
        needs_bias=True,
        limit="a bias is always passed",
    )
    yield from _right("signatures:words", plane, takes=TORCH)
    yield from _right("signatures:refuses_dilation", plane, limit="")
    yield from _right("signatures:refuses_in_its_own_words", plane, refusals=("UnsupportedError",))
    yield from _right("signatures:needs_a_batch", plane, limit="padding='same' raises")
    yield from _right("signatures:only_small_kernels", plane, dtypes=FLOATS)
    yield from _right("signatures:depthwise_only", plane, dtypes=("float32",))
    yield from _right("signatures:nothing_that_is_asked", plane, expected="no-verdict")
    yield from _right("signatures:empty_without_output", plane)


def _behaviour() -> Iterator[Right]:
    yield from _right("behaviour:fortran_order", *CONV)
    yield from _right("behaviour:read_only", "conv2d", dtypes=("float32",))
    yield from _right("behaviour:negative_strides", "conv1d", "conv3d", dtypes=FLOATS)
    yield from _right("behaviour:every_other_element", "conv2d", dtypes=("float64", "int16"))
    yield from _right("behaviour:broadcast", "conv2d", dtypes=FLOATS)
    yield from _right("behaviour:noisy", "conv2d")
    yield from _right("behaviour:imports_late", *CONV)
    yield from _right("behaviour:remembers", "conv2d", dtypes=FLOATS)
    yield from _right("behaviour:planned", *CONV, dtypes=("float64", "int32"))
    yield from _right("behaviour:reuses_its_workspace", "conv2d", dtypes=FLOATS)
    yield from _right("behaviour:in_threads", "conv2d")
    yield from _right("behaviour:in_a_pool_that_stays", "conv1d", "conv2d", dtypes=("float32",))
    yield from _right("behaviour:through_a_file", "conv2d")
    yield from _right("behaviour:blocks_of_four", *CONV)
    yield from _right("behaviour:wide_integers", "conv2d", dtypes=("int8", "int16", "int32"))
    yield from _right("behaviour:int32_sums", "conv2d", dtypes=("int8",))
    yield from _right("behaviour:guards_its_operands", "conv2d", dtypes=("float64",))
    yield from _right("slow_import:conv2d", "conv2d")
    yield from _right("slow_import:sleeps", "conv2d")


def _tensors() -> Iterator[Right]:
    torch = {"arrays": "torch", "dtypes": ("float32",)}
    for op in CONV:
        yield from _right(
            f"torch.nn.functional:{op}", op, takes=TORCH, arrays="torch", dtypes=(*FLOATS, *NARROW, "int64")
        )
    for op in TRANSPOSED:
        both = (*GEOMETRY, "output_padding", "unbatched")
        yield from _right(f"torch.nn.functional:{op}", op, takes=both, arrays="torch", dtypes=FLOATS)
    for op in TRANSPOSED:
        both = (*GEOMETRY, "output_padding", "unbatched")
        yield from _right(
            f"torch.nn.functional:{op}",
            op,
            takes=both,
            arrays="torch",
            dtypes=("bfloat16",),
            arithmetic="inexact",
            known=(ROUNDED_SUMS,),
        )
    for op in (*INPUT, *WEIGHT):
        yield from _right(f"torch.nn.grad:{op}", op, arrays="torch", dtypes=FLOATS)
    yield from _right("tensors:channels_last", "conv2d", takes=TORCH, known=(CRASH,), **torch)
    yield from _right("tensors:channels_last", "conv3d", takes=TORCH, **torch)
    # NNPACK takes float32 batches of 16 and more there, and computes them by a transform.
    yield from _right("tensors:without_mkldnn", "conv1d", "conv2d", takes=TORCH, arithmetic="inexact", **torch)
    yield from _right("tensors:without_mkldnn", "conv3d", takes=TORCH, **torch)
    yield from _right("tensors:conv_transpose_without_mkldnn", *TRANSPOSED, **torch)
    yield from _right("tensors:requires_grad", "conv2d", takes=TORCH, **torch)
    yield from _right("tensors:double_inside", *CONV, takes=TORCH, arrays="torch", dtypes=("float32", *NARROW))
    yield from _right("tensors:module", *CONV, takes=TORCH, **torch)
    yield from _right("tensors:unfold", "conv2d", takes=STRING_PADDING, **torch)
    yield from _right("tensors:windows", *CONV, takes=STRING_PADDING, arrays="torch", dtypes=(*FLOATS, "complex64"))
    yield from _right("tensors:tap_by_tap", *CONV, **torch)
    yield from _right("tensors:strided", *CONV, **torch)
    yield from _right("tensors:conv_transpose_folded", "conv_transpose2d", **torch)
    yield from _right("tensors:conv_transpose_by_autograd", *TRANSPOSED, **torch)
    yield from _right("tensors:conv1d_by_conv2d", "conv1d", takes=TORCH, **torch)
    yield from _right("tensors:group_by_group", *CONV, takes=TORCH, **torch)
    yield from _right("tensors:example_by_example", "conv2d", takes=TORCH, **torch)
    yield from _right("tensors:sum_of_input_channels", *CONV, takes=tuple(t for t in TORCH if t != "groups"), **torch)
    yield from _right("tensors:complex_by_parts", *CONV, takes=STRING_PADDING, arrays="torch", dtypes=COMPLEX)
    yield from _right("tensors:conv_weight_by_einsum", *WEIGHT, **torch)
    yield from _right("tensors:conv_input_by_transposing", *INPUT, **torch)


def _derivatives() -> Iterator[Right]:
    torch = {"arrays": "torch", "dtypes": FLOATS, "gradients": True}
    for op in CONV:
        yield from _right(f"torch.nn.functional:{op}", op, takes=TORCH, **torch)
    for op in TRANSPOSED:
        yield from _right(f"torch.nn.functional:{op}", op, takes=(*GEOMETRY, "output_padding", "unbatched"), **torch)
    yield from _right("derivatives:by_einsum", *CONV, takes=STRING_PADDING, **torch)
    yield from _right("derivatives:by_unfold", "conv2d", takes=STRING_PADDING, **torch)
    yield from _right("derivatives:by_taps", "conv2d", **torch)
    yield from _right("derivatives:by_hand", *CONV, **torch)
    yield from _right("derivatives:by_hand_once", *CONV, limit="the double backward raises: not tested", **torch)
    yield from _right("derivatives:three_convolutions", *CONV, **torch)
    yield from _right("derivatives:checkpointed", "conv2d", takes=STRING_PADDING, **torch)
    yield from _right("derivatives:channels_last", "conv2d", takes=TORCH, known=(CRASH,), **torch)
    yield from _right("derivatives:channels_last", "conv3d", takes=TORCH, **torch)
    yield from _right("derivatives:conv_transpose_scattered", *TRANSPOSED, **torch)


SUBJECTS: tuple[Right, ...] = (
    *_windows(),
    *_loops(),
    *_transforms(),
    *_scipy(),
    *_transposed_and_gradients(),
    *_signatures(),
    *_behaviour(),
    *_tensors(),
    *_derivatives(),
)
