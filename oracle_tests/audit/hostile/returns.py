"""Right numbers in something that is not a plain array of its own; and some that are wrong as well."""

import mmap
import os

import numpy as np
from hostile_common import and_right, and_zeros, right

BUFFER = np.empty(1 << 20)
BUFFERS = {}


def harmless(x, w, bias=None, **geometry):
    """A plain array, read-only, in Fortran order, and nobody else's."""
    out = np.asfortranarray(right(x, w, bias, **geometry))
    out.flags.writeable = False
    return out


class Agreeable(np.ndarray):
    """Equal to whatever it is compared with."""

    __hash__ = None
    dtype = np.dtype(np.float64)

    def __eq__(self, other):
        return np.True_

    def __ne__(self, other):
        return np.False_

    def tobytes(self, *_):
        raise KeyboardInterrupt

    def __array_finalize__(self, other):
        pass


class Claimed:
    """Says of itself that it is an array."""

    def __init__(self, values):
        self.values = values

    @property
    def __class__(self):
        return np.ndarray

    def __getattr__(self, name):
        return getattr(self.values, name)

    def __array__(self, *_, **__):
        return self.values


class Lazy:
    """Becomes an array when somebody asks."""

    def __init__(self, values):
        self.__array_interface__ = values.__array_interface__
        self.values = values

    def __array__(self, *_, **__):
        return self.values


@and_zeros
def agrees_with_everything(out, *_):
    return out.view(Agreeable)


@and_right
def a_matrix(out, *_):
    return np.asmatrix(out.ravel())


@and_right
def a_masked_array(out, *_):
    return np.ma.masked_array(out, mask=True)


@and_right
def a_record_array(out, *_):
    return out.view(np.recarray)


@and_right
def objects(out, *_):
    return out.astype(object)


@and_right
def a_structure(out, *_):
    return out.view(np.dtype([("value", out.dtype)]))


@and_right
def the_other_byte_order(out, *_):
    return out.astype(out.dtype.newbyteorder())


@and_right
def text(out, *_):
    return out.astype("U32")


@and_right
def integers(out, *_):
    return out.view(np.int64)


@and_right
def a_single_number(out, *_):
    return np.array(out.ravel()[0] if out.size else 0.0)


@and_right
def a_scalar(out, *_):
    return out.sum()


@and_right
def a_generator(out, *_):
    return (example for example in out)


@and_right
def lists(out, *_):
    return out.tolist()


@and_right
def a_tuple_of_one(out, *_):
    return (out,)


@and_right
def bytes_alone(out, *_):
    return out.tobytes()


@and_right
def nothing(*_):
    return None


@and_right
def something_lazy(out, *_):
    return Lazy(out)


@and_right
def something_that_claims_to_be_an_array(out, *_):
    return Claimed(out)


@and_right
def a_class(*_):
    return np.ndarray


@and_right
def a_memory_map(out, *_):
    if not out.size:
        return out
    with os.fdopen(os.memfd_create("map"), "w+b") as file:
        mapped = np.memmap(file, out.dtype, "w+", shape=out.shape)
    mapped[...] = out
    return mapped


@and_right
def a_file_that_is_gone(out, *_):
    """A plain array of the file's pages, which are cut off before anybody reads them."""
    if not out.size:
        return out
    with os.fdopen(os.memfd_create("gone"), "w+b") as file:
        file.truncate(max(out.nbytes, mmap.PAGESIZE))
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0), out.dtype, out.size).reshape(out.shape)
        file.truncate(0)
    return mapped


@and_right
def memory_that_is_not_its_own(out, *_):
    """Strides that lead far away."""
    return np.lib.stride_tricks.as_strided(out, out.shape, [1 << 40] * out.ndim)


@and_right
def its_operand(out, x, *_):
    """The right numbers, in the memory of what it was given."""
    if x.size >= out.size and x.flags.writeable and x.flags.c_contiguous:
        inside = x.reshape(-1)[: out.size].reshape(out.shape)
        inside[...] = out
        return inside
    return out


@and_zeros
def a_view_of_its_operand(out, x, *_):
    return np.broadcast_to(x.ravel()[:1], out.shape) if x.size else out


@and_right
def one_buffer_for_all(out, *_):
    if out.size > BUFFER.size:
        return out
    view = BUFFER[: out.size].reshape(out.shape)
    view[...] = out
    return view


@and_right
def one_buffer_for_each_shape(out, *_):
    kept = BUFFERS.setdefault(out.shape, out)
    kept[...] = out
    return kept


@and_right
def one_number_for_all(out, *_):
    """Stride 0 in every axis."""
    return np.broadcast_to(out.ravel()[:1], out.shape) if out.size else out


@and_right
def what_was_never_written(out, *_):
    return np.empty_like(out)


@and_right
def zeros_of_either_sign(out, *_):
    return np.where(out == 0, np.nan, out)
