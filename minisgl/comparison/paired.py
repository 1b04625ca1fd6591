"""Is one method really better than another? Tests on paired results: the same seeds, and the same test images.

Two methods are compared twice. d > 0 means that the first has more errors.

    over seeds     d_s, the difference of the two test errors with seed s. If the methods were equal, each d_s would be positive
                   or negative with probability 1/2; so of n differences that are not 0, k are positive, k ~ binomial(n, 1/2)
    over images    d_i, the difference of how often, over all seeds, image i is classified wrong. If the methods were equal,
                   each d_i could as well have the other sign; so sum s_i d_i with random signs s_i is as likely as sum d_i

Both tests are two-sided: p is twice the probability of a result at least as far on the same side, and at most 1. They answer
different questions, whether other seeds or other images would give the same order. A method is called better only if both are
significant after Holm's correction for the number of comparisons.

With m comparisons the i-th smallest p is multiplied by m - i + 1, and no corrected p is below the one before it. Then the
probability of any false claim is at most the level, whatever the dependence between the comparisons.

Sources: Dixon, Mood, J. Am. Stat. Assoc. 41 (1946) 557 (sign test); Fisher, "The Design of Experiments", 1935, section 21
(random signs); Holm, Scand. J. Statist. 6 (1979) 65.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from minisgl.comparison.results import Result

DRAWN = 100_000  # random signs
AT_A_TIME = 1_000


def sign_test(differences: Sequence[float]) -> float:
    """Return p of the sign test over seeds: two-sided and exact. Differences of 0 are left out; 1.0 if none remains."""
    d = np.asarray(differences, float)
    positive, negative = int((d > 0).sum()), int((d < 0).sum())
    return float(stats.binomtest(positive, positive + negative).pvalue) if positive + negative else 1.0


def sign_flip_test(differences: Sequence[float], seed: int = 0, drawn: int = DRAWN) -> float:
    """Return p of the test over images: exact if there are at most `drawn` choices of signs, else with so many random ones."""
    d = np.asarray(differences, float)
    d = d[d != 0]  # a sign changes nothing at 0
    if d.size < 2:  # a single one is as far with either sign
        return 1.0
    flipped = stats.permutation_test(
        (d, np.zeros_like(d)),  # to exchange d_i and 0 changes the sign of their difference
        lambda x, y, axis: (x - y).sum(axis),
        permutation_type="samples",
        n_resamples=drawn,
        batch=AT_A_TIME,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(flipped.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Return the p-values with Holm's correction, in the same order."""
    found = np.asarray(p, float)
    order = np.argsort(found)
    factors = len(found) - np.arange(len(found))  # m, m - 1, ..., 1
    corrected = np.empty_like(found)
    corrected[order] = np.minimum(np.maximum.accumulate(found[order] * factors), 1.0)
    return corrected.tolist()


def compare(first: Sequence[Result], second: Sequence[Result]) -> tuple[float, float]:
    """Return p of two methods, over seeds and over images. ValueError unless both have the same seeds, and lists of images."""
    ours, theirs = ({run.seed: run for run in runs} for runs in (first, second))
    if ours.keys() != theirs.keys() or any(run.wrong is None for run in (*first, *second)):
        raise ValueError(f"paired results need the same seeds and their wrong images: {sorted(ours)} and {sorted(theirs)}")
    over_seeds = [ours[seed].test_error - theirs[seed].test_error for seed in ours]
    over_images = Counter[int]()
    for run in first:
        over_images.update(run.wrong or ())
    for run in second:
        over_images.subtract(run.wrong or ())
    return sign_test(over_seeds), sign_flip_test([over_images[image] for image in sorted(over_images)])
