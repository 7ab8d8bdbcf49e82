"""Planted faults: ways of computing that are wrong in one thing, and the part of the suite that each must not survive.

They enter where a real fault would: in the index map's tables, its terms, a contraction, or an operation.
"""

# A fault takes what the right function takes, and forgets some of it.
# ruff: noqa: ARG005

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conv_oracle.passes import Passes
from conv_oracle.truth import fast
from sweep.faulty_maps import (
    border_lost,
    changed_setting,
    clipped,
    edited_table,
    end_anchored,
    first_row_dropped,
    last_row_repeats,
    last_tap_dropped,
    missing_term,
    other_mode,
    repeated_term,
    shifted_padding,
    symmetric,
    with_channels,
    with_geometry,
    with_terms,
    wraps_before,
)
from sweep.faulty_operations import (
    AlwaysBatched,
    BiasMean,
    BiasOfFirstExample,
    BiasPerGroup,
    BiasReversed,
    DoubleBiasMissing,
    DoubleTermMissing,
    DoubleTermsExchanged,
    DoubleTransposedMissing,
    EmptyBatchRefused,
    NoBias,
    NoConjugateInput,
    NoConjugateWeight,
    OutputPaddingBefore,
    OutputPaddingIgnored,
    SameOddBefore,
    Saturates,
    TransposeConjugates,
    TransposeFlips,
    Wide,
    clamped,
    first_example,
    flipped,
    leak,
    swapped_axes,
    with_contraction,
    with_operations,
)


@dataclass(frozen=True)
class Mutant:
    """A fault, the way of computing that has it, and the part that kills it."""

    name: str
    killer: str
    passes: Passes


MUTANTS: tuple[Mutant, ...] = (
    Mutant("kernel flipped", "identity: z_evaluation", edited_table(lambda t, i, s: t[:, ::-1])),
    Mutant("kernel flipped in the tables", "identity: impulse", edited_table(lambda t, i, s: t[:, ::-1])),
    Mutant("stride and dilation exchanged", "torch: one axis",
           changed_setting(lambda i, o, k, s: {"stride": s["dilation"], "dilation": s["stride"]})),
    Mutant("stride ignored", "identity: stride_subsamples", changed_setting(lambda i, o, k, s: {"stride": 1})),
    Mutant("dilation ignored", "identity: dilation_stuffs_zeros", changed_setting(lambda i, o, k, s: {"dilation": 1})),
    Mutant("padding ignored", "identity: padding_is_explicit", changed_setting(lambda i, o, k, s: {"before": 0})),
    Mutant("padding of one more", "torch: one axis", changed_setting(lambda i, o, k, s: {"before": s["before"] + 1})),
    Mutant("padding scaled by the dilation", "torch: one axis",
           changed_setting(lambda i, o, k, s: {"before": s["before"] * s["dilation"]})),
    Mutant("padding scaled by the stride", "torch: one axis, transposed",
           changed_setting(lambda i, o, k, s: {"before": s["before"] * s["stride"]})),
    Mutant("kernel centred, as for 'same'", "torch: 'same' and 'valid'",
           changed_setting(lambda i, o, k, s: {"before": s["dilation"] * k // 2})),
    Mutant("reads start one late", "identity: associates", edited_table(lambda t, i, s: clipped(t + 1, i, s))),
    Mutant("remainder skipped at the start", "torch: one axis", changed_setting(end_anchored)),
    Mutant("last tap dropped", "torch: one axis", edited_table(last_tap_dropped)),
    Mutant("first output empty", "torch: one axis, transposed", edited_table(first_row_dropped)),
    Mutant("last output repeats the one before", "torch: two axes", edited_table(last_row_repeats)),
    Mutant("last input element unread", "torch: two axes", edited_table(border_lost)),
    Mutant("negative positions wrap", "torch: one axis", edited_table(wraps_before)),
    Mutant("reflect as replicate", "torch: padding reflect", changed_setting(other_mode({"reflect": "replicate"}))),
    Mutant("reflect repeats the border", "torch: padding reflect", edited_table(symmetric)),
    Mutant("replicate as reflect", "torch: padding replicate", changed_setting(other_mode({"replicate": "reflect"}))),
    Mutant("circular as replicate", "torch: padding circular", changed_setting(other_mode({"circular": "replicate"}))),
    Mutant("modes as zeros", "identity: shifts", changed_setting(lambda i, o, k, s: {"padding_mode": "zeros"})),
    Mutant("group offset missing", "identity: groups_are_blocks", with_channels(lambda m, c, g: c)),
    Mutant("groups interleaved", "torch: one axis", with_channels(lambda m, c, g: m % g.groups + c * g.groups)),
    Mutant("channels interleaved", "torch: two axes",
           with_channels(lambda m, c, g: m // g.out_channels_per_group + c * g.groups)),
    Mutant("channels reversed in a group", "torch: one axis",
           with_channels(lambda m, c, g: m // g.out_channels_per_group * g.in_channels_per_group
                     + g.in_channels_per_group - 1 - c)),
    Mutant("group of an output channel by modulus", "torch: one axis, transposed",
           with_channels(lambda m, c, g: m % g.groups * g.in_channels_per_group + c)),
    Mutant("one term twice", "identity: channels_add", with_terms(repeated_term)),
    Mutant("one term missing", "definition", with_terms(missing_term)),
    Mutant("stride of the other axis", "torch: two axes", with_geometry(lambda g: {"stride": g.stride[::-1]})),
    Mutant("dilation of the other axis", "torch: two axes, transposed",
           with_geometry(lambda g: {"dilation": g.dilation[::-1]})),
    Mutant("padding of the other axis", "torch: three axes", with_geometry(lambda g: {"padding": g.padding[::-1]})),
    Mutant("padding sides exchanged", "torch: asymmetric padding", with_geometry(shifted_padding)),
    Mutant("flipped in the fast form, all passes alike", "identity: z_evaluation_transposed",
           Passes(lambda x, w, g: fast.to_output(x, flipped(w), g), lambda w, y, g: fast.to_input(flipped(w), y, g),
                  lambda x, y, g: flipped(fast.to_weight(x, y, g)))),
    Mutant("forward alone flipped", "identity: adjoint",
           with_contraction(to_output=lambda x, w, g: fast.to_output(x, flipped(w), g))),
    Mutant("input gradient alone flipped", "identity: transposed_is_the_adjoint",
           with_contraction(to_input=lambda w, y, g: fast.to_input(flipped(w), y, g))),
    Mutant("weight gradient alone flipped", "identity: finite_differences",
           with_contraction(to_weight=lambda x, y, g: flipped(fast.to_weight(x, y, g)))),
    Mutant("kernel axes transposed", "torch: two axes",
           with_contraction(to_output=lambda x, w, g: fast.to_output(x, swapped_axes(w), g))),
    Mutant("axes of the weight gradient transposed", "torch: three axes",
           with_contraction(to_weight=lambda x, y, g: swapped_axes(fast.to_weight(x, y, g)))),
    Mutant("examples leak forward", "identity: batch_splits",
           with_contraction(to_output=lambda x, w, g: leak(fast.to_output(x, w, g)))),
    Mutant("examples leak backward", "torch: one axis",
           with_contraction(to_input=lambda w, y, g: leak(fast.to_input(w, y, g)))),
    Mutant("weight gradient of the first example", "torch: one axis", with_contraction(to_weight=first_example)),
    Mutant("results clamped", "identity: sign_and_scale",
           with_contraction(to_output=lambda x, w, g: clamped(fast.to_output(x, w, g)))),
    Mutant("negative results dropped", "identity: sign_and_scale",
           with_contraction(to_output=lambda x, w, g: np.maximum(fast.to_output(x, w, g).real, 0))),
    Mutant("results rounded to 4", "Fractions",
           with_contraction(to_output=lambda x, w, g: fast.to_output(x, w, g) // 4 * 4)),
    Mutant("kernel flipped in the fast form", "identity: commutes",
           with_contraction(to_output=lambda x, w, g: fast.to_output(x, flipped(w), g))),
    Mutant("odd element of 'same' before", "identity: same_keeps_the_size", with_operations(SameOddBefore)),
    Mutant("odd element of 'same' before, to torch", "torch: 'same' and 'valid'", with_operations(SameOddBefore)),
    Mutant("bias forgotten", "torch: bias", with_operations(NoBias)),
    Mutant("bias per group", "torch: bias", with_operations(BiasPerGroup)),
    Mutant("bias reversed", "torch: bias", with_operations(BiasReversed)),
    Mutant("bias gradient a mean", "torch: bias", with_operations(BiasMean)),
    Mutant("bias gradient of the first example", "torch: bias", with_operations(BiasOfFirstExample)),
    Mutant("conjugate missing by input", "torch: complex", with_operations(NoConjugateInput)),
    Mutant("conjugate missing by weight", "identity: adjoint", with_operations(NoConjugateWeight)),
    Mutant("transposed with a conjugate", "torch: complex, transposed", with_operations(TransposeConjugates)),
    Mutant("transposed with a flip", "torch: two axes, transposed", with_operations(TransposeFlips)),
    Mutant("output_padding ignored", "torch: one axis, transposed", with_operations(OutputPaddingIgnored)),
    Mutant("output_padding before", "torch: one axis, transposed", with_operations(OutputPaddingBefore)),
    Mutant("double backward with the operands, not their cotangents", "torch: double backward",
           with_operations(DoubleTermsExchanged)),
    Mutant("double backward lacks conv(x, vw)", "identity: double_backward_differences",
           with_operations(DoubleTermMissing)),
    Mutant("double backward lacks vb", "torch: double backward", with_operations(DoubleBiasMissing)),
    Mutant("transposed double backward lacks a term", "torch: double backward, transposed",
           with_operations(DoubleTransposedMissing)),
    Mutant("result in float64", "torch: float32", with_operations(Wide)),
    Mutant("integers saturate", "integers wrap", with_operations(Saturates)),
    Mutant("result always batched", "torch: empty and unbatched", with_operations(AlwaysBatched)),
    Mutant("empty batch refused", "torch: empty and unbatched", with_operations(EmptyBatchRefused)),
)  # fmt: skip
