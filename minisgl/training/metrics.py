"""The running means of an epoch. Losses and numbers of wrong answers stay on the device until they are fetched.

On a GPU each fetch waits for the steps and copies, so the numbers of several steps are fetched at once. They are summed step by
step, so the sums do not depend on how often they are fetched.
"""

import numpy as np

from minisgl.backend import Array, get_array_module, to_host


class EpochMetrics:
    """Sums over an epoch's images so far: `loss_sum` of the losses, `wrong` answers, images `seen`, and number of `steps`."""

    def __init__(self, steps: int = 0, loss_sum: float = 0.0, wrong: int = 0, seen: int = 0) -> None:
        self.steps, self.loss_sum, self.wrong, self.seen = steps, loss_sum, wrong, seen
        self._pending: list[tuple[Array, Array, int]] = []

    def add(self, loss: Array, wrong: Array, images: int) -> None:
        """Add one step's mean loss and number of wrong answers over this many images; both are scalars on the device."""
        self._pending.append((loss, wrong, images))

    def fetch(self) -> tuple[int, float] | None:
        """Fetch and sum what was added. Return the first step (from 0) whose loss is not finite, and the loss; else None."""
        if not self._pending:
            return None
        losses, wrongs, images = zip(*self._pending, strict=True)
        xp = get_array_module(losses[0])
        values, counts = to_host(xp.stack(losses)), to_host(xp.stack(wrongs))  # (steps,) each: two copies, not two per step
        bad = np.flatnonzero(~np.isfinite(values))
        first = (self.steps + int(bad[0]), float(values[bad[0]])) if bad.size else None
        for value, count, size in zip(values, counts, images, strict=True):
            self.loss_sum += float(value) * size
            self.wrong += int(count)
            self.seen += size
        self.steps += len(values)
        self._pending.clear()
        return first

    @property
    def loss(self) -> float:
        """The mean loss over the images seen."""
        return self.loss_sum / self.seen

    @property
    def error(self) -> float:
        """The percentage of wrong answers over the images seen."""
        return 100 * self.wrong / self.seen
