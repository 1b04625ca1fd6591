"""The blocks in which a solver updates a network's parameters.

A block is some rows of one layer's weights, or a run of the free parameters (biases and the like). It gets all of its
arithmetic before the next one is touched, so that it is read from memory once; and each block is updated by one rank.
"""

from minisgl.backend import block_size
from minisgl.nn import Block, Network

BLOCK_SIZE = 16_384  # numbers: 64 KiB in float32, so that a block of every vector of an update fits a 1 MiB cache


def trained_blocks(network: Network) -> list[Block]:
    """Blocks that cover every trained parameter once, and no buffer: each layer's weights by rows, then the free parameters."""
    layout, size = network.layout, block_size(network.flat, BLOCK_SIZE)
    return [block for slot in (*layout.weights.values(), layout.free) for block in slot.blocks(size)]
