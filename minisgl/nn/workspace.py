"""Scratch memory that outlives a step, so that a training step allocates next to nothing.

A fresh 2 MB array costs more in page faults than the arithmetic that fills it. A Workspace hands out the same memory at
every step. It belongs to whoever runs the passes, one per thread of passes, never to a layer: two shards of a batch then
run over the same layers without touching each other's numbers.
"""

from collections.abc import Callable
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

from minisgl.backend import Array, get_array_module


class Workspace:
    """Arrays kept by (owner, role): what a layer got for a role is overwritten when it asks for that role again.

    A cache made with a workspace is therefore valid until that workspace's next forward. Memory goes when its owner goes.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[object, dict[str, Any]] = WeakKeyDictionary()

    def array(self, owner: object, role: str, shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
        """Return an uninitialised array of this shape, of the array module of `like` and of its dtype, or of `dtype`.

        A smaller request (the last, partial batch) is a view of the larger buffer, so sizes may change freely.
        """
        size, dtype = prod(shape), dtype or like.dtype
        buffers = self._kept.setdefault(owner, {})
        buffer = buffers.get(role)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = buffers[role] = get_array_module(like).empty(size, dtype=dtype)
        return buffer[:size].reshape(shape)

    def once(self, owner: object, role: str, make: Callable[[], Any]) -> Any:
        """What make() returned at the first call: for constants that are wanted at every step."""
        kept = self._kept.setdefault(owner, {})
        if role not in kept:
            kept[role] = make()
        return kept[role]
