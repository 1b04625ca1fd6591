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
        (lambda v, t: v - t, "from every entry"),
        (lambda v, t: v - soft(v, t), "that is what v loses"),
        (lambda v, t: np.where(np.abs(v) <= t, v, v - t * np.sign(v)), "stay as they are"),
        (lambda v, t: np.sign(v) * np.where(np.abs(v) > t, np.abs(v) + t, 0), "the large entries grow"),
    ],
    "04.ridge_prox": [
        (lambda v, t: v - t * v, "gradient step"),
        (lambda v, t: v / (1 + 2 * t), "a 2 too many"),
        (soft, "soft threshold"),
        (lambda v, t: v * (1 + t), "further from zero"),
        (lambda v, t: v / (1 - t) if t != 1 else np.sign(v) * np.inf, "a sign is wrong"),
        (lambda v, t: 2 * v / (2 + t), "half of t is lost"),
        (lambda v, t: v - v / (1 + t), "that is what v loses"),
        (lambda v, t: v / (1 + t) * np.where(v == 2, np.nan, 1), "1 nan"),
    ],
    "04.proximal_gradient_step": [
        (lambda w, g, lr, lam: soft(w - lr * g, lam), "the threshold is lam"),
        (lambda w, g, lr, lam: soft(w + lr * g, lr * lam), "uphill"),
        (lambda w, g, lr, lam: soft(w, lr * lam) - lr * g, "threshold first"),
        (lambda w, g, lr, lam: w - lr * (g + lam * np.sign(w)), "subgradient"),
        (lambda w, g, lr, lam: soft(w, lr * lam), "does not count"),
        (lambda w, g, lr, lam: soft(w - g, lr * lam), "where is lr"),
        (lambda w, g, lr, lam: w - lr * g, "gradient step alone"),
        (lambda w, g, lr, lam: np.where(np.abs(w - lr * g) > lr * lam, w - lr * g, 0), "as l0 does"),
        (lambda w, g, lr, lam: soft(w - lr * g, lam / lr), "where the step is shorter"),
        (lambda w, g, lr, lam: w - lr * (g + lam * np.sign(w - lr * g)), "other side of zero"),
    ],
}
