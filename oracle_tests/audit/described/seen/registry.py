"""The subjects of this folder: what a maintainer would say of each, and the names that point at the right line."""

from audit.described.described import one

SUBJECTS = (
    one(
        "loops:conv1d_nested",
        says="Positions past the right end of the input were clamped to the last element; they are padding and "
        "now contribute nothing.",
        names="padding-of-another-mode reads-around-the-border padding-is-not-zero terms-added",
        op="conv1d",
    ),
    one(
        "loops:conv2d_by_channel",
        says="The group of an output channel was taken as o % groups instead of o // (O / groups), so input "
        "channels of another group were read.",
        names="group-offset-wrong input-channel-misread groups-interleaved",
    ),
    one(
        "loops:conv2d_checked",
        says="The padding was multiplied by the dilation when input positions were computed.",
        names="origin-shifted position-misread",
    ),
    one(
        "loops:conv1d_clipped_taps",
        says="The number of taps that fit before the right end was rounded down instead of up, which dropped "
        "the last valid tap of a dilated kernel there.",
        names="terms-dropped input-border-unread",
        op="conv1d",
    ),
    one(
        "loops:conv3d_checked",
        says="The row position was computed with the padding of the depth axis instead of that of the height.",
        names="position-misread padding-of-one-axis-for-all origin-shifted",
        op="conv3d",
    ),
    one(
        "loops:conv2d_running_sum",
        says="The accumulator was cleared once per output row instead of once per output element, so that each "
        "element also held the sums of those left of it.",
        names="terms-added reads-outside-support",
    ),
    one(
        "loops:conv2d_weight_cursor",
        says="The cursor into the kernel did not advance over taps that fall into the padding, so later taps "
        "used the weights of earlier ones.",
        names="kernel-element-misread",
    ),
    one(
        "loops:conv2d_early_out",
        says="The column loop broke off at the first tap in the left padding instead of skipping it, and lost "
        "the rest of that kernel row.",
        names="terms-dropped",
    ),
    one(
        "loops:conv1d_unrolled",
        says="The remainder tap of the loop unrolled by two ran for even kernel sizes too and added the last "
        "tap twice.",
        names="terms-repeated terms-scaled",
        op="conv1d",
    ),
    one(
        "loops:conv2d_depthwise_path",
        says="The depthwise path with a channel multiplier indexed the weight by input channel instead of by "
        "output channel.",
        names="depthwise-filters-mixed weight-slice-misread",
    ),
    one(
        "loops:conv2d_stepping",
        says="The step between windows was capped at the extent of the kernel, so strides greater than that "
        "read the wrong positions.",
        names="position-misread stride-ignored",
    ),
    one(
        "im2col:conv2d_one_gemm",
        says="The product over all examples was reshaped to (N, O, ...) without transposing the batch and "
        "channel axes, which stored results under other examples and channels.",
        names="output-misplaced batch-offset-wrong example-misread",
    ),
    one(
        "im2col:conv2d_strided_view",
        says="The row pitch of the strided view was the width of the unpadded input instead of the padded one.",
        names="position-misread",
    ),
    one(
        "im2col:conv1d_fourier",
        says="The period of the Fourier transform was one too short to hold the padding, so the two ends "
        "wrapped round into each other.",
        names="reads-around-the-border terms-added padding-of-another-mode padding-is-not-zero",
        op="conv1d",
    ),
    one(
        "im2col:conv2d_blocked_gemm",
        says="The reduction in blocks of 64 left out the last incomplete block.",
        names="reduction-tail-dropped terms-dropped",
    ),
    one(
        "im2col:conv2d_scipy_same",
        says="The centre of an even kernel in the 'same' correlation was taken one element too late, which "
        "shifted the windows by one.",
        names="origin-shifted position-misread",
    ),
    one(
        "im2col:conv1d_spread_kernel",
        says="The dilated kernel was built by repeating its elements instead of putting zeros between them.",
        names="terms-added reads-outside-support",
        op="conv1d",
    ),
    one(
        "im2col:conv3d_by_slices",
        says="Slices in the front padding were read with a negative index and so were the last slices of the "
        "input; padding slices are now skipped.",
        names="reads-around-the-border terms-added padding-of-another-mode padding-is-not-zero",
        op="conv3d",
    ),
    one(
        "im2col:conv2d_pointwise_path",
        says="The 1x1 path added the bias only to outputs inside the image and left it out where the window "
        "lies in the padding.",
        names="bias-wrong output-not-written",
    ),
    one(
        "tiles:conv2d_flat_threads",
        says="The output row was decoded from the thread index by dividing by OH instead of OW.",
        names="position-misread output-misplaced",
    ),
    one(
        "tiles:conv2d_base_pointers",
        says="The batch stride of the input pointer used the number of output channels instead of input channels.",
        names="batch-offset-wrong example-misread input-channel-misread",
    ),
    one(
        "tiles:conv2d_reduction_blocks",
        says="The last block of the reduction lacked a mask k < depth, so elements past the group's channels "
        "and past the filter were multiplied and added.",
        names="terms-added reads-outside-support",
    ),
    one(
        "tiles:conv2d_vector4",
        says="The overlapping tail vector added to columns that the whole vectors before it had already "
        "summed, which counted them twice.",
        names="terms-repeated terms-scaled",
    ),
    one(
        "tiles:conv2d_channels_by_8",
        says="The channels left after the blocks of eight were multiplied by the weights of the first "
        "channels, since the weight offset of the tail was missing.",
        names="weight-slice-misread input-channel-misread",
    ),
    one(
        "tiles:conv2d_shared_halo",
        says="The halo loaded into shared memory ignored the dilation, so the last taps of a tile met zeros.",
        names="terms-dropped",
    ),
    one(
        "tiles:conv2d_shared_tile",
        says="Padding positions of the shared tile were not cleared and still held what an earlier tile had "
        "loaded there.",
        names="padding-is-not-zero terms-added reads-outside-support",
    ),
    one(
        "tiles:conv1d_split_channels",
        says="Every split of the channels added the bias; now it is added once.",
        names="bias-wrong",
        op="conv1d",
    ),
    one(
        "tiles:conv2d_swizzled",
        says="The last, incomplete group of the grouped program order used the full group size, and some "
        "output tiles were never computed.",
        names="output-not-written tile-tail-dropped",
    ),
    one(
        "tiles:conv3d_grid_z",
        says="The grid's z index was decoded as n = z % N, d = z // N instead of n = z // OD, d = z % OD, so "
        "the plane stored was that of another example and depth.",
        names="example-misread batch-offset-wrong output-misplaced position-misread",
        op="conv3d",
    ),
    one(
        "tiles:conv1d_warp_reduce",
        says="The tree reduction stopped before offset 1, leaving out the sums of the odd lanes.",
        names="terms-dropped",
        op="conv1d",
    ),
    one(
        "tensors:conv2d_pad_unfold",
        says="All padding was put before the input instead of half before and half after.",
        names="padding-on-one-side origin-shifted position-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_channels_last",
        says="The kernel's height and width were swapped when the weight was permuted to channels last.",
        names="kernel-axes-exchanged kernel-element-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_grouped_matmul",
        says="The group axis was put after the output channels within the group before flattening, so output "
        "channels were interleaved across groups.",
        names="output-misplaced groups-interleaved",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_broadcast_bias",
        says="A bias as long as the output is wide was added along the width instead of along the channels.",
        names="bias-wrong",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_micro_batches",
        says="The last example of an odd batch was left out by the loop over micro-batches of two.",
        names="output-not-written batch-offset-wrong tile-tail-dropped",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_to_nhwc",
        says="The input was reshaped to channels last instead of permuted, which scrambled channels and positions.",
        names="layout-misread input-channel-misread position-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_as_strided",
        says="The strided view left out the dilation of the last axis.",
        names="dilation-ignored position-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_masked",
        says="Sums of windows that overlap the padding were scaled up by the share of valid taps.",
        names="terms-scaled result-scaled",
        arrays="torch",
    ),
    one(
        "tensors:conv3d_tap_sum",
        says="The kernels were scaled by 1 / sqrt(fan-in), a leftover of the equalised layer.",
        names="result-scaled terms-scaled",
        op="conv3d",
        arrays="torch",
    ),
    one(
        "backward:transposed2d_crop",
        says="The output padding was added at the beginning of each axis instead of at its end, shifting the result.",
        names="output-padding-mishandled output-misplaced origin-shifted position-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:transposed1d_checked",
        says="The bounds check of the scatter used the extent without output padding and dropped what falls "
        "into the added end.",
        names="output-padding-mishandled terms-dropped output-not-written",
        op="conv_transpose1d",
    ),
    one(
        "backward:transposed2d_gemm",
        says="The weight was reshaped to (out, in) instead of transposed, which mixed input with output channels.",
        names="weight-channels-exchanged weight-slice-misread input-channel-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:transposed2d_gather",
        says="The columns lacked the check that the position is a multiple of the stride, so taps that meet no "
        "input were added with the one before.",
        names="terms-added",
        op="conv_transpose2d",
    ),
    one(
        "backward:transposed2d_zero_insert",
        says="The kernel was flipped along the rows only and not along the columns.",
        names="kernel-flipped kernel-element-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:transposed2d_as_conv",
        says="A padding greater than the reach of the kernel was clamped to a margin of zero instead of "
        "cropping, which shifted the output.",
        names="origin-shifted output-misplaced position-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:transposed1d_scatter",
        says="The scatter by fancy index assignment kept only one of several terms that meet at the same "
        "output; np.add.at adds them all.",
        names="overlaps-overwritten terms-dropped",
        op="conv_transpose1d",
    ),
    one(
        "backward:transposed1d_phases",
        says="The taps of a phase were chosen without the padding, so for paddings that are no multiple of the "
        "stride outputs got the taps of another phase.",
        names="kernel-element-misread",
        op="conv_transpose1d",
    ),
    one(
        "backward:transposed3d_planes",
        says="The planes were placed along the depth with the stride of the height.",
        names="output-misplaced stride-of-one-axis-for-all position-misread",
        op="conv_transpose3d",
    ),
    one(
        "backward:transposed2d_col2im",
        says="The image buffer of col2im was not cleared between examples, so each example's output contained "
        "those before it.",
        names="terms-added reads-outside-support batch-offset-wrong",
        op="conv_transpose2d",
    ),
    one(
        "backward:input2d_aligned",
        says="When the windows do not cover the input's end, the gradient was aligned to the end instead of to "
        "the beginning.",
        names="output-misplaced origin-shifted position-misread",
        op="conv2d_input",
    ),
    one(
        "backward:input2d_flat_atomics",
        says="The scatter checked only the flat index, so what belongs to the left and right padding was added "
        "to cells of the neighbouring rows.",
        names="terms-added reads-around-the-border",
        op="conv2d_input",
    ),
    one(
        "backward:input3d_grouped",
        says="All groups used the filters of the first group.",
        names="weight-slice-misread",
        op="conv3d_input",
    ),
    one(
        "backward:input2d_disjoint",
        says="When windows do not overlap the terms were assigned instead of added, and only the group's last "
        "output channel remained.",
        names="terms-dropped overlaps-overwritten channel-dropped",
        op="conv2d_input",
    ),
    one(
        "backward:weight2d_per_example",
        says="The gradient was averaged over the batch instead of summed.",
        names="result-scaled terms-scaled",
        op="conv2d_weight",
    ),
    one(
        "backward:weight2d_correlate",
        says="Stride and dilation were exchanged in the input positions: the dilation belongs to the tap, the "
        "stride to the output.",
        names="stride-and-dilation-exchanged position-misread",
        op="conv2d_weight",
    ),
    one(
        "backward:weight3d_planes",
        says="The last output plane was left out of the sum over the depth.",
        names="terms-dropped reduction-tail-dropped",
        op="conv3d_weight",
    ),
    one(
        "backward:weight1d_per_channel",
        says="All groups read the input channels of the first group.",
        names="group-offset-wrong input-channel-misread",
        op="conv1d_weight",
    ),
    one(
        "stateful:conv2d_packed_weights",
        says="The cache of packed weights was keyed by shape only and returned the weights of an earlier call.",
        names="stale-cache",
    ),
    one(
        "stateful:conv2d_workspace",
        says="The accumulation workspace was reused without being cleared, so the results of earlier calls of "
        "the same shape were added.",
        names="stale-cache varies",
    ),
    one(
        "stateful:conv2d_sparse_weights",
        says="Weights smaller than 0.3 of the greatest were skipped as though they were zero.",
        names="small-values-skipped depends-on-values terms-dropped",
    ),
    one(
        "stateful:conv1d_fused_epilogue",
        says="The path with a bias applied a ReLU to the result.",
        names="activation-fused depends-on-values result-clamped",
        op="conv1d",
    ),
    one(
        "stateful:conv1d_flipped_operand",
        says="The caller's weight was flipped in place and stayed so after the call.",
        names="operand-changed",
        op="conv1d",
    ),
)
