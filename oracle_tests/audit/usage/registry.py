"""All convolutions that are wrong only as people use them: in a way of calling, in memory, on values, on sizes."""

from __future__ import annotations

from audit.usage.entry import Usage
from audit.usage.registry_calls import CALLS
from audit.usage.registry_guard import GUARD
from audit.usage.registry_layers import LAYERS
from audit.usage.registry_memory import MEMORY
from audit.usage.registry_shapes import SHAPES
from audit.usage.registry_tensors import TENSORS
from audit.usage.registry_values import VALUES

SUBJECTS: tuple[Usage, ...] = (*CALLS, *MEMORY, *TENSORS, *GUARD, *LAYERS, *SHAPES, *VALUES)
