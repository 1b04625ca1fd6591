"""The running means of an epoch: losses and wrong answers wait where they were computed until somebody looks.

On a GPU each look costs a wait and a copy, so the numbers of several steps are brought over at once. The sums are taken step
by step, so that they do not depend on how often somebody looked.
"""

import numpy as np

from minisgl.backend import Array, get_array_module, to_host


class EpochMetrics:
    """Sums over an epoch's images so far: `loss_sum` of the losses, `wrong` answers, images `seen`, `steps` counted."""

    def __init__(self, steps: int = 0, loss_sum: float = 0.0, wrong: int = 0, seen: int = 0) -> None:
        self.steps, self.loss_sum, self.wrong, self.seen = steps, loss_sum, wrong, seen
        self._waiting: list[tuple[Array, Array, int]] = []

    def add(self, loss: Array, wrong: Array, images: int) -> None:
        """One step's mean loss and number of wrong answers, scalars of any array module, over so many images."""
        self._waiting.append((loss, wrong, images))

    def fetch(self) -> tuple[int, float] | None:
        """Count what is waiting; the step, from 0, and the loss of the first that is no number, None if all are numbers."""
        if not self._waiting:
            return None
        losses, wrongs, images = zip(*self._waiting, strict=True)
        xp = get_array_module(losses[0])
        values, counts = to_host(xp.stack(losses)), to_host(xp.stack(wrongs))  # (waiting,) each: two copies, not two a step
        bad = np.flatnonzero(~np.isfinite(values))
        first = (self.steps + int(bad[0]), float(values[bad[0]])) if bad.size else None
        for value, count, size in zip(values, counts, images, strict=True):
            self.loss_sum += float(value) * size
            self.wrong += int(count)
            self.seen += size
        self.steps += len(values)
        self._waiting.clear()
        return first

    @property
    def loss(self) -> float:
        """The mean loss over the images counted."""
        return self.loss_sum / self.seen

    @property
    def error(self) -> float:
        """Percent of the images counted that were wrong."""
        return 100 * self.wrong / self.seen
