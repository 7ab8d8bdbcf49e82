"""S9: the named image kernels, by what they do to images, against torch and scipy.ndimage, exactly."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.ndimage
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas import KERNELS, convolve, cross_correlate, filter_image, image_kernel

IMAGE = np.random.default_rng(9).integers(0, 256, (6, 7))
FALLING = np.arange(6)[:, None] * np.ones(7, int)
RISING = np.ones((6, 1), int) * np.arange(7)
INSIDE = (slice(1, -1), slice(1, -1))


def by(name, image=IMAGE, mode="replicate"):
    return filter_image(image_kernel(name), image, mode)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_kernel_is_what_torch_and_scipy_make_of_its_taps(kernel):
    taps = np.array(kernel.taps)
    expected = scipy.ndimage.correlate(IMAGE, taps, mode="nearest")
    side = len(taps) // 2
    padded = torch.nn.functional.pad(torch.tensor(IMAGE, dtype=torch.float64)[None, None], (side,) * 4, "replicate")
    theirs = torch.conv2d(padded, torch.tensor(taps, dtype=torch.float64)[None, None])[0, 0].numpy()
    ours = filter_image(kernel, IMAGE)
    assert np.array_equal(theirs, expected)
    assert np.array_equal(ours * kernel.divisor, expected)
    assert np.array_equal(filter_image(kernel, np.stack([IMAGE, IMAGE.T[:6, :6].repeat(2, 1)[:, :7]]))[0], ours)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_the_gain_is_what_an_even_image_becomes(kernel):
    keeps = {"identity", "box_blur", "gaussian_blur", "gaussian_blur_5", "motion_blur", "sharpen", "unsharp", "emboss"}
    assert kernel.gain == (1 if kernel.name in keeps else 0)
    assert np.array_equal(filter_image(kernel, np.full((4, 5), 3)), np.full((4, 5), 3 * kernel.gain))


def test_the_kernels_are_what_their_effects_say():
    assert image_kernel("sharpen").effect == "the image minus its laplacian"
    assert image_kernel("unsharp").effect == "twice the image minus its gaussian_blur"
    assert image_kernel("gaussian_blur_5").effect == "gaussian_blur twice"
    assert np.array_equal(by("identity"), IMAGE)
    ones, binomial = np.ones((3, 1), int), np.array([[1], [2], [1]])
    assert np.array_equal(image_kernel("box_blur").taps, ones * ones.T)
    assert np.array_equal(image_kernel("gaussian_blur").taps, binomial * binomial.T)
    blur = image_kernel("gaussian_blur").fractions
    assert np.array_equal(convolve(blur, blur), image_kernel("gaussian_blur_5").fractions)
    assert np.array_equal(by("sharpen"), IMAGE - by("laplacian"))
    assert np.array_equal(by("unsharp"), 2 * IMAGE - by("gaussian_blur"))
    assert np.array_equal(by("outline"), -by("laplacian_8"))
    assert by("box_blur")[2, 3] == Fraction(int(IMAGE[1:4, 2:5].sum()), 9)
    assert by("motion_blur")[2, 3] == Fraction(int(IMAGE[1, 2] + IMAGE[2, 3] + IMAGE[3, 4]), 3)


COUNTS = {"six": 6, "eight": 8, "thirty-two": 32}


@pytest.mark.parametrize("name", ["sobel", "prewitt", "scharr"])
def test_the_slopes_are_as_many_times_as_the_effect_says(name):
    across, down = f"{name}_x", f"{name}_y"
    gain = COUNTS[image_kernel(across).effect.split()[0]]
    assert image_kernel(down).effect == image_kernel(across).effect.replace("to the right", "downwards")
    assert np.all(by(across, RISING)[INSIDE] == gain)
    assert np.all(by(down, FALLING)[INSIDE] == gain)
    assert np.all(by(across, FALLING) == 0)
    assert np.all(by(down, RISING) == 0)
    assert np.array_equal(np.transpose(image_kernel(across).taps), image_kernel(down).taps)


def test_against_the_named_filters_of_scipy():
    assert np.array_equal(by("sobel_x"), scipy.ndimage.sobel(IMAGE, axis=1, mode="nearest"))
    assert np.array_equal(by("sobel_y"), scipy.ndimage.sobel(IMAGE, axis=0, mode="nearest"))
    assert np.array_equal(by("prewitt_x"), scipy.ndimage.prewitt(IMAGE, axis=1, mode="nearest"))
    assert np.array_equal(by("prewitt_y"), scipy.ndimage.prewitt(IMAGE, axis=0, mode="nearest"))
    assert np.array_equal(by("laplacian"), scipy.ndimage.laplace(IMAGE, mode="nearest"))
    assert not np.array_equal(by("sobel_x"), scipy.ndimage.sobel(IMAGE, axis=0, mode="nearest"))


def test_emboss_lights_the_image_from_the_top_left():
    bump = np.zeros((5, 5), int)
    bump[2, 2] = 1
    assert by("emboss", bump)[1, 1] == 2, "what rises towards the bottom right is bright"
    assert by("emboss", bump)[3, 3] == -2
    assert np.all(by("emboss", RISING)[INSIDE] == RISING[INSIDE] + 6)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_a_true_convolution_turns_the_kernel(kernel):
    taps = np.array(kernel.taps)
    correlated, convolved = cross_correlate(taps, IMAGE, "valid"), convolve(taps, IMAGE, "valid")
    turned = taps[::-1, ::-1]
    if np.array_equal(turned, taps):
        assert np.array_equal(convolved, correlated)
    elif np.array_equal(turned, -taps):
        assert np.array_equal(convolved, -correlated)
        assert kernel.name.split("_")[0] in ("sobel", "prewitt", "scharr")
    else:
        assert kernel.name == "emboss"
        assert not np.array_equal(convolved, correlated)


def test_the_edge_follows_the_padding_mode():
    ones = np.ones((3, 3), int)
    assert by("box_blur", ones, "zeros")[0, 0] == Fraction(4, 9)
    assert by("box_blur", ones, "reflect")[0, 0] == 1


def test_what_is_refused():
    with pytest.raises(GeometryError, match=r"an image kernel is one of identity, .*: name='sobel'"):
        image_kernel("sobel")
    with pytest.raises(GeometryError, match=r"an image is \(H, W\) or \(C, H, W\): image.shape=\(4,\)"):
        filter_image(KERNELS[0], [1, 2, 3, 4])
