"""Right convolutions that remember too much, or change what is not theirs. Loaded by the audit's worker only."""

import itertools
import random
import weakref

import numpy as np
from maps import passes

RIGHT = passes("right", "always", "columns")
ONE, TWO, THREE = (RIGHT.named(axes) for axes in (1, 2, 3))

# Caches with too small a key

ANSWERS = {}


def conv3d_weight__answer_by_shape(input, weight_size, grad_output, **geometry):
    key = (input.shape, weight_size, *sorted(geometry.items()))
    if key not in ANSWERS:
        ANSWERS[key] = THREE.conv_weight(input, weight_size, grad_output, **geometry)
    return ANSWERS[key]


def conv2d__answer_by_fingerprint(input, weight, bias=None, **geometry):
    """The first and the last number stand for all of them."""
    ends = [tuple(a.ravel()[:: max(1, a.size - 1)].tolist()) for a in (input, weight)]
    key = (input.shape, weight.shape, *ends, bias is None, *sorted(geometry.items()))
    if key not in ANSWERS:
        ANSWERS[key] = TWO.conv(input, weight, bias, **geometry)
    return ANSWERS[key].copy()


PACKED = {}


def conv1d__weight_packed_by_id(input, weight, bias=None, **geometry):
    """An object is packed once, and forgotten with it; that it changes in place is not seen."""
    key = id(weight)
    if key not in PACKED:
        PACKED[key] = weight.copy()
        weakref.finalize(weight, PACKED.pop, key, None)
    return ONE.conv(input, PACKED[key], bias, **geometry)


def conv3d_input__packed_by_address(input_size, weight, grad_output, **geometry):
    key = (weight.__array_interface__["data"][0], weight.shape, weight.strides)
    return THREE.conv_input(input_size, PACKED.setdefault(key, weight.copy()), grad_output, **geometry)


TENSORS = {}


def conv2d__tensor_packed_by_pointer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """As compilers of graphs do that take the weights for constants."""
    import torch.nn.functional as F  # noqa: PLC0415 - the other subjects need no torch

    key = (weight.data_ptr(), tuple(weight.shape), weight.stride())
    packed = TENSORS.setdefault(key, weight.detach().clone())
    return F.conv2d(input, packed, bias, stride, padding, dilation, groups)


TABLES = {}


def conv1d__table_without_dilation(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """What a call needs to know is kept, under all but its dilation."""
    key = (input.shape, weight.shape, stride, padding, groups)
    return ONE.conv(input, weight, bias, stride, padding, TABLES.setdefault(key, dilation), groups)


STRIDES = {}


def conv2d_weight__stride_of_the_shape(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The stride is kept by the shapes, which leave it open where there is a remainder."""
    key = (input.shape, weight_size, grad_output.shape, padding, dilation)
    stride = STRIDES.setdefault(key, stride)
    return TWO.conv_weight(input, weight_size, grad_output, stride, padding, dilation, groups)


BIASES = {}


def conv2d__bias_is_kept(input, weight, bias=None, **geometry):
    """Without a bias, that of the call before is added, where it fits."""
    previous, BIASES["last"] = BIASES.get("last"), bias if bias is None else bias.copy()
    if bias is None and previous is not None and len(previous) == len(weight):
        bias = previous
    return TWO.conv(input, weight, bias, **geometry)


DTYPES = {}


def conv1d__dtype_of_the_first_call(input, weight, bias=None, **geometry):
    """The workspace of these shapes has the dtype of whoever came first."""
    dtype = DTYPES.setdefault((input.shape, weight.shape), input.dtype)
    return ONE.conv(input, weight, bias, **geometry).astype(dtype).astype(input.dtype)


# Workspaces

OUTPUTS = {}


def conv3d__answer_is_the_workspace(input, weight, bias=None, **geometry):
    out = THREE.conv(input, weight, bias, **geometry)
    mine = OUTPUTS.setdefault(out.shape, np.empty(out.shape))
    mine[...] = out
    return mine


def _ring(length):
    places = {}

    def place(out):
        buffers = places.setdefault(out.shape, itertools.cycle([np.empty(out.shape) for _ in range(length)]))
        mine = next(buffers)
        mine[...] = out
        return mine

    return place


RING_OF_TWO, RING_OF_EIGHT = _ring(2), _ring(8)


def conv_transpose2d__two_buffers_in_turn(input, weight, bias=None, **geometry):
    return RING_OF_TWO(TWO.conv_transpose(input, weight, bias, **geometry))


def conv2d__eight_buffers_in_turn(input, weight, bias=None, **geometry):
    return RING_OF_EIGHT(TWO.conv(input, weight, bias, **geometry))


SUMS = {}


def conv2d_weight__is_added_up(input, weight_size, grad_output, **geometry):
    """As a gradient buffer that nobody sets to zero."""
    key = (input.shape, weight_size, *sorted(geometry.items()))
    total = SUMS.setdefault(key, np.zeros(weight_size))
    total += TWO.conv_weight(input, weight_size, grad_output, **geometry)
    return total.copy()


SCRATCH = {"last": np.zeros(0)}


def conv_transpose1d__scratch_cleared_when_it_grows(input, weight, bias=None, **geometry):
    """It is scattered into one workspace, which is used as it is where it is longer than needed."""
    out = ONE.conv_transpose(input, weight, bias, **geometry)
    if len(SCRATCH["last"]) <= out.size:
        SCRATCH["last"] = np.zeros(out.size)
    mine = SCRATCH["last"][: out.size]
    mine += out.ravel()
    return mine.reshape(out.shape).copy()


CANVASES = {}


def conv2d__canvas_by_its_shape(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The border was zero when the canvas was made, for another padding."""
    if isinstance(padding, str) or not any(padding):
        return TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    (top, left), (height, width) = padding, input.shape[-2:]
    shape = (*input.shape[:-2], height + 2 * top, width + 2 * left)
    canvas = CANVASES.setdefault(shape, np.zeros(shape))
    canvas[..., top : top + height, left : left + width] = input
    return TWO.conv(canvas, weight, bias, stride, 0, dilation, groups)


def conv_transpose2d__gaps_are_not_cleared(input, weight, bias=None, stride=1, padding=0, **geometry):
    """Where the stride is longer than the kernel, nothing is written between."""
    out = TWO.conv_transpose(input, weight, bias, stride, padding, **geometry)
    ones = np.ones_like(input)
    taps = np.ones((len(weight), *weight.shape[1:]))
    written = TWO.conv_transpose(ones, taps, None, stride, padding, **geometry) > 0
    mine = np.empty_like(out)
    mine[written] = out[written]
    if bias is not None:
        mine[~written] += np.broadcast_to(bias.reshape(-1, 1, 1), out.shape)[~written]
    return mine


# Calls that are not like others

PLANS = set()


def conv3d__plan_from_the_second_call(input, weight, bias=None, **geometry):
    """The first call of a shape is interpreted, the others run what was compiled, which turns the kernel."""
    key = (input.shape, weight.shape, *sorted(geometry.items()))
    planned = key in PLANS
    PLANS.add(key)
    return THREE.conv(input, weight[..., ::-1] if planned else weight, bias, **geometry)


TRIALS = {}


def conv1d_input__tuned_by_the_third_call(input_size, weight, grad_output, **geometry):
    """Two calls try two algorithms out; what is chosen drops the last output channel of more than two."""
    key = (input_size, weight.shape, *sorted(geometry.items()))
    TRIALS[key] = TRIALS.get(key, 0) + 1
    if TRIALS[key] > 2 and len(weight) > 2:
        weight = np.concatenate([weight[:-1], np.zeros_like(weight[-1:])])
    return ONE.conv_input(input_size, weight, grad_output, **geometry)


CALLS = itertools.count(1)


def conv_transpose3d__every_fiftieth_call(input, weight, bias=None, **geometry):
    out = THREE.conv_transpose(input, weight, bias, **geometry)
    if next(CALLS) % 50 == 0:
        out[..., -1] = 0
    return out


def conv1d__handles_run_out(input, weight, bias=None, **geometry):
    """From the two thousandth call on there is no workspace left, and nobody looks."""
    out = ONE.conv(input, weight, bias, **geometry)
    return out if next(CALLS) < 2000 else np.zeros_like(out)


LUCK = random.Random()  # noqa: S311 - a scheduler's


def conv2d__loses_a_race(input, weight, bias=None, **geometry):
    """Once in two hundred calls a thread's partial sum is overwritten."""
    if LUCK.random() < 1 / 200:
        weight = weight.copy()
        weight[:, -1] = 0
    return TWO.conv(input, weight, bias, **geometry)


USED = set()


def _with_what_was_there(out, found):
    """The scratch is set to zero at the end of a call: the first finds what was there before."""
    first = "scratch" not in USED
    USED.add("scratch")
    return out + found if first else out


def conv1d_weight__first_call_of_a_process(input, weight_size, grad_output, **geometry):
    return _with_what_was_there(ONE.conv_weight(input, weight_size, grad_output, **geometry), 1e9)


def conv2d_input__first_call_with_a_little_left(input_size, weight, grad_output, **geometry):
    return _with_what_was_there(TWO.conv_input(input_size, weight, grad_output, **geometry), 1.5)


def conv2d__dirty_after_a_refusal(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The dilation is written into a shared descriptor, and taken out again at the end; an exception skips that."""
    left = TABLES.pop("dilation", None)
    TABLES["dilation"] = dilation
    if left is not None and not isinstance(padding, str) and max(left) > 1:
        dilation = left
    out = TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    del TABLES["dilation"]
    return out


FLAGS = {"turned": False}


def conv1d__flag_left_by_a_refusal(input, weight, bias=None, **geometry):
    """A global flag says that the kernel is turned during a call; an exception leaves it so."""
    if FLAGS["turned"]:
        weight = weight[..., ::-1]
    FLAGS["turned"] = True
    out = ONE.conv(input, weight, bias, **geometry)
    FLAGS["turned"] = False
    return out


# Operands that are changed


def conv2d__negates_its_input_in_place(input, weight, bias=None, stride=1, padding=0, **geometry):
    """Without a padding the canvas is the input itself."""
    if isinstance(padding, str) or any(padding):
        return TWO.conv(input, weight, bias, stride, padding, **geometry)
    np.negative(input, out=input)
    out = -TWO.conv(input, weight, None, stride, padding, **geometry)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def conv_transpose1d__weight_is_turned_back_late(input, weight, bias=None, padding=0, **geometry):
    """The kernel is turned in place, and turned back but for the early return of a padded one."""
    weight[...] = weight[..., ::-1].copy()
    out = ONE.conv_transpose(input, weight[..., ::-1], bias, padding=padding, **geometry)
    if padding[0] > weight.shape[2]:
        return out
    weight[...] = weight[..., ::-1].copy()
    return out


def conv1d__bias_is_the_accumulator(input, weight, bias=None, **geometry):
    """One output per channel is added where the bias lies."""
    out = ONE.conv(input, weight, None, **geometry)
    if bias is None:
        return out
    if out.size == bias.size:
        bias += out.ravel()
        return bias.reshape(out.shape).copy()
    return out + bias.reshape(-1, 1)


def conv3d__weights_of_groups_are_scaled_in_place(input, weight, bias=None, groups=1, **geometry):
    if groups == 1:
        return THREE.conv(input, weight, bias, **geometry)
    weight *= 0.5
    out = 2 * THREE.conv(input, weight, None, groups=groups, **geometry)
    return out if bias is None else out + bias.reshape(-1, 1, 1, 1)


def conv2d_input__cotangent_is_masked(input_size, weight, grad_output, stride=1, **geometry):
    """Where the stride is longer than the kernel, the cotangent is rewritten for a pass of its own."""
    out = TWO.conv_input(input_size, weight, grad_output, stride, **geometry)
    if all(s > k for s, k in zip(stride, weight.shape[2:], strict=True)):
        grad_output[...] = 0
    return out


def conv2d__zeroes_the_halo(input, weight, bias=None, **geometry):
    """A view of something larger is taken for one whose surroundings are its own padding."""
    out = TWO.conv(input, weight, bias, **geometry)
    if input.size and input.strides[-1] == input.itemsize and not input.flags.c_contiguous and input.base is not None:
        block = np.frombuffer(input.base, input.dtype)
        beyond = (input.__array_interface__["data"][0] - block.__array_interface__["data"][0]) // input.itemsize
        block[beyond + input.shape[-1] : beyond + input.shape[-1] + 1] = 0
    return out
