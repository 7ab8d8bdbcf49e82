"""What the names of a C function's parameters stand for: the habits of people who write convolutions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from conv_oracle.auditing.targets.facts import AXES, SHAPES, of_axis
from conv_oracle.auditing.targets.prototype import Parameter

POINTERS: Mapping[str, str] = {
    "input": "input x in inp inputs src data im image img signal bottom ifm",
    "weight": "weight w weights kernel kernels filter filters k f wt wgt",
    "bias": "bias b biases",
    "output": "output y out outputs dst dest result res o top ofm",
    "grad_output": "gradoutput dy gy gradout dout delta doutput outgrad outputgrad",
    "grad_input": "gradinput dx gx gradin din dinput ingrad inputgrad",
    "grad_weight": "gradweight dw gw gradw dweight dweights weightupdates weightgrad",
    "workspace": "workspace work ws buffer buf tmp temp scratch col cols colbuf columns datacol",
}
NUMBERS: Mapping[str, str] = {
    "batch": "batch n b batches batchsize bs nbatch nimages images examples num",
    "in_channels": "inchannels channels channel c ic ci cin inc inch ch nin channelsin inputchannels numchannels",
    "out_channels": "outchannels oc co cout outc outch channelsout outputchannels k m f o filters nfilters nout",
    "groups": "groups group g ngroups numgroups",
    "in_channels_per_group": "icg cpg inchannelspergroup channelspergroup",
    "out_channels_per_group": "ocg outchannelspergroup",
    "multiplier": "multiplier mult depthmultiplier channelmultiplier dm",
    "axes": "ndim ndims axes spatialdims",
    "workspace_bytes": "workspacebytes",
    "workspace_elements": "workspacesize worksize bufsize buffersize",
}
SECOND: Mapping[str, tuple[str, ...]] = {"n": ("out_channels", "size"), "l": ("size",), "m": ("kernel",)}
"""What a name stands for only where nothing likelier makes a convolution: n filters, a signal of n samples."""

FOR_ALL: Mapping[str, str] = {
    "size": "size insize inputsize isize imagesize",
    "output_size": "outputsize outsize osize",
    "kernel": "kernel k ks ksize kernelsize filtersize fsize size window",
    "stride": "stride strides s",
    "padding": "padding pad pads p paddings",
    "dilation": "dilation dilations dil d dilate rate",
    "output_padding": "outputpadding outpad outputpad opad op adj",
}
"""The names of one number, or one array, for all axes."""

OF_ONE: Mapping[str, str] = {
    "size": " i in input x im image src",
    "output_size": "o out output y dst",
    "kernel": "k kernel ksize kernelsize f filter weight",
    "stride": "s stride strides str",
    "padding": "p pad padding pads",
    "dilation": "d dil dilation dilate",
    "output_padding": "op opad outpad outputpad outputpadding adj",
}
"""What is written before or behind the name of an axis; of a size, nothing too."""

BASES: Mapping[str, str] = {
    "length": "l len length w width t",
    "height": "h height rows",
    "width": "w width cols",
    "depth": "d depth t",
}
CUDNN: Mapping[str, tuple[str, str]] = {"kernel": ("r", "s"), "output_size": ("p", "q")}
"""The letters of cuDNN's K, R, S, P and Q."""


def by_name(one: Parameter, axes: int) -> Iterator[str]:
    """The roles that the name of a parameter stands for, of a convolution on so many axes."""
    word = plain(one.name)
    if one.pointer:
        yield from (role for role, names in POINTERS.items() if word in names.split())
        if not one.integer:
            return
        yield from (role for role in SHAPES if word in _names_of_shape(role))
    else:
        yield from (role for role, names in NUMBERS.items() if word in names.split())
        yield from (of_axis(family, axis, axes) for family, axis in _of_one_axis(word, axes))
        yield from (role for role in SECOND.get(word, ()) if role == "out_channels" or axes == 1)
    yield from (family for family, names in FOR_ALL.items() if word in names.split())


def unlikely(parameters: Sequence[Parameter], roles: Sequence[object]) -> int:
    """How many of these roles are the second meaning of a name."""
    return sum(role in SECOND.get(plain(one.name), ()) for one, role in zip(parameters, roles, strict=True))


def plain(name: str) -> str:
    """A name without what only parts its words."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _of_one_axis(word: str, axes: int) -> Iterator[tuple[str, int]]:
    """The families and axes that a name is one number of."""
    for family, starts in OF_ONE.items():
        for axis, name in enumerate(AXES[axes]):
            bases = BASES[name].split() + ["xyz"[axes - 1 - axis]] * ("size" not in family)
            for start in starts.split(" "):
                ends = [*bases, str(axis)] if start else bases
                if word in {f"{start}{base}" for base in ends} | {f"{base}{start}" for base in bases}:
                    yield family, axis
    for family, letters in CUDNN.items():
        if axes == len(letters) and word in letters:
            yield family, letters.index(word)


def _names_of_shape(role: str) -> tuple[str, ...]:
    short = {"input_shape": ("x", "in"), "weight_shape": ("w", "filter"), "output_shape": ("y", "out")}[role]
    starts = (*short, role.removesuffix("_shape"))
    return tuple(f"{start}{end}" for start in starts for end in ("shape", "dims", "sizes"))
