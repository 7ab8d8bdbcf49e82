"""The transposed convolutions and the gradients as operations."""

from audit.described.described import Described, one

BACKWARD: tuple[Described, ...] = (
    one(
        "transposed:conv_transpose2d_clipped",
        says="Products that fall outside the output are left out; their positions were clipped, so the border got "
        "them.",
        names="terms-added output-misplaced",
        op="conv_transpose2d",
    ),
    one(
        "transposed:conv_transpose1d_stuffed",
        says="Zeros follow each sample; they were put before it, and all outputs came stride-1 later.",
        names="origin-shifted output-misplaced position-misread",
        op="conv_transpose1d",
    ),
    one(
        "transposed:conv_transpose2d_subpixel",
        says="A phase has the kernel's elements that are left of it, rounded up; rounded down, the last one was lost "
        "in phases that the kernel does not fill.",
        names="terms-dropped kernel-element-dropped",
        op="conv_transpose2d",
    ),
    one(
        "transposed:conv_transpose2d_as_conv",
        says="The weight's channel axes are exchanged within each group; they were exchanged for all groups at once.",
        names="weight-slice-misread weight-channels-exchanged input-channel-misread",
        op="conv_transpose2d",
    ),
    one(
        "transposed:conv_transpose3d_gather",
        says="Positions before the first input are skipped; as negative indices they read the last ones.",
        names="reads-around-the-border terms-added",
        op="conv_transpose3d",
    ),
    one(
        "transposed:conv_transpose2d_columns",
        says="The columns list the output channel before the taps; they were taken apart with the taps first.",
        names="kernel-element-misread layout-misread output-misplaced weight-slice-misread",
        op="conv_transpose2d",
    ),
    one(
        "transposed:conv_transpose1d_sized",
        says="Output padding counts for a stride of one too, where a dilation allows it.",
        names="output-padding-mishandled wrong-result-shape size-formula-wrong",
        op="conv_transpose1d",
    ),
    one(
        "transposed:conv_transpose2d_padded",
        says="The stuffed input is padded by what padding leaves of the kernel's reach; it was padded by the padding.",
        names="transposed-padding-misread wrong-result-shape size-formula-wrong",
        op="conv_transpose2d",
        arrays="torch",
    ),
    one(
        "gradients:conv2d_input_half_sums",
        says="The gradient is accumulated in the format of the operands; it was in float16.",
        names="low-precision-accumulation partial-sums-rounded precision-lost",
        op="conv2d_input",
        dtypes=("float32",),
    ),
    one(
        "gradients:conv2d_input_pixels",
        says="A tap whose output row lies below the last is skipped; the loop was left, with the rows that follow.",
        names="terms-dropped input-border-unread",
        op="conv2d_input",
    ),
    one(
        "gradients:conv3d_input_checked",
        says="Rows are moved by the height's padding; the width's was used.",
        names="padding-of-one-axis-for-all output-misplaced position-misread origin-shifted",
        op="conv3d_input",
    ),
    one(
        "gradients:conv1d_input_depthwise",
        says="All filters of a depthwise channel send a gradient back to it; only the first of them did.",
        names="terms-dropped channel-dropped",
        op="conv1d_input",
    ),
    one(
        "gradients:conv2d_weight_by_four",
        says="The gradients of every four examples are summed; each four replaced those before.",
        names="terms-dropped batch-offset-wrong",
        op="conv2d_weight",
    ),
    one(
        "gradients:conv1d_weight_windows",
        says="The signal is padded at its end too; the outputs whose windows reach beyond it were left out.",
        names="terms-dropped",
        op="conv1d_weight",
    ),
    one(
        "gradients:conv3d_weight_clipped",
        says="Gradients are returned as they are; they were clipped to 100, as the optimiser wanted them.",
        names="result-clamped depends-on-values",
        op="conv3d_weight",
    ),
    one(
        "gradients:conv1d_weight_nonzero",
        says="Channels without a gradient are skipped; so were those whose gradients sum to zero.",
        names="depends-on-values terms-dropped",
        op="conv1d_weight",
    ),
)
