"""Wrong answers to the tasks of chapter 04: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft

PLANTED = {
    "04.soft_threshold": [
        (lambda v, t: np.maximum(np.abs(v) - t, 0), "sign is lost"),
        (lambda v, t: np.sign(v) * (np.abs(v) - t), "other side of zero"),
        (lambda v, t: np.where(np.abs(v) > t, v, 0), "are not shrunk"),
        (lambda v, t: np.maximum(v - t, 0), "only the positive"),
        (lambda v, t: np.where(np.abs(v) > t, v - t, 0), "grow in size instead of shrinking"),
        (lambda v, t: soft(v, t / 2), "half of t"),
        (lambda v, t: -soft(v, t), "opposite sign"),
        (lambda v, t: soft(v, t).astype(np.float64), "dtype of the argument"),
        (lambda v, t: soft(v, t) + 1e-9, "almost zero"),
    ],
    "04.ridge_prox": [
        (lambda v, t: v - t * v, "gradient step"),
        (lambda v, t: v / (1 + 2 * t), "a 2 too many"),
        (soft, "soft threshold"),
        (lambda v, t: v * (1 + t), "further from zero"),
    ],
    "04.proximal_gradient_step": [
        (lambda w, g, lr, lam: soft(w - lr * g, lam), "the threshold is lam"),
        (lambda w, g, lr, lam: soft(w + lr * g, lr * lam), "uphill"),
        (lambda w, g, lr, lam: soft(w, lr * lam) - lr * g, "threshold first"),
        (lambda w, g, lr, lam: w - lr * (g + lam * np.sign(w)), "subgradient"),
        (lambda w, g, lr, lam: soft(w, lr * lam), "does not count"),
        (lambda w, g, lr, lam: soft(w - g, lr * lam), "where is lr"),
    ],
}
