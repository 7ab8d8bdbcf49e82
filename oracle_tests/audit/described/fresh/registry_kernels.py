"""The subjects that compute in tiles, and those of torch tensors."""

from audit.described.described import Described, one

KERNELS: tuple[Described, ...] = (
    one(
        "tiles:conv2d_column_tiles",
        says="The number of tiles along a row is rounded up; rounded down, columns after the last full tile of eight "
        "were not computed.",
        names="output-not-written tile-tail-dropped",
    ),
    one(
        "tiles:conv2d_split_reduction",
        says="The partial sums of the splits have the dtype of the operands; they were stored as float16.",
        names="partial-sums-rounded low-precision-accumulation precision-lost",
        dtypes=("float32",),
    ),
    one(
        "tiles:conv2d_wide_loads",
        says="Each of the four lanes of a load has its own mask; that of the first was used for all, so lanes past "
        "the row read the next one.",
        names="reads-around-the-border terms-added terms-dropped",
    ),
    one(
        "tiles:conv2d_channel_panels",
        says="The input pointer moves on with each panel of sixteen channels; all panels read the first sixteen.",
        names="input-channel-misread",
    ),
    one(
        "tiles:conv2d_atomic_channels",
        says="Lanes are masked by the channels of their group; masked by all channels, a group's last tile added to "
        "the next group.",
        names="terms-added",
    ),
    one(
        "tiles:conv1d_block_start",
        says="A block of outputs starts at its first output times the stride; it started at its first output.",
        names="position-misread stride-ignored",
        op="conv1d",
    ),
    one(
        "tiles:conv2d_row_registers",
        says="Rows move up in the registers only without dilation; they did for every kernel of stride one.",
        names="position-misread",
    ),
    one(
        "tiles:conv2d_short_ids",
        says="The ids of outputs are of 32 bits; of 16 bits they turned negative, and those outputs stayed zero.",
        names="index-overflow output-not-written",
    ),
    one(
        "tiles:conv2d_shared_filter",
        says="The threads load the filter in as many rounds as it needs; they did one round of 64 elements.",
        names="terms-dropped reduction-tail-dropped channel-tail-dropped",
    ),
    one(
        "tiles:conv3d_plane_mask",
        says="Planes are masked by plane < D; plane <= D let in the first plane of the next channel.",
        names="reads-around-the-border terms-added",
        op="conv3d",
    ),
    one(
        "tiles:conv2d_nhwc",
        says="A group's input channels start at g*C/groups; they were read from g*OC/groups.",
        names="group-offset-wrong input-channel-misread",
    ),
    one(
        "tiles:conv2d_pipelined",
        says="The tile of the last tap is fetched too; the last tap was computed with the tile of the one before.",
        names="position-misread kernel-element-misread",
    ),
    one(
        "tiles:conv2d_partial_slots",
        says="Each split of eight channels has a slot of the workspace; there were two, and the third overwrote the "
        "first.",
        names="terms-dropped overlaps-overwritten channel-dropped",
    ),
    one(
        "tensors:conv2d_unfolded",
        says="The columns are rows of the output one after the other; they were taken as its columns.",
        names="output-misplaced position-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_padded_windows",
        says="F.pad takes the last axis first; the padding of rows and columns was exchanged.",
        names="padding-axes-exchanged wrong-result-shape",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_kept_modules",
        says="Modules are kept by their dilation too; one of another dilation was used for kernels of the same size.",
        names="stale-cache",
        arrays="torch",
    ),
    one(
        "tensors:conv1d_half_operands",
        says="Products are those of the operands' own format; they were cast to bfloat16 first.",
        names="reduced-precision-operands precision-lost",
        op="conv1d",
        arrays="torch",
        dtypes=("float32",),
    ),
    one(
        "tensors:conv3d_frames",
        says="The frames of all examples are one batch with the example first; the results were taken apart with the "
        "frame first.",
        names="output-misplaced batch-offset-wrong example-misread position-misread",
        op="conv3d",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_two_halves",
        says="The left half of a wide image gets the columns of the right half that its windows reach; it got zeros.",
        names="terms-dropped",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_repeated_channels",
        says="A channel is repeated beside itself for its multiplier; all channels were repeated one after the other.",
        names="input-channel-misread depthwise-filters-mixed group-offset-wrong groups-interleaved",
        arrays="torch",
    ),
    one(
        "functions:conv2d_mean_bias",
        says="The gradient of the bias is summed over the batch; its mean was taken.",
        names="result-scaled terms-scaled bias-wrong",
        arrays="torch",
        gradients=True,
    ),
    one(
        "functions:conv2d_when_needed",
        says="The gradient of the weight is computed where the weight needs it; it was where the input needs its own.",
        names="partial-gradients-wrong",
        arrays="torch",
        gradients=True,
    ),
    one(
        "functions:conv2d_detached",
        says="The backward pass may be differentiated again; it used a detached input, so that a part was lost.",
        names="double-backward-wrong",
        arrays="torch",
        gradients=True,
    ),
    one(
        "functions:conv1d_short_gradient",
        says="Where the stride leaves a remainder the gradient of the input's end is computed with output padding; "
        "it was filled up with zeros.",
        names="terms-dropped output-padding-mishandled output-not-written input-border-unread",
        op="conv1d",
        arrays="torch",
        gradients=True,
    ),
)
