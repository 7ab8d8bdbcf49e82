"""Convolutions that are wrong on one layer of a real network, and are found where that layer is asked."""

from __future__ import annotations

from audit.usage.entry import HERE, Usage, tensors, usage

OWN = (("layers", str(HERE / "layers.txt")),)

LAYERS: tuple[Usage, ...] = (
    usage("layers:in_blocks_of_channels", more=OWN),
    usage("layers:stem", more=OWN),
    usage("layers:shortcut", more=OWN),
    usage("layers:depthwise", more=OWN),
    usage("layers:patches", more=OWN),
    usage("layers:speech", op="conv1d", more=OWN),
    usage("layers:wave", op="conv1d", more=OWN),
    tensors("layers:upsampled", op="conv_transpose2d", more=OWN),
    tensors("layers:workspace", more=OWN),
    tensors("layers:chunked", more=OWN),
)
