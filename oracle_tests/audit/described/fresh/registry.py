"""The subjects of this folder, of a maker who knew neither the catalogue's explanations nor how they are chosen."""

from audit.described.described import Described, one
from audit.described.fresh.registry_backward import BACKWARD
from audit.described.fresh.registry_kernels import KERNELS

FORWARD: tuple[Described, ...] = (
    one(
        "loops:conv2d_by_group",
        says="The bias belongs to the output channel; it was indexed by the channel's place in its group, so all "
        "groups had the bias of the first.",
        names="bias-wrong",
    ),
    one(
        "loops:conv2d_tap_limits",
        says="The first tap inside the input is found by division rounded up; rounded down, a dilated tap above the "
        "input read its last rows by a negative index.",
        names="reads-around-the-border terms-added padding-of-another-mode padding-is-not-zero",
    ),
    one(
        "loops:conv2d_leaves_early",
        says="The loop over kernel rows ends after the last row of the input, not before it.",
        names="input-border-unread terms-dropped",
    ),
    one(
        "loops:conv1d_shift_register",
        says="The register of past samples is cleared for each example; where samples were left over, the padding "
        "before an example held the end of the one before.",
        names="padding-is-not-zero terms-added example-misread reads-outside-support batch-offset-wrong",
        op="conv1d",
    ),
    one(
        "loops:conv2d_multiplier",
        says="Depthwise results lie by input channel and then by multiplier; they were stored by multiplier first.",
        names="output-misplaced depthwise-filters-mixed groups-interleaved",
    ),
    one(
        "loops:conv3d_six_loops",
        says="Columns are dilated by the width's dilation; the height's was used.",
        names="dilation-of-one-axis-for-all position-misread",
        op="conv3d",
    ),
    one(
        "loops:conv1d_sized",
        says="A dilated kernel extends over d*(k-1)+1 elements; d*k was subtracted, dilated outputs were too short.",
        names="size-formula-wrong wrong-result-shape",
        op="conv1d",
    ),
    one(
        "loops:conv2d_flat_taps",
        says="The running number of a tap is divided by the kernel's width; divided by its height it gave wrong rows "
        "and columns for kernels that are not square.",
        names="position-misread kernel-element-misread",
    ),
    one(
        "loops:conv1d_offset_table",
        says="The table of input positions has entries of 32 bits; with 8 bits they began anew after 255.",
        names="index-overflow position-misread",
        op="conv1d",
    ),
    one(
        "columns:conv2d_taps_first",
        says="The columns list taps before channels and must be split into groups by channel; they were cut in equal "
        "parts.",
        names="input-channel-misread group-offset-wrong layout-misread kernel-element-misread position-misread",
    ),
    one(
        "columns:conv2d_windows_einsum",
        says="The weight's first axis is group by channel within the group; it was split the other way round.",
        names="weight-slice-misread groups-interleaved",
    ),
    one(
        "columns:conv1d_tensordot",
        says="The windows of dilated kernels list their taps from first to last; they came last to first.",
        names="kernel-flipped kernel-element-misread",
        op="conv1d",
    ),
    one(
        "columns:conv2d_toeplitz",
        says="The matrix of a kernel row has a column for each output; the last stayed empty where the stride divides "
        "evenly.",
        names="output-not-written tile-tail-dropped",
    ),
    one(
        "columns:conv2d_fft_full",
        says="The full convolution is cropped by the reach of the dilated kernel; it was cropped by K-1.",
        names="origin-shifted position-misread output-misplaced",
    ),
    one(
        "columns:conv1d_polyphase",
        says="A tap's place in its phase is rounded down; rounded up, it was one too late for taps between strides.",
        names="position-misread",
        op="conv1d",
    ),
    one(
        "columns:conv3d_depth_as_channels",
        says="Depth taps are folded into channels with the channel first, as in the weight; they were folded with the "
        "tap first.",
        names="kernel-element-misread input-channel-misread layout-misread position-misread",
        op="conv3d",
    ),
    one(
        "columns:conv2d_view_of_memory",
        says="The view uses the array's own strides; those of a contiguous array were taken, also where nothing was "
        "padded and so nothing copied.",
        names="strides-ignored memory-overrun",
    ),
    one(
        "columns:conv2d_winograd_rows",
        says="The last product is subtracted from the second output of a tile; it was added.",
        names="terms-added terms-scaled",
    ),
    one(
        "remembering:conv2d_padded_once",
        says="The padded input was kept by the id of the array; after a change in place, and for another array at the "
        "same address, the old one was used.",
        names="stale-cache",
    ),
    one(
        "remembering:conv1d_streaming",
        says="Each call begins with zeros before the signal; it began with the end of the last call's signal.",
        names="stale-cache padding-is-not-zero",
        op="conv1d",
    ),
    one(
        "remembering:conv2d_fixed_point",
        says="Weights are used as they are; they were rounded to multiples of 1/256.",
        names="precision-lost reduced-precision-operands small-values-skipped",
    ),
    one(
        "remembering:conv2d_narrow_sums",
        says="Sums of int32 are of 32 bits; they were kept in 16.",
        names="integer-overflow",
        dtypes=("int32",),
    ),
    one(
        "remembering:conv2d_active_inputs",
        says="Inputs that are zero are skipped; negative ones were too, as though they had passed a ReLU.",
        names="depends-on-values terms-dropped sign-lost",
    ),
    one(
        "remembering:conv2d_prepared_weight",
        says="The prepared kernel is turned round once; it was turned again in place by each further call with the "
        "same weight.",
        names="stale-cache varies kernel-flipped",
    ),
)

SUBJECTS: tuple[Described, ...] = (*FORWARD, *KERNELS, *BACKWARD)
