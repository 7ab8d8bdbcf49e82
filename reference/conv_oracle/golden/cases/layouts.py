"""Cases of layouts: the same convolutions with their channels last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class LayoutCase:
    """A problem whose x and y, and whose w, have these axes: N, C, D, H, W, and of a weight O, I, D, H, W."""

    id: str
    comment: str
    problem: str
    image: str
    kernel: str
    since: int = 2


PROBLEMS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "conv1d": ("conv1d x2x3x8 w4x3x3 s2 p1 bias", (("NWC", "WIO"),)),
    "conv2d": ("conv2d x2x3x5x7 w4x3x3x2 s1,2 p1,0 bias", (("NHWC", "HWIO"), ("NHWC", "OHWI"), ("HWCN", "IHWO"))),
    "conv2d-grouped": ("conv2d x3x4x5x6 w6x2x2x3 p0,1 d2,1 g2 bias", (("NHWC", "HWIO"), ("NHWC", "OHWI"))),
    "conv2d-depthwise": ("conv2d x2x3x5x6 w6x1x3x2 p1 g3", (("NHWC", "HWIO"),)),
    "conv3d": ("conv3d x1x2x3x4x5 w3x2x2x3x1 p1,0,1 bias", (("NDHWC", "DHWIO"),)),
    "conv_transpose1d": ("conv_transpose1d x2x3x5 w3x4x3 s2 bias", (("NWC", "WIO"),)),
    "conv_transpose2d": ("conv_transpose2d x2x3x4x3 w3x4x3x2 s2,1 p1,0 bias", (("NHWC", "HWIO"), ("NHWC", "HWOI"))),
    "conv_transpose3d": ("conv_transpose3d x1x2x2x3x4 w2x3x3x1x2 s1,2,1 bias", (("NDHWC", "DHWIO"),)),
}


def _cases() -> Iterator[LayoutCase]:
    for name, (notation, layouts) in PROBLEMS.items():
        for image, kernel in layouts:
            said = f"x and y are {image}, w is {kernel}."
            yield LayoutCase(f"{name}-{image}-{kernel}".lower(), said, notation, image, kernel)


LAYOUTS = tuple(_cases())
