"""Which units of each step's output stay in the smaller network: the needed ones, and what sums keep together with them.

A sum y = a + b adds channel to channel, so a, b and y must keep the same channels. So must the input and the output of ReLU,
of pooling, and of a scale and shift. All outputs that must keep the same channels are one stream. If the shortcuts are
identities, a stream extends through a whole stage. A unit of a stream stays if it is needed in any of the stream's outputs:

    kept(stream) = any over its outputs of needed          all channels of the image, all logits

Only convolutions, linear layers, Flatten and Gather begin a new stream. Flatten and Gather only pass units on: if a position
after Flatten stays, so does its channel.

A unit that stays without being needed does no harm: no layer reads it, and what it is added to is not needed either. A stream
in which no unit is needed keeps its first as a placeholder.
"""

from collections.abc import Sequence

import numpy as np

from minisgl.analysis.liveness import Liveness
from minisgl.nn import Conv2d, Flatten, Gather, Linear, Step
from minisgl.nn.step import IMAGE

MIXING = (Conv2d, Linear, Flatten, Gather)


class Kept:
    """Which units stay, by the name of a step: all steps of a stream share one array of flags, one a unit."""

    def __init__(self, order: Sequence[Step], found: Liveness) -> None:
        self._streams = {name: np.zeros(len(units), bool) for name, units in found.needed.items()}
        for step in order:
            if type(step.layer) not in MIXING:
                for before in step.reads:
                    self._tie(before, step.name)
        for name, needed in found.needed.items():
            self._streams[name] |= needed
        self._streams[IMAGE][:] = True
        self._placeholders = {id(stream) for stream in self._streams.values() if not stream.any()}
        for name in self._streams:
            if self.is_placeholder(name):
                self._streams[name][0] = True
        while any(self._gets(step) for step in order):
            pass

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the numbers of the units that stay, in ascending order."""
        return np.flatnonzero(self._streams[name])

    def is_placeholder(self, name: str) -> bool:
        """Return whether no unit of the stream is needed."""
        return id(self._streams[name]) in self._placeholders

    def _tie(self, one: str, other: str) -> None:
        """Merge two streams."""
        kept, gone = self._streams[one], self._streams[other]
        self._streams.update({name: kept for name, stream in self._streams.items() if stream is gone})

    def _gets(self, step: Step) -> bool:
        """Keep the inputs of the units that stay after a Flatten or Gather. Return whether that has added units."""
        before, after = self._streams[step.reads[0]], self._streams[step.name]
        if self.is_placeholder(step.name):
            return False
        count = np.count_nonzero(before)
        if isinstance(step.layer, Flatten):
            before |= after.reshape(len(before), -1).any(axis=1)
        if isinstance(step.layer, Gather):
            before[step.layer.index[after]] = True
        grown = bool(np.count_nonzero(before) > count)
        if grown:
            self._placeholders.discard(id(before))
        return grown
