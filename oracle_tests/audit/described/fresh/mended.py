"""What makes each subject of this folder right: a passage of its source, and what stands in its place."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent

PASSAGES: dict[str, tuple[str, str]] = {
    "loops:conv2d_by_group": ("bias[local]", "bias[channel]"),
    "loops:conv2d_tap_limits": ("max(0, -top // dh)", "max(0, -(top // dh))"),
    "loops:conv2d_leaves_early": ("row >= height - 1", "row >= height"),
    "loops:conv1d_shift_register": ("        clock = 0\n", "        clock = 0\n        register[:] = 0\n"),
    "loops:conv2d_multiplier": ("q * channels + c", "c * times + q"),
    "loops:conv3d_six_loops": ("b * dilation[1]", "b * dilation[2]"),
    "loops:conv1d_sized": ("- k * d)", "- d * (k - 1) - 1)"),
    "loops:conv2d_flat_taps": ("divmod(tap, kh)", "divmod(tap, kw)"),
    "loops:conv1d_offset_table": ("np.uint8", "np.int32"),
    "columns:conv2d_taps_first": (
        "cols.reshape(n, groups, kh * kw * cg, oh * ow)",
        "cols.reshape(n, kh * kw, groups, cg, -1).swapaxes(1, 2).reshape(n, groups, kh * kw * cg, oh * ow)",
    ),
    "columns:conv2d_windows_einsum": (
        "weight.reshape(m // groups, groups, cg, kh, kw).swapaxes(0, 1)",
        "weight.reshape(groups, m // groups, cg, kh, kw)",
    ),
    "columns:conv1d_tensordot": ("reversed(range(k))", "range(k)"),
    "columns:conv2d_toeplitz": ("(span + sw - 1) // sw", "span // sw + 1"),
    "columns:conv2d_fft_full": ("top, left = kh - 1, kw - 1", "top, left = dh * (kh - 1), dw * (kw - 1)"),
    "columns:conv1d_polyphase": ("-(-tap * d // s)", "tap * d // s"),
    "columns:conv3d_depth_as_channels": ("np.stack(planes, axis=1)", "np.stack(planes, axis=2)"),
    "columns:conv2d_view_of_memory": (
        "(c * height * width * item, height * width * item, width * item, item)",
        "x.strides",
    ),
    "columns:conv2d_winograd_rows": ("m1 - m2 + m3", "m1 - m2 - m3"),
    "remembering:conv2d_padded_once": (
        "    if key not in PADDED:\n        PADDED[key]",
        "    if True:\n        PADDED[key]",
    ),
    "remembering:conv1d_streaming": ("HISTORY.pop((*input.shape[:2], p, input.dtype), None)", "None"),
    "remembering:conv2d_fixed_point": ("np.rint(weight * 256) / 256", "weight"),
    "remembering:conv2d_narrow_sums": ("np.int16", "np.int32"),
    "remembering:conv2d_active_inputs": ("input > 0", "input != 0"),
    "remembering:conv2d_prepared_weight": (
        "        kernel = weight.copy()\n    kernel[:] =",
        "        kernel = weight.copy()\n        kernel[:] =",
    ),
    "tiles:conv2d_column_tiles": ("range(ow // tile)", "range(-(-ow // tile))"),
    "tiles:conv2d_split_reduction": ("np.float16", "x.dtype"),
    "tiles:conv2d_wide_loads": ("inside = inside[:1]", "inside = inside[:]"),
    "tiles:conv2d_channel_panels": ("first = g * cg", "first = g * cg + panel"),
    "tiles:conv2d_atomic_channels": ("lanes < m", "lanes < (g + 1) * mg"),
    "tiles:conv1d_block_start": ("first = start - p", "first = start * s - p"),
    "tiles:conv2d_row_registers": ("moving = sh == 1", "moving = sh == dh == 1"),
    "tiles:conv2d_short_ids": ("np.int16", "np.int32"),
    "tiles:conv2d_shared_filter": ("min(elements, threads)", "elements"),
    "tiles:conv3d_plane_mask": ("z <= depth", "z < depth"),
    "tiles:conv2d_nhwc": ("channels = g * mg", "channels = g * cg"),
    "tiles:conv2d_pipelined": ("step + 2", "step + 1"),
    "tiles:conv2d_partial_slots": ("min(2, -(-cg // 8))", "-(-cg // 8)"),
    "tensors:conv2d_unfolded": ("view(n, m, ow, oh).transpose(2, 3)", "view(n, m, oh, ow)"),
    "tensors:conv2d_padded_windows": ("(ph, ph, pw, pw)", "(pw, pw, ph, ph)"),
    "tensors:conv2d_kept_modules": ("padding, groups, input.dtype", "padding, dilation, groups, input.dtype"),
    "tensors:conv1d_half_operands": (
        "F.pad(input, (p, p)).bfloat16(), weight.bfloat16()",
        "F.pad(input, (p, p)), weight",
    ),
    "tensors:conv3d_frames": ("(sizes[0], n, *total.shape[1:]).transpose(0, 1)", "(n, sizes[0], *total.shape[1:])"),
    "tensors:conv2d_two_halves": (
        "    left = x[..., :seam]\n    if wanted > seam:\n        left = F.pad(left, (0, wanted - seam))\n",
        "    left = x\n",
    ),
    "tensors:conv2d_repeated_channels": (
        "input.repeat(1, m // groups, 1, 1)",
        "input.repeat_interleave(m // groups, 1)",
    ),
    "functions:conv2d_mean_bias": ("gradient.mean(0).sum((1, 2))", "gradient.sum((0, 2, 3))"),
    "functions:conv2d_when_needed": (
        "        if ctx.needs_input_grad[0]:\n            to_weight",
        "        if ctx.needs_input_grad[1]:\n            to_weight",
    ),
    "functions:conv2d_detached": ("x.detach()", "x"),
    "functions:conv1d_short_gradient": (
        "None, s, p, 0, groups, d)\n        to_input = F.pad(short, (0, missing))",
        "None, s, p, missing, groups, d)\n        to_input = short",
    ),
    "transposed:conv_transpose2d_clipped": (
        "            if not 0 <= y < oh:\n                continue\n            x = min(max(x, 0), ow - 1)\n",
        "            if not (0 <= y < oh and 0 <= x < ow):\n                continue\n",
    ),
    "transposed:conv_transpose1d_stuffed": ("stuffed[..., -1]", "stuffed[..., 0]"),
    "transposed:conv_transpose2d_subpixel": (
        "(max(kh - r, 0)) // sh, (max(kw - q, 0)) // sw",
        "-(-max(kh - r, 0) // sh), -(-max(kw - q, 0) // sw)",
    ),
    "transposed:conv_transpose2d_as_conv": (
        "weight[:, :, ::-1, ::-1].swapaxes(0, 1)\n    kernels = turned.reshape(groups, mg, c // groups, *kernel)",
        "weight[:, :, ::-1, ::-1]\n    kernels = turned.reshape(groups, c // groups, mg, *kernel).swapaxes(1, 2)",
    ),
    "transposed:conv_transpose3d_gather": ("abs(index) >= n", "not 0 <= index < n"),
    "transposed:conv_transpose2d_columns": (
        "reshape(n, groups, kh, kw, mg, h, w)",
        "reshape(n, groups, mg, kh, kw, h, w).transpose(0, 1, 3, 4, 2, 5, 6)",
    ),
    "transposed:conv_transpose1d_sized": ("    if s > 1:\n        size += e\n", "    size += e\n"),
    "transposed:conv_transpose2d_padded": ("top, left = ph, pw", "top, left = dh * (kh - 1) - ph, dw * (kw - 1) - pw"),
    "gradients:conv2d_input_half_sums": ("np.float16", "grad_output.dtype"),
    "gradients:conv2d_input_pixels": ("if i >= oh:\n                break", "if i >= oh:\n                continue"),
    "gradients:conv3d_input_checked": ("a * dilation[1] - padding[2]", "a * dilation[1] - padding[1]"),
    "gradients:conv1d_input_depthwise": (
        "grad_output[:, ::times] * weight[::times, :, tap]",
        "_back(grad_output, weight[:, :, tap], groups)",
    ),
    "gradients:conv2d_weight_by_four": ("out[(..., *tap)] = ", "out[(..., *tap)] += "),
    "gradients:conv1d_weight_windows": ("(p, 0)))", "(p, p)))"),
    "gradients:conv3d_weight_clipped": ("np.clip(out, -100, 100)", "out"),
    "gradients:conv1d_weight_nonzero": ("if gradient.sum() == 0:", "if not gradient.any():"),
}


def source_of(name: str, *, mended: bool) -> str:
    """The source text of the module of a subject, 'module:function', as it stands or with the subject made right."""
    module, _, function = name.partition(":")
    source = (HERE / f"{module}.py").read_text(encoding="utf-8")
    if not mended:
        return source
    wrong, right = PASSAGES[name]
    after = source.index(f"def {function}(")
    if wrong not in source[after:]:
        after = source.rindex("\nclass ", 0, after)
    at = source.index(wrong, after)
    return source[:at] + right + source[at + len(wrong) :]
