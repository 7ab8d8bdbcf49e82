"""The index map against what its words mean: explicit padding, and reading PyTorch's own map."""

from itertools import product

import numpy as np
import pytest
import torch

from conv_oracle.geometry import PADDING_MODES, conv_geometry, conv_output_size
from conv_oracle.index_map import OUTSIDE, axis_table, axis_tables, read_positions, terms

NUMPY_PAD = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_a_table_reads_what_padding_the_positions_themselves_gives(mode):
    """Pad the list 0, 1, 2, ... of positions with NumPy, and take windows: that is the table."""
    checked = 0
    for size, kernel, stride, dilation, before, after in product(
        range(1, 7), range(1, 5), range(1, 4), range(1, 4), range(4), range(4)
    ):
        most = {"zeros": 9, "reflect": size - 1, "replicate": 9, "circular": size}[mode]
        o = conv_output_size(size, kernel, stride, before, after, dilation)
        if max(before, after) > most or o < 1:
            continue
        positions = np.arange(size)
        if mode == "zeros":
            padded = np.pad(positions, (before, after), constant_values=OUTSIDE)
        else:
            padded = np.pad(positions, (before, after), mode=NUMPY_PAD[mode])
        windows = np.array([padded[i * stride : i * stride + dilation * (kernel - 1) + 1 : dilation] for i in range(o)])
        table = axis_table(size, o, kernel, stride=stride, before=before, dilation=dilation, padding_mode=mode)
        assert np.array_equal(table, windows)
        checked += 1
    assert checked > 500


def test_the_map_of_torch_is_read_and_is_ours():
    """Label every input element, switch on one kernel element: each output is the label that it read."""
    shape, weight = (2, 4, 7, 9), (6, 2, 3, 2)
    g = conv_geometry(shape, weight, stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2)
    labels = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    ours = {(w, y): x for x, w, y in terms(g)}
    theirs = {}
    for c, *k in np.ndindex(weight[1:]):
        switch = np.zeros(weight)
        switch[:, c, *k] = 1
        read = torch.conv2d(
            torch.tensor(labels), torch.tensor(switch), stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2
        ).numpy()
        for y in map(tuple, np.argwhere(read)):
            theirs[(y[1], c, *k), y] = np.unravel_index(int(read[y]) - 1, shape)
    assert ours == theirs


def test_with_zero_padding_any_two_indices_fix_the_third():
    g = conv_geometry((1, 1, 6, 5), (1, 1, 3, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 3))
    read = list(read_positions(axis_tables(g)))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        pairs = [(entry[i], entry[j]) for entry in read]
        assert len(set(pairs)) == len(pairs)


def test_with_other_padding_the_same_element_is_read_twice():
    g = conv_geometry((1, 1, 4), (1, 1, 3), padding=2, padding_mode="circular")
    read = list(read_positions(axis_tables(g)))
    assert len({(i, k) for i, k, _ in read}) < len(read)
    assert len({(o, k) for _, k, o in read}) == len(read)
