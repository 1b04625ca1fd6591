"""The gradient of the group lasso, with its work divided among the ranks.

    d/dw  lam sqrt(n_g) ||w_g||  =  scale_g * w,     scale_g = lam sqrt(n_g) / ||w_g||,  and 0 for a zero group

A block may hold only parts of its groups (it has rows of fc1, whose groups are columns). So the scales of all groups are
computed before any block is updated. Each rank computes the scales of its share of the groups.
"""

from dataclasses import dataclass, replace

from minisgl.backend import Array
from minisgl.nn import Block, Slot
from minisgl.penalties import GroupLasso
from minisgl.penalties.groups import within
from minisgl.solver.protocol import Put


@dataclass(frozen=True)
class GroupScales:
    """One layer's group scales: `values` broadcasts with its weights; `axes` are the axes that number the groups."""

    slot: Slot
    group: GroupLasso
    axes: tuple[int, ...]
    values: Array

    @classmethod
    def of(cls, slot: Slot, group: GroupLasso, flat: Array) -> "GroupScales":
        """Return the scales of the layer whose weights are in this slot of flat (size,)."""
        w = slot.view(flat)
        axes = tuple(axis for axis in range(w.ndim) if axis not in within(w, group.groups))
        return cls(slot, group, axes, group.scale(w))

    def update(self, flat: Array, rank: int, ranks: int) -> None:
        """Recompute the rank's share of the scales from flat (size,), in place."""
        w = self.slot.view(flat)
        if not self.axes:  # the whole layer is one group
            if rank == 0:
                self.group.scale(w, out=self.values)
            return
        axis, count = self.axes[0], w.shape[self.axes[0]]
        share = (*[slice(None)] * axis, slice(count * rank // ranks, count * (rank + 1) // ranks))
        self.group.scale(w[share], out=self.values[share])

    def for_block(self, block: Block) -> Array:
        """Return the scales that broadcast with this block of the layer."""
        return self.values[block.rows] if 0 in self.axes else self.values

    def moved(self, put: Put) -> "GroupScales":
        """Return the same scales in a copy made by `put`."""
        return replace(self, values=put(self.values))
