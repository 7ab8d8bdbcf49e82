"""What makes each forward subject right: a passage of its source, and what stands in its place."""

from __future__ import annotations

PASSAGES: dict[str, tuple[str, str]] = {
    "loops:conv1d_streaming": ("keep = k - 1", "keep = span"),
    "loops:conv2d_row_at_a_time": ("break", "continue"),
    "loops:conv3d_checked_positions": ("(z < height)", "(z < depth)"),
    "loops:conv2d_dispatching": ("groups == filters", "groups == filters == channels"),
    "loops:conv2d_line_buffer": ("lines = kh", "lines = span"),
    "loops:conv1d_ranges": ("(length - shift) // s", "-(-(length - shift) // s)"),
    "loops:conv1d_linear_phase": ("taps[0] == taps[-1]", "np.array_equal(taps, taps[::-1])"),
    "loops:conv2d_frame": (
        "padded[:, :, :, :pw] = 0",
        "padded[:, :, :, :pw] = 0\n    padded[:, :, :, pw + width :] = 0",
    ),
    "loops:conv2d_two_in_one": ("= sums >> 32", "= (sums - lower) >> 32"),
    "loops:conv2d_needed_frame": ("min(p, total // 2)", "p"),
    "matrices:conv2d_one_gemm": (
        "product.reshape(n, filters, oh, ow)",
        "product.reshape(filters, n, oh, ow).swapaxes(0, 1)",
    ),
    "matrices:conv1d_real_fft": ("irfft(spectrum)", "irfft(spectrum, points)"),
    "matrices:conv1d_winograd": (".astype(weight.dtype)", ".astype(np.float64)"),
    "matrices:conv1d_either_layout": ("input.shape[-1] == channels", "input.shape[1] != channels"),
    "matrices:conv2d_space_to_depth": (
        "top, left = bh * sh - (kh - 1) * dh - 1, bw * sw - (kw - 1) * dw - 1",
        "top, left = 0, 0",
    ),
    "matrices:conv2d_parts": ("start = max(0, shift)", "start = shift + skipped * s"),
    "matrices:conv1d_scatter": (
        "out[moved[used] // s] += products",
        "np.add.at(out, moved[used] // s, products)",
    ),
    "matrices:conv2d_arena": (
        ".reshape(n, c, kh, kw, oh, ow)\n",
        ".reshape(n, c, kh, kw, oh, ow)\n    columns[...] = 0\n",
    ),
    "matrices:conv3d_shared_gaps": ("gap = min(ph, weight.shape[3] // 2)", "gap = ph"),
    "matrices:conv2d_bias_as_channel": (
        "    return by_taps(padded, kernel",
        "    padded[:, per_group :: per_group + 1] = 1\n    return by_taps(padded, kernel",
    ),
    "tiles:conv2d_split_channels": ("biased(sums, bias)", "biased(sums, None if start else bias)"),
    "tiles:conv2d_staged": ("0xFFFF0000", "0xFFFFFFFF"),
    "tiles:conv2d_offset_table": ("key = (kh, kw, width)", "key = (kh, kw, width, dh, dw)"),
    "tiles:conv1d_last_tile_back": (
        "sums = out[..., start : start + LANES]",
        "sums = out[..., start : start + LANES]\n        sums[...] = 0",
    ),
    "tiles:conv2d_masked_channels": ("g * per_group + lanes < channels", "lanes < per_group"),
    "tiles:conv2d_swizzled": ("rows = together", "rows = min(together, high - first)"),
    "tiles:conv2d_ping_pong": ("used = LANES", "used = count"),
    "tiles:conv2d_magic_division": ("bits = 8", "bits = 32"),
    "tiles:conv2d_packs_of_four": ("first = g * per_group // LANES * LANES", "first = g * per_group"),
    "tiles:conv2d_shared_tile": ("np.ndindex(2, 2)", "np.ndindex(-(-high // 4), -(-wide // 4))"),
}
