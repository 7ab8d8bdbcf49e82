"""The operand generator: small integers from a name and an index, the same in every language.

    fnv = 2166136261;  for each byte of the name:  fnv = (fnv xor byte) * 16777619
    h = fnv + (index + 1) * 2654435769
    h = (h xor h >> 16) * 2246822507;  h = (h xor h >> 13) * 3266489909;  h = h xor h >> 16
    v = h mod (2 * limit);  value = v - limit if v < limit else v - limit + 1

All of it modulo 2^32: FNV-1a of the name, then the finalizer of MurmurHash3 of a counter. Never zero, so that no
product can be left out unnoticed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_WORD = np.uint64(2**32 - 1)
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619
_COUNTER, _MIX_1, _MIX_2 = np.uint64(2654435769), np.uint64(2246822507), np.uint64(3266489909)


def small_integers(name: str, count: int, limit: int) -> npt.NDArray[np.int64]:
    """The first `count` values of the stream `name`, each in -limit..-1 or 1..limit."""
    seed = _FNV_OFFSET
    for byte in name.encode():
        seed = (seed ^ byte) * _FNV_PRIME % 2**32
    index = np.arange(1, count + 1, dtype=np.uint64)
    h = (np.uint64(seed) + index * _COUNTER) & _WORD
    h = (h ^ (h >> np.uint64(16))) * _MIX_1 & _WORD
    h = (h ^ (h >> np.uint64(13))) * _MIX_2 & _WORD
    v = ((h ^ (h >> np.uint64(16))) % np.uint64(2 * limit)).astype(np.int64)
    return np.where(v < limit, v - limit, v - limit + 1)
