"""The group lasso's gradient, shared out among ranks.

    d/dw  lam sqrt(n_g) ||w_g||  =  scale_g * w,     scale_g = lam sqrt(n_g) / ||w_g||,  and 0 for a zero group

A block of a layer may cut through its groups (rows of fc1, whose groups are columns), so the scales of all groups are computed
before any block is updated. Each rank computes those of its share of the groups.
"""

from dataclasses import dataclass, replace

from minisgl.backend import Array
from minisgl.nn import Block, Slot
from minisgl.penalties import GroupLasso
from minisgl.penalties.groups import within
from minisgl.solver.protocol import Put


@dataclass(frozen=True)
class GroupScales:
    """One layer's group scales: `values` broadcasts with its weights, and `axes` are those that number the groups."""

    slot: Slot
    group: GroupLasso
    axes: tuple[int, ...]
    values: Array

    @classmethod
    def of(cls, slot: Slot, group: GroupLasso, flat: Array) -> "GroupScales":
        """The scales of the layer whose weights lie in this slot of flat (size,)."""
        w = slot.view(flat)
        axes = tuple(axis for axis in range(w.ndim) if axis not in within(w, group.groups))
        return cls(slot, group, axes, group.scale(w))

    def update(self, flat: Array, rank: int, ranks: int) -> None:
        """Compute the rank's share of the scales anew from flat (size,), in place."""
        w = self.slot.view(flat)
        if not self.axes:  # the whole layer is one group
            if rank == 0:
                self.values[...] = self.group.scale(w)
            return
        axis, count = self.axes[0], w.shape[self.axes[0]]
        share = (*[slice(None)] * axis, slice(count * rank // ranks, count * (rank + 1) // ranks))
        self.values[share] = self.group.scale(w[share])

    def for_block(self, block: Block) -> Array:
        """The scales that broadcast with a block of the layer."""
        return self.values[block.rows] if 0 in self.axes else self.values

    def moved(self, put: Put) -> "GroupScales":
        """The same scales in a copy that `put` makes."""
        return replace(self, values=put(self.values))
