"""The blocks in which a solver updates a network's parameters.

A block is a range of rows of one layer's weights, or a range of the free parameters (such as biases). All arithmetic on a block
is done before the next block, so that it is read from memory once. Each block is updated by one rank.
"""

from minisgl.backend import block_size
from minisgl.nn import Block, Network

BLOCK_SIZE = 65_536  # numbers, 256 KiB in float32: smaller blocks need more calls, larger ones leave the core's cache


def trained_blocks(network: Network) -> list[Block]:
    """Return blocks that cover every trained parameter once, and no buffer: weights layer by layer, then free parameters."""
    layout, size = network.layout, block_size(network.flat, BLOCK_SIZE)
    return [block for slot in (*layout.weights.values(), layout.free) for block in slot.blocks(size)]
