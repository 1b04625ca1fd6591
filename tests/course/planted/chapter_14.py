"""Wrong answers to the tasks of chapter 14: for each check, functions, each with a part of the message that it must get."""

from math import comb

import numpy as np


def ramp(passed=lambda t, t0, t1: np.clip((t - t0) / (t1 - t0), 0, 1), share=lambda q: 1 - (1 - q) ** 3):
    """agp_share with another time that has passed, or another share of what is removed by then."""
    return lambda t, final, t0, t1: final * share(passed(t, t0, t1))


def in_place(t, final, t0, t1):
    t -= t0
    return final * (1 - (1 - np.clip(t / (t1 - t0), 0, 1)) ** 3)


def coins(of=lambda less, more, n: (max(less, more), less + more), sides=2, cap=True, first=0):
    """sign_test with another k and n, one side, without a cap, or from k + first on."""

    def answer(a, b):
        k, n = of(int((a < b).sum()), int((a > b).sum()), len(a))
        p = sides * sum(comb(n, i) for i in range(k + first, n + 1)) * 0.5**n
        return min(p, 1.0) if cap else p

    return answer


def exactly(a, b):
    k, n = int((a < b).sum()), int((a != b).sum())
    return min(1.0, 2 * comb(n, k) / 2**n)


def adjusted(factors=lambda m: m - np.arange(m), climb=np.maximum.accumulate, top=1.0, back=True):
    """holm with other factors, or without one of its steps."""

    def answer(p):
        order = p.argsort()
        found = np.minimum(climb(p[order] * factors(p.size)), top)
        return found[order.argsort()] if back else found

    return answer


def unsorted(p):
    return np.minimum(np.maximum.accumulate(p * (p.size - np.arange(p.size))), 1)


def benjamini_hochberg(p):
    order = p.argsort()
    found = np.minimum.accumulate((p[order] * p.size / np.arange(1, p.size + 1))[::-1])[::-1]
    return np.minimum(found, 1)[order.argsort()]


def downwards(p):
    order = np.argsort(-p)
    found = np.minimum(np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))), 1)
    return found[order.argsort()]


PLANTED = {
    "14.agp_share": [
        (ramp(share=lambda q: q), "straight ramp"),
        (ramp(share=lambda q: q**3), "begins slowly"),
        (ramp(lambda t, t0, t1: np.minimum((t - t0) / (t1 - t0), 1)), "shares below zero"),
        (ramp(lambda t, t0, t1: np.maximum((t - t0) / (t1 - t0), 0)), "past the end"),
        (ramp(lambda t, t0, t1: (t - t0) / (t1 - t0)), "before t0 and after t1"),
        (ramp(lambda t, t0, t1: np.clip(t / t1, 0, 1)), "begins at 0"),
        (ramp(lambda t, t0, t1: np.clip((t - t0) / t1, 0, 1)), "t1 in all"),
        (lambda t, final, t0, t1: ramp()(t, 1.0, t0, t1), "final is missing"),
        (ramp(share=lambda q: (1 - q) ** 3), "still to be removed"),
        (lambda *given: 1 - ramp()(*given), "are left, not of zeros"),
        (ramp(share=lambda q: 1 - (1 - q) ** 2), "your power is 2"),
        (lambda t, final, t0, t1: ramp()(t, final, t0, t1).tolist(), "an array is wanted"),
        (in_place, "writes into its argument t"),
        (ramp(share=lambda q: 1 - q**3), "falls from final to 0"),
        (lambda t, final, t0, t1: ramp()(t, final, t0, t1) * (t <= t1), "after t1 your share"),
        (ramp(lambda t, t0, t1: np.clip((t - t0) / (1 - t0), 0, 1)), "until the end of the run"),
    ],
    "14.sign_test": [
        (coins(sides=1), "one-sided: if the other"),
        (coins(cap=False), "above 1"),
        (coins(lambda less, more, n: (max(less, more), n)), "ties count"),
        (coins(first=1), "only what is more one-sided"),
        (exactly, "exactly this result"),
        (coins(lambda less, more, n: (less, less + more)), "the wins of a"),
        (coins(lambda less, more, n: (more, less + more)), "the wins of b"),
        (lambda a, b: 1 - coins()(a, b), "1 - p"),
        (lambda a, b: np.array([coins()(a, b)]), "one number is wanted"),
        (lambda a, b: float(np.mean(a - b)), "the numbers differ"),
        (coins(lambda less, more, n: (min(less, more), less + more)), "the smaller number of wins"),
        (lambda a, b: min(1.0, 2 * 0.5 ** int((a != b).sum())), "fall on one side"),
        (coins(lambda less, more, n: (n - min(less, more), n)), "the ties are given"),
    ],
    "14.holm": [
        (lambda p: np.minimum(p * p.size, 1), "Bonferroni"),
        (adjusted(climb=lambda raised: raised), "none may fall below"),
        (adjusted(back=False), "they are sorted: put"),
        (adjusted(top=np.inf), "above 1"),
        (adjusted(lambda m: 1 + np.arange(m)), "the factors grow"),
        (adjusted(lambda m: m - 1 - np.arange(m)), "one too small"),
        (adjusted(lambda m: m + 1 - np.arange(m)), "one too large"),
        (unsorted, "sort first"),
        (benjamini_hochberg, "Benjamini"),
        (lambda p: p, "entries differ"),
        (lambda p: adjusted()(p).tolist(), "an array is wanted"),
        (lambda p: adjusted(back=False)(p)[p.argsort()], "Sorting once more"),
        (downwards, "begin with the largest"),
        (adjusted(lambda m: 1 / (m - np.arange(m))), "divide by the factors"),
    ],
}
