"""A convolution with two faults that have nothing to do with each other."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "audit"))
from faulty_subjects import bias_of_the_first_group, kernel_flipped_along_width


def conv2d(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """The kernel is read backwards along the width, and every group has the first one's bias."""
    flipped = kernel_flipped_along_width(x, w, None, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if bias is None:
        return flipped
    args = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return flipped + bias_of_the_first_group(x * 0, w, bias, **args)
