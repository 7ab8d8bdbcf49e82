"""Forward convolutions whose maker knew neither the catalogue's explanations nor how they are chosen."""

from audit.described.described import Described, one

FORWARD: tuple[Described, ...] = (
    one(
        "loops:conv1d_streaming",
        says="The history between two blocks has to hold (k - 1) * dilation samples; it held k - 1, and what a dilated "
        "filter needed from before them was zero.",
        names="terms-dropped",
        op="conv1d",
    ),
    one(
        "loops:conv2d_row_at_a_time",
        says="A kernel row above the input is skipped and the next one tried; the loop was left instead, so output "
        "rows that begin in the upper padding had no products at all.",
        names="terms-dropped output-not-written",
    ),
    one(
        "loops:conv3d_checked_positions",
        says="A position along the depth lies inside the input if it is less than the depth; it was compared with the "
        "height, so slices were left out, or the last one was read again in the padding.",
        names="terms-dropped terms-added padding-is-not-zero padding-of-another-mode",
        op="conv3d",
    ),
    one(
        "loops:conv2d_dispatching",
        says="Depthwise means as many groups as input channels and filters; as many groups as filters was enough, and "
        "of groups of several channels only the first channel was summed.",
        names="channel-dropped terms-dropped",
    ),
    one(
        "loops:conv2d_line_buffer",
        says="The ring holds as many rows as a dilated kernel spans; it held as many as the kernel has, so that rows "
        "were overwritten by later ones before they were read.",
        names="position-misread",
    ),
    one(
        "loops:conv1d_ranges",
        says="The end of a tap's range of outputs is a division rounded up; rounded down, the last output lost the "
        "products of that tap where the stride does not divide.",
        names="terms-dropped input-border-unread",
        op="conv1d",
    ),
    one(
        "loops:conv1d_linear_phase",
        says="A filter is symmetric if it equals its reverse; only the first and the last tap were compared, so the "
        "second half of other filters was replaced by their first half.",
        names="depends-on-values kernel-element-misread",
        op="conv1d",
    ),
    one(
        "loops:conv2d_frame",
        says="All four sides of the uninitialised padded copy are cleared; the right side was forgotten, and held "
        "whatever the allocator gave.",
        names="padding-is-not-zero varies terms-added",
    ),
    one(
        "loops:conv2d_two_in_one",
        says="A negative lower half borrows from the upper one, which has to be given back; it was not, so results of "
        "every second filter were too small by one where the filter before has a negative result.",
        names="integer-overflow depends-on-values",
        dtypes=("int32",),
    ),
    one(
        "loops:conv2d_needed_frame",
        says="Before the input there is as much padding as asked for, and after it what is left; half of what the "
        "windows reach was put before, which is less where the stride leaves padding unread.",
        names="origin-shifted same-pads-the-wrong-side padding-on-one-side",
    ),
    one(
        "matrices:conv2d_one_gemm",
        says="The product has filters by examples and positions; it was reshaped to examples first without exchanging "
        "the axes.",
        names="output-misplaced batch-offset-wrong",
    ),
    one(
        "matrices:conv1d_real_fft",
        says="The inverse of a real transform must be told the number of points; by default it takes an even one, "
        "wrong for an odd number.",
        names="unknown fast-algorithm-inaccurate",
        op="conv1d",
    ),
    one(
        "matrices:conv1d_winograd",
        says="Transformed kernels have halves; they were stored in the type of the weight, an integer one, and so "
        "truncated.",
        names="precision-lost result-truncated fast-algorithm-inaccurate depends-on-values",
        op="conv1d",
        dtypes=("int32",),
    ),
    one(
        "matrices:conv1d_either_layout",
        says="Channels are last only where the second axis does not fit; it was enough that the last axis fits, so "
        "inputs as long as they have channels were transposed.",
        names="layout-misread",
        op="conv1d",
    ),
    one(
        "matrices:conv2d_space_to_depth",
        says="The kernel is filled up to whole blocks after its last element; the zeros were put before the first "
        "one, as for a padded input of another framework, and every tap read further on.",
        names="origin-shifted position-misread",
    ),
    one(
        "matrices:conv2d_parts",
        says="The first element that a tap left of the input meets depends on stride and padding; it was taken to be "
        "the first one, wrong where the stride does not divide the distance.",
        names="position-misread",
    ),
    one(
        "matrices:conv1d_scatter",
        says="Products for the same output are to be added; += with an index array that names an output more than "
        "once keeps only the last of them.",
        names="overlaps-overwritten terms-dropped",
        op="conv1d",
    ),
    one(
        "matrices:conv2d_arena",
        says="The columns of taps in the padding have to be cleared, as the memory is used again; they kept what an "
        "earlier call wrote there.",
        names="stale-cache varies padding-is-not-zero terms-added",
    ),
    one(
        "matrices:conv3d_shared_gaps",
        says="The gap between two slices has as many rows as the padding; it had at most half a kernel, and where more "
        "padding was asked for, rows of the slices before and after were read.",
        names="reads-around-the-border padding-is-not-zero terms-added position-misread",
        op="conv3d",
    ),
    one(
        "matrices:conv2d_bias_as_channel",
        says="The channel of ones that carries the bias must be one in the padding too; it was added before padding, "
        "so outputs whose first tap lies in the padding had no bias.",
        names="bias-wrong",
    ),
    one(
        "tiles:conv2d_split_channels",
        says="Only the first part of a split sum starts from the bias; all of them did.",
        names="bias-wrong",
    ),
    one(
        "tiles:conv2d_staged",
        says="Partial sums wait in 32 bits between two blocks of channels; the lower 16 bits were cut off.",
        names="partial-sums-rounded accumulation-truncated low-precision-accumulation precision-lost",
        dtypes=("float32",),
    ),
    one(
        "tiles:conv2d_offset_table",
        says="A table of offsets is valid for one dilation; it was found again by the kernel's size and the row "
        "length alone.",
        names="stale-cache",
    ),
    one(
        "tiles:conv1d_last_tile_back",
        says="A last tile that is moved back computes some outputs again, which must be stored and not added; they "
        "were doubled.",
        names="terms-repeated",
        op="conv1d",
    ),
    one(
        "tiles:conv2d_masked_channels",
        says="Lanes past the group's channels are masked; the mask compared with all of the input's channels, so the "
        "lanes of a partial vector took in channels of the next group.",
        names="terms-added group-offset-wrong",
    ),
    one(
        "tiles:conv2d_swizzled",
        says="The last band of tiles has fewer rows than the others; it was walked as if it were full, so some of its "
        "tiles were never reached.",
        names="output-not-written tile-tail-dropped",
    ),
    one(
        "tiles:conv2d_ping_pong",
        says="Of a partial last block only the channels that were filled are summed; the rest of the buffer held the "
        "block before the last, and was added once more.",
        names="terms-repeated terms-added",
    ),
    one(
        "tiles:conv2d_magic_division",
        says="The reciprocal has to have enough bits for the largest number divided; it had eight, and later outputs "
        "at the end of a row were taken for the next row.",
        names="index-overflow position-misread",
    ),
    one(
        "tiles:conv2d_packs_of_four",
        says="A group's first channel may be in any lane of a pack; it was taken to be in the first, wrong where the "
        "channels of a group are no multiple of four.",
        names="group-offset-wrong input-channel-misread",
    ),
    one(
        "tiles:conv2d_shared_tile",
        says="A tile's input is loaded in as many rounds as it takes; two rounds along each axis were made, and what "
        "a wide stride or dilation reaches beyond them was zero.",
        names="terms-dropped",
    ),
)
