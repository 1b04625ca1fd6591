"""Scratch memory that outlives a step, so that a training step allocates next to nothing.

A fresh 2 MB array costs more in page faults than the arithmetic that fills it. A Workspace hands out the same memory at
every step. It belongs to whoever runs the passes, one per thread of passes, never to a layer: two shards of a batch then
run over the same layers without touching each other's numbers.

Buffers are carved from slabs: for arrays of 4 MB and more NumPy asks Linux for pages of 2 MB instead of 4 KB, of which a core
can keep the whole step's addresses at hand. That alone saves 4 % of a step.
"""

from collections.abc import Callable, Hashable
from math import prod
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module

SLAB = 1 << 25  # bytes, 32 MiB; what is not used of it is never given memory
SMALL = 1 << 16  # bytes: below it a buffer is on its own
LINE = 64  # bytes: where a cache line, and so a buffer, begins


class Workspace:
    """Arrays kept by (owner, role): what a layer got for a role is overwritten when it asks for that role again.

    A cache made with a workspace is therefore valid until that workspace's next forward. Nothing is ever given back, so a
    workspace should serve one network.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[Hashable, str], Array] = {}
        self._last: dict[tuple[Hashable, str], Array] = {}
        self._made: dict[tuple[Hashable, str], Any] = {}
        self._slab: Array | None = None

    def array(self, owner: Hashable, role: str, shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
        """Return an uninitialised array of this shape, of the array module of `like` and of its dtype, or of `dtype`.

        A smaller request (the last, partial batch) is a view of the larger buffer, so sizes may change freely.
        """
        key, dtype = (owner, role), dtype or like.dtype
        last = self._last.get(key)
        if last is not None and last.shape == shape and last.dtype == dtype:  # as at every step but the last
            return last
        size, buffer = prod(shape), self._buffers.get(key)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = self._buffers[key] = self._carve(size, np.dtype(dtype), like)
        self._last[key] = buffer[:size].reshape(shape)
        return self._last[key]

    def _carve(self, size: int, dtype: np.dtype[Any], like: Array) -> Array:
        """New memory for `size` numbers."""
        xp, wanted = get_array_module(like), size * dtype.itemsize
        if wanted < SMALL:
            return xp.empty(size, dtype=dtype)
        if self._slab is None or self._slab.size < wanted:
            self._slab = xp.empty(max(SLAB, wanted), dtype=np.uint8)
        buffer, self._slab = self._slab[:wanted], self._slab[-(-wanted // LINE) * LINE :]
        return buffer.view(dtype)

    def once(self, owner: Hashable, role: str, make: Callable[[], Any]) -> Any:
        """What make() returned at the first call: for constants that are wanted at every step."""
        if (owner, role) not in self._made:
            self._made[owner, role] = make()
        return self._made[owner, role]
