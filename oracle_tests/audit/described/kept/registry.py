"""The subjects of this folder."""

from audit.described.described import Described, one

SUBJECTS: tuple[Described, ...] = (
    one(
        "loops:conv2d_line_buffer",
        says="The ring of input rows holds dilation*(K-1)+1 rows; it held one too few, so the first kernel row read "
        "the newest row.",
        names="position-misread",
    ),
    one(
        "loops:conv2d_tap_loop",
        says="A tap whose column lies in the padding is skipped; the loop was left there, so the rest of that kernel "
        "row was lost.",
        names="terms-dropped input-border-unread",
    ),
    one(
        "loops:conv1d_channel_blocks",
        says="The bias starts the first block of input channels only; it was added once for every block of four "
        "channels.",
        names="bias-wrong",
        op="conv1d",
    ),
    one(
        "loops:conv1d_unrolled",
        says="The tail tap of an odd kernel reads the position after the last pair; it read that of the pair's second "
        "tap again.",
        names="position-misread",
        op="conv1d",
    ),
    one(
        "loops:conv2d_interior",
        says="The columns inside the row are found with the dilated width; with K alone, taps past the end read the "
        "next row's start.",
        names="reads-around-the-border terms-added",
    ),
    one(
        "loops:conv3d_planes",
        says="Input rows are offset by the padding of the rows; they were offset by the padding of the depth.",
        names="padding-of-one-axis-for-all position-misread",
        op="conv3d",
    ),
    one(
        "loops:conv2d_two_rows",
        says="The second of two rows computed together starts stride rows further down; it started one row further "
        "down.",
        names="position-misread",
    ),
    one(
        "loops:conv2d_coverage",
        says="Outputs at the border are not to be divided by the share of the kernel that lies inside the input.",
        names="terms-scaled result-scaled",
    ),
    one(
        "loops:conv3d_plane_pairs",
        says="The last plane of an odd number of output planes was not computed, as only whole pairs were.",
        names="output-not-written tile-tail-dropped",
        op="conv3d",
    ),
    one(
        "im2col:conv2d_patches",
        says="Patches put channels last and the weight matrix puts them first; the weight is now laid out like the "
        "patches.",
        names="weight-channels-exchanged kernel-element-misread layout-misread",
    ),
    one(
        "im2col:conv2d_fft",
        says="The transform along the width leaves room for the padding; before, windows over an edge wrapped to the "
        "other edge.",
        names="padding-of-another-mode reads-around-the-border terms-added padding-is-not-zero",
    ),
    one(
        "im2col:conv1d_overlap_blocks",
        says="The results of overlapping blocks are added; each block overwrote the tail that the block before had "
        "left.",
        names="terms-dropped overlaps-overwritten",
        op="conv1d",
    ),
    one(
        "im2col:conv1d_winograd",
        says="The last tile of an odd row is moved back by one to fit, and its outputs now are stored moved back too.",
        names="position-misread output-misplaced",
        op="conv1d",
    ),
    one(
        "im2col:conv2d_group_einsum",
        says="The channels of the output are ordered by group first; they came out with the groups interleaved.",
        names="output-misplaced groups-interleaved",
    ),
    one(
        "im2col:conv2d_split_product",
        says="The last chunk of the product is moved back to be whole; the terms it shares with the chunk before were "
        "added twice.",
        names="terms-repeated",
    ),
    one(
        "im2col:conv3d_by_depth",
        says="Only the tap is multiplied by the dilation of the depth, no longer the output position too.",
        names="position-misread dilation-applied-twice",
        op="conv3d",
    ),
    one(
        "im2col:conv2d_pointwise",
        says="The 1x1 path starts at the first input element that the stride meets after the padding; it started at "
        "the first of all.",
        names="position-misread origin-shifted",
    ),
    one(
        "im2col:conv2d_one_product",
        says="The columns of all examples are transposed before they are joined; the reshape alone mixed examples with "
        "channels.",
        names="batch-offset-wrong example-misread input-channel-misread",
    ),
    one(
        "tiles:conv2d_swizzled",
        says="The last group of program ids has fewer tile rows than the others; with the full number some tiles were "
        "never computed.",
        names="output-not-written",
    ),
    one(
        "tiles:conv2d_vector_channels",
        says="After the channels taken by eights and fours up to three remain; only a single one was taken care of.",
        names="channel-tail-dropped channel-dropped terms-dropped",
    ),
    one(
        "tiles:conv2d_shared_row",
        says="The halo of the shared row is loaded for the dilated kernel; with K-1 columns the last taps of a block "
        "met zeros.",
        names="terms-dropped",
    ),
    one(
        "tiles:conv2d_double_buffer",
        says="The last block of channels is in the buffer of its parity; buffer 0 was used even where the last block "
        "was in buffer 1.",
        names="input-channel-misread",
    ),
    one(
        "tiles:conv2d_batch_stride",
        says="Examples lie C*H*W apart in the input; C/groups*H*W was used.",
        names="batch-offset-wrong example-misread",
    ),
    one(
        "tiles:conv2d_masked_block",
        says="The masks compare rows with the height and columns with the width; the two extents were exchanged.",
        names="reads-around-the-border terms-dropped terms-added",
    ),
    one(
        "tiles:conv2d_persistent",
        says="The accumulator of a program is cleared for each tile; later tiles of a program contained the sums of "
        "its earlier ones.",
        names="terms-added",
    ),
    one(
        "tiles:conv1d_shuffle",
        says="Taps beyond the last lane are loaded from memory; the shuffle wrapped around to the first lanes of the "
        "same warp.",
        names="position-misread",
        op="conv1d",
    ),
    one(
        "tiles:conv2d_weight_pointer",
        says="The kernels of group g start at g*OC/groups*C/groups*KH*KW; C instead of C/groups pointed too far.",
        names="weight-slice-misread",
    ),
    one(
        "tiles:conv2d_row_store",
        says="Rows of the output lie OW apart; they were stored W apart, the pitch of the input.",
        names="output-misplaced",
    ),
    one(
        "tiles:conv2d_fused_epilogue",
        says="The bias is indexed by the output channel; the index within the block of four was used, in each block.",
        names="bias-wrong",
    ),
    one(
        "tensors:conv1d_left_padded",
        says="The padding is put on both sides; it was all on the left, as for a causal convolution.",
        names="padding-on-one-side origin-shifted position-misread",
        op="conv1d",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_channels_last",
        says="The input is permuted to NHWC; it was only reshaped, which mixes channels and positions.",
        names="layout-misread input-channel-misread position-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_accumulator",
        says="The accumulator has the dtype of the input; it was float32 by default, so float64 lost half its digits.",
        names="low-precision-accumulation partial-sums-rounded precision-lost",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_example_list",
        says="Each example has a result of its own; the list held one tensor N times, so all got the last example's "
        "result.",
        names="batch-offset-wrong example-misread",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_subsampled",
        says="The dense result is sampled at multiples of the stride, not half a stride later.",
        names="position-misread origin-shifted",
        arrays="torch",
    ),
    one(
        "tensors:conv3d_depth_sum",
        says="The last output plane that a depth tap reaches was left out, where the stride of the depth did not "
        "divide evenly.",
        names="terms-dropped input-border-unread",
        op="conv3d",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_row_parts",
        says="The sums of the kernel rows are added up; their mean was taken.",
        names="result-scaled terms-scaled",
        arrays="torch",
    ),
    one(
        "tensors:conv1d_gather",
        says="Positions after the end are masked too; the clamped index repeated the last element there.",
        names="padding-is-not-zero reads-around-the-border terms-added",
        op="conv1d",
        arrays="torch",
    ),
    one(
        "tensors:conv2d_tap_columns",
        says="The columns list kernel rows first as the weight does; they listed kernel columns first, which "
        "transposes the kernel.",
        names="kernel-axes-exchanged kernel-element-misread",
        arrays="torch",
    ),
    one(
        "backward:conv_transpose1d_indexed",
        says="Contributions to the same output are summed by np.add.at; with an indexed += only the last one stayed.",
        names="overlaps-overwritten terms-dropped",
        op="conv_transpose1d",
    ),
    one(
        "backward:conv_transpose2d_zero_insert",
        says="The output padding enlarges the end; it was put before the start, so everything was shifted by it.",
        names="output-padding-mishandled output-misplaced position-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv_transpose2d_channel_loop",
        says="Output channel o uses column o % (OC/groups) of the weight; it used o // groups.",
        names="weight-slice-misread",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv_transpose2d_crop",
        says="The rows and columns of the output padding are those that the crop cuts off; they were filled with "
        "zeros.",
        names="output-padding-mishandled output-not-written terms-dropped",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv_transpose3d_late_bias",
        says="The bias is added to the whole output, also where output padding enlarges it.",
        names="bias-wrong output-padding-mishandled",
        op="conv_transpose3d",
    ),
    one(
        "backward:conv_transpose2d_gather",
        says="Whether a column meets the input is tested by the column stride; the row stride was used.",
        names="stride-of-one-axis-for-all terms-added terms-dropped",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv_transpose3d_spread",
        says="Where the padding exceeds the kernel's reach the input is cropped at the start; the negative amount was "
        "taken as zero.",
        names="position-misread output-misplaced origin-shifted",
        op="conv_transpose3d",
    ),
    one(
        "backward:conv_transpose1d_phases",
        says="The taps of a phase are those with k*dilation congruent to it; k alone was compared, so dilated kernels "
        "used wrong taps.",
        names="kernel-element-misread terms-dropped terms-added",
        op="conv_transpose1d",
    ),
    one(
        "backward:conv_transpose2d_col2im",
        says="The image is cleared for each example; it went on holding the sums of the examples before.",
        names="terms-added batch-offset-wrong",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv_transpose2d_folded",
        says="Overlapping contributions are summed; they were averaged.",
        names="terms-scaled",
        op="conv_transpose2d",
    ),
    one(
        "backward:conv2d_weight_pairs",
        says="The last pair of an odd batch is one example; it was moved back to be a pair, so one example counted "
        "twice.",
        names="terms-repeated",
        op="conv2d_weight",
    ),
    one(
        "backward:conv2d_weight_inner",
        says="The first output row that a tap can use depends on the tap; the first tap's was used for all, which lost "
        "rows.",
        names="terms-dropped input-border-unread",
        op="conv2d_weight",
    ),
    one(
        "backward:conv1d_weight_correlate",
        says="The correlation is cut to its first K lags; the last K were kept, wrong where the stride leaves a "
        "remainder.",
        names="output-misplaced position-misread kernel-element-misread",
        op="conv1d_weight",
    ),
    one(
        "backward:conv3d_input_channels",
        says="Channel ci belongs to group ci // (C/groups); groups were taken as interleaved.",
        names="groups-interleaved output-misplaced",
        op="conv3d_input",
    ),
    one(
        "backward:conv1d_input_gather",
        says="Output positions before the start are skipped; negative ones read from the end of the gradient.",
        names="terms-added reads-around-the-border",
        op="conv1d_input",
    ),
    one(
        "backward:conv3d_weight_planes",
        says="Along the depth the output position is multiplied by the stride and the tap by the dilation; they were "
        "exchanged.",
        names="stride-and-dilation-exchanged position-misread",
        op="conv3d_weight",
    ),
    one(
        "backward:conv2d_weight_groups",
        says="The gradient's channels of a group are consecutive; every groups-th channel was taken.",
        names="groups-interleaved",
        op="conv2d_weight",
    ),
    one(
        "backward:conv2d_input_scatter",
        says="Contributions are only stored without adding where none overlap; the test ignored the dilation, so some "
        "were overwritten.",
        names="overlaps-overwritten terms-dropped",
        op="conv2d_input",
    ),
    one(
        "stateful:conv2d_workspace",
        says="The border of the padded workspace is cleared in each call; it held values of earlier and larger inputs.",
        names="stale-cache padding-is-not-zero",
    ),
    one(
        "stateful:conv2d_offset_plan",
        says="The plan of tap offsets depends on the row pitch too; that of an input of another width was used.",
        names="stale-cache",
    ),
    one(
        "stateful:conv2d_result_pool",
        says="Each call returns an array of its own; the pooled one was overwritten by the next call of the same "
        "shape.",
        names="workspace-returned",
    ),
    one(
        "stateful:conv2d_sparse_taps",
        says="Weights are skipped where they are zero only; all below 0.05 were taken as zero.",
        names="small-values-skipped depends-on-values",
    ),
    one(
        "stateful:conv1d_partial_sums",
        says="The kept sums are cleared at the start of a call; they went on from the last call of the same shape.",
        names="stale-cache",
        op="conv1d",
    ),
    one(
        "stateful:conv2d_scipy",
        says="The kernel is flipped in a copy; the caller's weight was flipped in place.",
        names="operand-changed",
    ),
)
