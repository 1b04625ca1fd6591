"""The threshold that sets a wanted share of the weights to zero: a quantile of their sizes, over several layers together.

    tau = |w|_(k),    k the smallest whole number with k/n >= share

where |w|_(1) <= ... <= |w|_(n) are the sizes of the n weights in order. A separable prox with the threshold tau sets the
weights with |w| <= tau to 0: exactly k of them, or more if several have the size tau.

The prox gets tau through step_for. If the arithmetic there rounded tau down, the k-th weight would stay. So tau is raised a
little: by half of the gap to the next size, but by at most a part in 2^26, which float32 rounds away again.
"""

from collections.abc import Sequence
from math import isfinite

from minisgl.backend import Array, get_array_module, to_host


def count_for(share: float, n: int) -> int:
    """Return the smallest k with k/n >= share, for 0 <= share <= 1 and n > 0."""
    k = int(share * n)
    return k + (k / n < share)


def threshold_for(weights: Sequence[Array], share: float) -> float:
    """Return the threshold that sets this share of all weights in the arrays, 0 <= share <= 1, to zero; 0 for a share of 0.

    The arrays may have any shapes, and hold at least one weight. On a device this fetches two numbers.
    """
    xp = get_array_module(weights[0])
    sizes = xp.concatenate([xp.abs(w).reshape(-1) for w in weights])  # (n,)
    k = count_for(share, sizes.size)
    if k == 0:
        return 0.0
    ordered = xp.partition(sizes, k - 1)  # (n,): the k smallest come first, the largest of them last
    above = ordered[k:].min() if k < sizes.size else ordered[k - 1] * 2
    tau, after = map(float, to_host(xp.stack([ordered[k - 1], above])))
    raised = tau + min((after - tau) / 2, tau * 2**-26)
    return raised if isfinite(raised) else 0.0  # of a run that diverges, which the training loop stops
