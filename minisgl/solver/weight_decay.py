"""Weight decay: it costs decay/2 * w^2 for every trained parameter, except for the weights that an r acts on.

    d/dw  decay/2 * w^2  =  decay * w

This is added to the loss's gradient before the optimiser gets it, as in PyTorch's SGD and Adam, but not as in AdamW. The
weights of layers with an r are left out: r decides about their size, and decay would shrink those that r keeps. Free parameters
(biases, scales, shifts) decay, buffers do not. In the refit the same parameters decay as before it: the refit ends the
penalties and the coupling, but not the decay.

Source: Krogh, Hertz, "A simple weight decay can improve generalization", NIPS 1991.
"""

from dataclasses import dataclass

from minisgl.backend import Array
from minisgl.nn import Block, Network, Slot


@dataclass(frozen=True)
class WeightDecay:
    """The decay >= 0, and the `spared` weights, which do not decay."""

    decay: float = 0.0
    spared: frozenset[Slot] = frozenset()

    def of(self, block: Block) -> float:
        """Return the decay of this block's parameters."""
        return 0.0 if block.slot in self.spared else self.decay

    def add_gradient(self, block: Block, flat: Array, gradient: Array) -> None:
        """Add decay * w to this block of gradient (size,), in place, for the parameters in flat (size,)."""
        if decay := self.of(block):  # without decay, no arithmetic
            g = block.view(gradient)
            g += decay * block.view(flat)

    def value(self, network: Network) -> float:
        """Return decay/2 times the sum of the squares."""
        decaying = [slot for slot in (*network.layout.weights.values(), network.layout.free) if slot not in self.spared]
        return self.decay / 2 * sum((slot.view(network.flat) ** 2).sum().item() for slot in decaying)
