"""Wrong answers to the tasks of chapter 05: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft


def in_place(v, lam):
    v[np.abs(v) <= np.sqrt(2 * lam)] = 0
    return v


PLANTED = {
    "05.hard_threshold": [
        (lambda v, lam: np.where(np.abs(v) > lam, v, 0), "threshold is lam itself"),
        (lambda v, lam: np.where(np.abs(v) > np.sqrt(lam), v, 0), "threshold is sqrt(lam): something"),
        (lambda v, lam: soft(v, np.sqrt(2 * lam)), "is shrunk"),
        (lambda v, lam: np.where(np.abs(v) > np.sqrt(2 * lam), np.abs(v), 0), "sign is lost"),
        (lambda v, lam: np.where(v > np.sqrt(2 * lam), v, 0), "on either side"),
        (lambda v, lam: np.where(np.abs(v) <= np.sqrt(2 * lam), v, 0), "drop the large"),
        (lambda v, lam: np.where(np.abs(v) >= np.sqrt(2 * lam), v, 0), "at a tie"),
        (in_place, "writes into its argument"),
        (lambda v, lam: None, "returns nothing"),
        (lambda v, lam: np.where(np.abs(v) > np.sqrt(2 * lam), v, 0).ravel(), "the shape"),
        (lambda v, lam: [x if abs(x) > np.sqrt(2 * lam) else 0 for x in v], "an array is wanted"),
        (lambda v, lam: v if abs(v) > np.sqrt(2 * lam) else 0 * v, "stops with an error"),
        (lambda v, lam: v * (np.abs(v) > 2 * lam**0.5), "2 sqrt(lam):"),
        (lambda v, lam: v * (np.abs(v) > (lam / 2) ** 0.5), "sqrt(lam/2)"),
        (lambda v, lam: v * (np.abs(v) > 2**0.5 * lam), "sqrt(2) lam"),
        (lambda v, lam: (np.abs(v) > np.sqrt(2 * lam)).astype(v.dtype), "1 for what is kept"),
        (lambda v, lam: np.sign(v) * np.maximum(np.abs(v) - lam, 0), "the prox of lam |x|"),
    ],
    "05.least_cost": [
        (lambda v, lam: np.minimum(v**2 / 2, lam), "all of them together"),
        (lambda v, lam: np.minimum(v**2, lam), "one number is wanted"),
        (lambda v, lam: np.minimum(v**2 / 2, lam).sum() / max(v.size, 1), "a mean is not a sum"),
        (lambda v, lam: np.minimum(v**2, lam).sum(), "factor 1/2 of"),
        (lambda v, lam: lam * np.count_nonzero(np.abs(v) > np.sqrt(2 * lam)), "to drop the others"),
        (lambda v, lam: (v[np.abs(v) <= np.sqrt(2 * lam)] ** 2 / 2).sum(), "and forget that what is kept costs"),
        (lambda v, lam: 1.0, "the numbers differ"),
        (lambda v, lam: lam * (v != 0).sum(), "you keep every weight"),
        (lambda v, lam: np.sum(v * v / 2), "you drop every weight"),
        (lambda v, lam: min(lam * (v != 0).sum(), np.sum(v * v / 2)), "decides for itself"),
        (lambda v, lam: (v * v / 2 + lam * (np.abs(v) > np.sqrt(2 * lam))).sum(), "there x is v"),
        (lambda v, lam: np.float64("nan"), "your result is nan"),
    ],
    "05.lam_to_keep": [
        (lambda v, k: np.sort(np.abs(v), axis=None)[::-1][k] if k < v.size else 0.0, "lam is the threshold. The"),
        (lambda v, k: np.sort(np.abs(v), axis=None)[::-1][k] ** 2 if k < v.size else 0.0, "threshold squared"),
        (lambda v, k: np.sort(v, axis=None)[::-1][k] ** 2 / 2 if k < v.size else 0.0, "in size"),
        (lambda v, k: np.sort(np.abs(v), axis=None)[::-1][k - 1] ** 2 / 2, "one too few is kept"),
        (lambda v, k: 0.0, "with your lam too many"),
        (lambda v, k: -1.0, "not below zero"),
        (lambda v, k: np.sort(np.abs(v), axis=None)[k - 1] ** 2 / 2, "you drop k entries"),
        (lambda v, k: np.sort(np.append(np.abs(v), [0, 0]))[::-1][k + 1] ** 2 / 2, "one too many is kept"),
        (lambda v, k: float("nan"), "your result is nan"),
    ],
}
