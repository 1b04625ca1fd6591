"""How many weights each layer keeps, when a network keeps a given number of them.

    uniform    d_l = m/n                           the same density in every layer
    erk        d_l = min(1, eps * sum(shape_l) / prod(shape_l)),    eps such that  sum_l d_l n_l = m

with n_l the weights of layer l, n = sum_l n_l, and m the weights that all layers keep together. A weight of shape (K, C, R, S)
gets a density in proportion to (K + C + R + S)/(K C R S): small layers keep a larger share than large ones. For a linear layer
this is the Erdos-Renyi random graph, (D_out + D_in)/(D_out D_in); for a convolution its kernel counts too (ERK). Layers whose
density would exceed 1 are dense, and eps is computed again for the others.

Whole numbers of weights follow by the largest remainder: each d_l n_l is rounded down, and the weights that are still missing
go to the layers with the largest fractional parts. The sum is exactly m.

Sources: Mocanu et al., "Scalable training of artificial neural networks with adaptive sparse connectivity inspired by network
science", Nature Communications 9 (2018) 2383, arXiv 1707.04780 (Erdos-Renyi); Evci et al., "Rigging the lottery", ICML 2020,
arXiv 1911.11134 (the kernel).
"""

from collections.abc import Sequence
from math import prod

from minisgl.solver.quantile import count_for

Shapes = Sequence[tuple[int, ...]]


def densities(shapes: Shapes, kept: int, kind: str) -> list[float]:
    """Return each layer's density, 0 <= d <= 1, if 0 <= kept <= n weights stay. kind: "uniform" or "erk"."""
    sizes = [prod(shape) for shape in shapes]
    if kind == "uniform":
        return [kept / sum(sizes)] * len(sizes)
    raw, dense = [sum(shape) / size for shape, size in zip(shapes, sizes, strict=True)], set[int]()
    while True:
        others = [i for i in range(len(sizes)) if i not in dense]
        left = kept - sum(sizes[i] for i in dense)
        eps = left / sum(raw[i] * sizes[i] for i in others) if others else 0.0
        if not (over := {i for i in others if eps * raw[i] > 1}):
            return [1.0 if i in dense else eps * raw[i] for i in range(len(sizes))]
        dense |= over


def kept_by_layer(shapes: Shapes, sparsity: float, kind: str) -> list[int]:
    """Return how many weights each layer keeps, if the share `sparsity` of all weights, 0 < sparsity < 1, is zero."""
    sizes = [prod(shape) for shape in shapes]
    kept = sum(sizes) - count_for(sparsity, sum(sizes))
    wanted = [d * size for d, size in zip(densities(shapes, kept, kind), sizes, strict=True)]
    whole = [min(int(number), size) for number, size in zip(wanted, sizes, strict=True)]
    by_remainder = sorted(range(len(sizes)), key=lambda i: whole[i] - wanted[i])
    for i in [i for i in by_remainder if whole[i] < sizes[i]][: kept - sum(whole)]:
        whole[i] += 1
    return whole
