"""Faults that are read rather than looked for: one component of the index that is not the formula's."""

from __future__ import annotations

from conv_oracle.faults.fault import Fault

DEPARTURES = (
    Fault(
        slug="example-misread",
        title="another example of the batch is read",
        right="y[n] = sum x[n] w",
        broken="y[n] = sum x[h(n)] w",
        reveals="several examples, unlike each other",
        hides="batch 1",
    ),
    Fault(
        slug="input-channel-misread",
        title="another channel is read",
        right="y[m] = sum x[g*C/groups + c] w[m, c]",
        broken="y[m] = sum x[h(m, c)] w[m, c]",
        reveals="several channels, in several groups",
        hides="one channel",
    ),
    Fault(
        slug="weight-slice-misread",
        title="the weight of another channel is used",
        right="y[m] = sum x w[m]",
        broken="y[m] = sum x w[h(m)]",
        reveals="several output channels; more than a tile of them",
        hides="one output channel",
    ),
    Fault(
        slug="kernel-element-misread",
        title="another element of the kernel is used",
        right="y[o] = sum x[o*stride + k*dilation - padding] w[k]",
        broken="y[o] = sum x[o*stride + k*dilation - padding] w[h(k)]",
        reveals="a kernel that is not symmetric",
        hides="1x1 and symmetric kernels",
    ),
    Fault(
        slug="position-misread",
        title="another position is read",
        right="y[o] = sum x[o*stride + k*dilation - padding] w[k]",
        broken="y[o] = sum x[h(o, k)] w[k]",
        reveals="a stride, a padding and a dilation of their own on each axis",
        hides="stride 1, no padding, dilation 1, square sizes",
    ),
    Fault(
        slug="output-misplaced",
        title="results are stored in another place",
        right="y[n, m, o] is stored at (n, m, o)",
        broken="y[n, m, o] is stored at h(n, m, o)",
        reveals="extents that all differ",
        hides="square results, one channel, batch 1",
    ),
    Fault(
        slug="terms-dropped",
        title="products are left out",
        right="y is the sum of all products whose position is inside",
        broken="y lacks some of them",
        reveals="operands without zeros; sizes beside those of a tile",
        hides="zeros where the products are left out",
    ),
    Fault(
        slug="terms-added",
        title="products are added that the formula does not have",
        right="a position outside the input counts as 0",
        broken="an element of the input is read there",
        reveals="padding, and positions beyond the last stride",
        hides="no padding",
    ),
    Fault(
        slug="terms-repeated",
        title="products are added more than once",
        right="each product is added once",
        broken="a loop, a tile or an accumulation adds some again",
        reveals="counting: ones in both operands",
        hides="nothing that shows the products",
    ),
    Fault(
        slug="terms-scaled",
        title="products are multiplied by a factor",
        right="each product counts once",
        broken="some are multiplied, divided or negated",
        reveals="counting: ones in both operands",
        hides="factors of 1",
    ),
)
"""Their ways are not listed: what is computed is read, and described by a formula."""
