"""Scratch memory that is reused from step to step, so that a training step allocates almost nothing.

The page faults of a new 2 MB array take longer than the arithmetic that fills it. A Workspace returns the same memory at
every step. Each thread that runs passes has its own, and a layer has none: two shards of a batch can then run through the
same layers without overwriting each other's numbers.

Buffers up to 4 MB are parts of large slabs: for arrays of 4 MB and more NumPy asks Linux for pages of 2 MB instead of 4 KB, and
a core's address cache (TLB) then covers the whole step. This alone saves 4 % of a step. A larger buffer is a separate array,
which is freed when the layer needs an even larger one.
"""

from collections.abc import Callable, Hashable
from math import prod
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module

SLAB = 1 << 25  # bytes, 32 MiB; the unused part takes no physical memory
SMALL, LARGE = 1 << 16, 1 << 22  # bytes: smaller and larger buffers are allocated separately
KEPT = 1 << 22  # bytes, 4 MiB: what forward computes for backward is computed again there if it is larger
PAGE = 256  # numbers that must stay valid after a step, allocated together
CACHE_LINE = 64  # bytes: a buffer starts at a multiple of it


class Workspace:
    """Arrays kept by (owner, role): when a layer asks for a role again, it gets the same memory again, and overwrites it.

    A cache made with a workspace is therefore valid until that workspace's next forward. Memory is kept, so use a
    workspace for one network only.
    """

    def __init__(self) -> None:
        self._buffers: dict[tuple[Hashable, str], Array] = {}
        self._last: dict[tuple[Hashable, str], Array] = {}
        self._constants: dict[tuple[Hashable, str], Any] = {}
        self._pages: dict[np.dtype[Any], tuple[Any, int]] = {}
        self._slab: Array | None = None

    def array(self, owner: Hashable, role: str, shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
        """Return an uninitialised array of this shape, of the array module of `like` and of its dtype, or of `dtype`.

        A smaller request (the last, partial batch) is a view of the larger buffer, so sizes may change freely.
        """
        key, dtype = (owner, role), dtype or like.dtype
        last = self._last.get(key)
        if last is not None and last.shape == shape and last.dtype == dtype:  # true for all but the last, partial batch
            return last
        size, buffer = prod(shape), self._buffers.get(key)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = self._buffers[key] = self._allocate(size, np.dtype(dtype), like)
        self._last[key] = buffer[:size].reshape(shape)
        return self._last[key]

    def scratch(self, role: str, shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
        """Return an array that all layers share: for numbers that are needed only until the caller returns."""
        return self.array("scratch", role, shape, like, dtype)

    def number(self, like: Array, dtype: Any = None) -> Array:
        """Return an uninitialised number, as an array (), that no later step overwrites. They are allocated in pages of 256."""
        dtype = np.dtype(dtype or like.dtype)
        page, used = self._pages.get(dtype, (None, PAGE))
        if used == PAGE:
            page, used = get_array_module(like).empty(PAGE, dtype=dtype), 0
        self._pages[dtype] = page, used + 1
        return page[used : used + 1].reshape(())

    def kept_if_small(self, owner: Hashable, role: str, shape: tuple[int, ...], like: Array) -> tuple[Array, bool]:
        """Return an array, and whether the owner keeps it until backward; if it is larger than KEPT, it is scratch."""
        if prod(shape) * like.itemsize <= KEPT:
            return self.array(owner, role, shape, like), True
        return self.scratch(role, shape, like), False

    def _allocate(self, size: int, dtype: np.dtype[Any], like: Array) -> Array:
        """Return new memory for `size` numbers."""
        xp, n_bytes = get_array_module(like), size * dtype.itemsize
        if not SMALL <= n_bytes <= LARGE:
            return xp.empty(size, dtype=dtype)
        if self._slab is None or self._slab.size < n_bytes:
            self._slab = xp.empty(SLAB, dtype=np.uint8)
        buffer, self._slab = self._slab[:n_bytes], self._slab[-(-n_bytes // CACHE_LINE) * CACHE_LINE :]
        return buffer.view(dtype)

    def once(self, owner: Hashable, role: str, make: Callable[[], Any]) -> Any:
        """Return what make() returned at the first call: for constants that every step needs."""
        if (owner, role) not in self._constants:
            self._constants[owner, role] = make()
        return self._constants[owner, role]
