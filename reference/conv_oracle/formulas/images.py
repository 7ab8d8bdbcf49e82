"""Named image kernels: choosing a kernel changes an image   (S9).

Every kernel is exact: integers over one divisor. It is applied as a CNN applies it, by cross-correlation, so that a
kernel reads as it is printed: `sobel_x` is positive where the image grows brighter to the right. A true
convolution turns a kernel by half a turn: no change for the symmetric ones, the other sign for the antisymmetric ones
(sobel, prewitt, scharr), and light from the other side for `emboss`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.formulas.contraction import numbers, to_output
from conv_oracle.geometry import conv_geometry
from conv_oracle.passes import Array, as_array


@dataclass(frozen=True)
class ImageKernel:
    """One kernel   (S9).

    name     that `image_kernel` finds it by
    taps     integers, row by row
    divisor  what each is divided by
    effect   what the kernel does to an image, in words
    """

    name: str
    taps: tuple[tuple[int, ...], ...]
    divisor: int
    effect: str

    @property
    def fractions(self) -> Array:
        """The kernel's values: taps / divisor, exact."""
        return np.array([[Fraction(tap, self.divisor) for tap in row] for row in self.taps], dtype=object)

    @property
    def gain(self) -> Fraction:
        """What the kernel makes of an even image of ones: 1 keeps the brightness, 0 leaves only the changes."""
        return Fraction(sum(map(sum, self.taps)), self.divisor)


KERNELS = (
    ImageKernel("identity", ((0, 0, 0), (0, 1, 0), (0, 0, 0)), 1, "the image itself"),
    ImageKernel("box_blur", ((1, 1, 1), (1, 1, 1), (1, 1, 1)), 9, "the mean of the neighbourhood"),
    ImageKernel("gaussian_blur", ((1, 2, 1), (2, 4, 2), (1, 2, 1)), 16, "a mean that favours the centre"),
    ImageKernel(
        "gaussian_blur_5",
        ((1, 4, 6, 4, 1), (4, 16, 24, 16, 4), (6, 24, 36, 24, 6), (4, 16, 24, 16, 4), (1, 4, 6, 4, 1)),
        256,
        "gaussian_blur twice",
    ),
    ImageKernel("motion_blur", ((1, 0, 0), (0, 1, 0), (0, 0, 1)), 3, "a mean along one diagonal"),
    ImageKernel("sharpen", ((0, -1, 0), (-1, 5, -1), (0, -1, 0)), 1, "the image minus its laplacian"),
    ImageKernel("unsharp", ((-1, -2, -1), (-2, 28, -2), (-1, -2, -1)), 16, "twice the image minus its gaussian_blur"),
    ImageKernel("outline", ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)), 1, "what differs from its eight neighbours"),
    ImageKernel("emboss", ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), 1, "the image lit from its top left"),
    ImageKernel("laplacian", ((0, 1, 0), (1, -4, 1), (0, 1, 0)), 1, "the second differences along both axes"),
    ImageKernel("laplacian_8", ((1, 1, 1), (1, -8, 1), (1, 1, 1)), 1, "the second differences along four lines"),
    ImageKernel("sobel_x", ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), 1, "eight times the slope to the right"),
    ImageKernel("sobel_y", ((-1, -2, -1), (0, 0, 0), (1, 2, 1)), 1, "eight times the slope downwards"),
    ImageKernel("prewitt_x", ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)), 1, "six times the slope to the right"),
    ImageKernel("prewitt_y", ((-1, -1, -1), (0, 0, 0), (1, 1, 1)), 1, "six times the slope downwards"),
    ImageKernel("scharr_x", ((-3, 0, 3), (-10, 0, 10), (-3, 0, 3)), 1, "thirty-two times the slope to the right"),
    ImageKernel("scharr_y", ((-3, -10, -3), (0, 0, 0), (3, 10, 3)), 1, "thirty-two times the slope downwards"),
)


def image_kernel(name: str) -> ImageKernel:
    """The kernel of this name. Raises GeometryError, naming them all, when there is none."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    known = ", ".join(kernel.name for kernel in KERNELS)
    raise GeometryError(f"an image kernel is one of {known}: name={name!r}; 'identity' would fit")


def filter_image(kernel: ImageKernel, image: npt.ArrayLike, padding_mode: str = "replicate") -> Array:
    """y[c, o] = sum over k of kernel[k] image[c, o + k - centre], on each channel alone   (S9).

    kernel        one of KERNELS, or any other ImageKernel
    image         (H, W) or (C, H, W), any numbers
    padding_mode  'replicate', 'reflect', 'circular' or 'zeros': what lies beyond the edge, so that the size is kept

    Returns the image's shape in exact numbers: Fractions, for integers.
    Raises GeometryError for other shapes and modes.
    """
    pixels = as_array("image", image)
    if pixels.ndim not in (2, 3):
        raise GeometryError(
            f"an image is (H, W) or (C, H, W): image.shape={pixels.shape}; a shape of 2 or 3 sizes would fit"
        )
    channels = numbers(pixels).reshape(-1, 1, *pixels.shape[-2:])
    weight = kernel.fractions[None, None]
    geometry = conv_geometry(channels.shape, weight.shape, padding="same", padding_mode=padding_mode)
    return to_output(channels, weight, geometry).reshape(pixels.shape)
