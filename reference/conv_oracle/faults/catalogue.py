"""Every fault by its slug."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from conv_oracle.faults.axes import AXES
from conv_oracle.faults.behaviour import BEHAVIOUR
from conv_oracle.faults.channels import CHANNELS
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.faults.rounding import ROUNDING
from conv_oracle.faults.values import VALUES
from conv_oracle.operation import Operation

CATALOGUE: Mapping[str, Fault] = {fault.slug: fault for fault in (*AXES, *CHANNELS, *VALUES, *ROUNDING, *BEHAVIOUR)}


@lru_cache
def variants(operation: Operation) -> tuple[tuple[Fault, Variant], ...]:
    """Every fault that can be computed, in every way that an operation can have it."""
    return tuple(
        (fault, variant) for fault in CATALOGUE.values() for variant in fault.variants(operation.name, operation.axes)
    )


@lru_cache
def rare_variants(operation: Operation) -> tuple[tuple[Fault, Variant], ...]:
    """Ways that are looked for only where none of `variants` explains what came."""
    return tuple(
        (fault, variant) for fault in CATALOGUE.values() for variant in fault.rare(operation.name, operation.axes)
    )
