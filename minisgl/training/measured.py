"""W and V as they are measured and saved.

Two things are needed for networks with batch normalisation. If all weights of an output channel are zero, the output of a batch
normalisation directly after the convolution is set to 0 there. Otherwise ReLU(shift) would remain as a constant. And V gets its
own running statistics, since W's do not fit V's weights (nn/statistics.py).
"""

from collections.abc import Callable
from typing import Any

from minisgl.analysis import sparsity
from minisgl.backend import Array
from minisgl.config import TrainConfig
from minisgl.data.batches import batches
from minisgl.data.labelled import LabelledImages
from minisgl.nn import BatchNorm2d, Network
from minisgl.nn.following import followers
from minisgl.nn.statistics import has_statistics
from minisgl.solver.protocol import Solver
from minisgl.training.shards import Shards

STATISTICS = 5_000  # training images on which V's statistics are estimated


def silence_dead_channels(network: Network) -> None:
    """Set to 0 the outputs of each batch normalisation in the channels where the convolution right before it has no weights."""
    layers, follower = dict(network.walk()), followers(network)
    for name, slot in network.layout.weights.items():
        after = layers.get(follower.get(name, ""))
        if isinstance(after, BatchNorm2d) and slot.unit_axis == 0:
            weight = slot.view(network.flat)
            dead = ~(weight != 0).reshape(len(weight), -1).any(axis=1)  # (K,)
            bias = getattr(layers[name], "bias", None)
            after.bias[dead] = 0
            after.running_mean[dead] = 0 if bias is None else bias[dead]


def images_as_in_training(train: LabelledImages, config: TrainConfig) -> Array:
    """Return some training images (N, C, H, W), shifted and mirrored as they would be in an epoch after the last.

    Statistics of unshifted images would not fit weights that were trained with shifted ones, which have black borders.
    """
    drawn = {"seed": config.seed, "epoch": config.epochs, "shift": config.data.shift}
    return next(batches(train, STATISTICS, flip=config.data.flip, **drawn)).images


def network(solver: Solver, which: str, shards: Shards, images: Callable[[], Array]) -> Network:
    """Return a copy of the network "w" or "v". images() returns the images (N, C, H, W) for V's statistics."""
    found = solver.reported(which)
    if has_statistics(found):
        silence_dead_channels(found)
        if which == "v" and solver.splits:
            shards.estimate_statistics(found, images())
    return found


def record(network: Network, shards: Shards, images: LabelledImages) -> dict[str, Any]:
    """Return what an epoch's record says of a network, measured on these images."""
    counts = sparsity.count(network)
    empty = sparsity.empty_layers(network, counts)
    return {
        "error": shards.error(network, images.images, images.labels),
        "weight_sparsity": sparsity.weight_sparsity(network.weights),
        "unit_sparsity": sparsity.unit_sparsity(counts),
        **({"empty_layers": empty} if empty else {}),
    }
