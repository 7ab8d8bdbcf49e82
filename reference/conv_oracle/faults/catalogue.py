"""Every fault by its slug, in one list: its order is that in which causes are looked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from conv_oracle.faults import (
    bias,
    borders,
    channels,
    examples,
    kernel,
    memory,
    outputs,
    parameters,
    transposed,
    values,
)
from conv_oracle.faults.behaviour import BEHAVIOUR
from conv_oracle.faults.departures import DEPARTURES
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.faults.rounding import ROUNDING
from conv_oracle.operation import Operation

COMPUTED: tuple[Fault, ...] = (
    kernel.FLIPPED,
    kernel.AXES_EXCHANGED,
    *parameters.AXES_EXCHANGED,
    *parameters.OF_ONE_AXIS_FOR_ALL,
    parameters.STRIDE_IGNORED,
    parameters.DILATION_IGNORED,
    parameters.DILATION_APPLIED_TWICE,
    parameters.DILATION_COUNTS_HOLES,
    parameters.STRIDE_AND_DILATION_EXCHANGED,
    parameters.PADDING_IGNORED,
    borders.PADDING_ON_ONE_SIDE,
    borders.PADDING_SIDES_EXCHANGED,
    borders.SAME_PADS_THE_WRONG_SIDE,
    borders.ORIGIN_SHIFTED,
    borders.PADDING_IS_NOT_ZERO,
    borders.REFLECTION_REPEATS_THE_EDGE,
    transposed.OVERLAPS_OVERWRITTEN,
    borders.READS_AROUND_THE_BORDER,
    kernel.ELEMENT_DROPPED,
    outputs.NOT_WRITTEN,
    borders.INPUT_BORDER_UNREAD,
    outputs.ONE_PRODUCT_DROPPED,
    outputs.TILE_TAIL_DROPPED,
    outputs.SIZE_FORMULA_WRONG,
    borders.PADDING_OF_ANOTHER_MODE,
    transposed.OUTPUT_PADDING_MISHANDLED,
    transposed.PADDING_MISREAD,
    channels.GROUP_OFFSET_WRONG,
    channels.GROUPS_INTERLEAVED,
    channels.DEPTHWISE_FILTERS_MIXED,
    channels.REVERSED,
    channels.DROPPED,
    channels.TAIL_DROPPED,
    channels.REDUCTION_TAIL_DROPPED,
    memory.WEIGHT_CHANNELS_EXCHANGED,
    examples.BATCH_OFFSET_WRONG,
    examples.UNBATCHED_MISHANDLED,
    memory.INDEX_OVERFLOW,
    memory.LAYOUT_MISREAD,
    values.RESULT_SCALED,
    bias.WRONG,
    values.ACTIVATION_FUSED,
    values.RESULT_CLAMPED,
    values.INTEGER_OVERFLOW,
    values.SMALL_VALUES_SKIPPED,
    values.SIGN_LOST,
    values.PRECISION_LOST,
    values.CONJUGATION_WRONG,
)
"""Those that an edit of one call expresses."""

CATALOGUE: Mapping[str, Fault] = {fault.slug: fault for fault in (*COMPUTED, *DEPARTURES, *ROUNDING, *BEHAVIOUR)}


@lru_cache
def variants(operation: Operation) -> tuple[tuple[Fault, Variant], ...]:
    """Every fault that can be computed, in every way that an operation can have it."""
    return tuple((fault, variant) for fault in CATALOGUE.values() for variant in fault.variants(operation))


@lru_cache
def rare_variants(operation: Operation) -> tuple[tuple[Fault, Variant], ...]:
    """Ways that are looked for only where none of `variants` explains what came."""
    return tuple((fault, variant) for fault in CATALOGUE.values() for variant in fault.rare(operation))
