"""Wrong answers to the tasks of chapter 12: for each check, functions, each with a part of the message that it must get."""

import numpy as np
from scipy.optimize import minimize_scalar


def soft(v, t):
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


def block(u, t):
    length = np.linalg.norm(u)
    return u * (length > t) * (1 - t / max(length, 1e-300))


def group(u, d, lr, lam):
    """The right answer, by bisection in n."""
    if np.sum((d * u) ** 2) <= (lr * lam) ** 2:
        return 0 * u
    low, high = 0.0, np.linalg.norm(u)
    for _ in range(200):
        n = (low + high) / 2
        low, high = (n, high) if np.sum((d * u / (d * n + lr * lam)) ** 2) > 1 else (low, n)
    return d * u / (d + lr * lam / high)


def length_of_u(u, d, lr, lam):
    if np.sum((d * u) ** 2) <= (lr * lam) ** 2:
        return 0 * u
    return d * u / (d + lr * lam / np.linalg.norm(u))


def one_step(u, d, lr, lam):
    if np.sum((d * u) ** 2) <= (lr * lam) ** 2:
        return 0 * u
    n = np.linalg.norm(u)
    for _ in range(2):
        x = d * u / (d + lr * lam / n)
        n = np.linalg.norm(x)
    return x


def alone(u, d, lr, lam):
    length = max(np.linalg.norm(u), 1e-300)
    return u * np.maximum(1 - lr * lam / (d * length), 0)


def tested_on_u(u, d, lr, lam):
    return 0 * u if np.linalg.norm(u) <= lr * lam else group(u, d, lr, lam)


def best_multiple(u, d, lr, lam):
    """The best x among the multiples of u."""
    a, length = np.sum(d * u * u) / lr, np.linalg.norm(u)
    found = minimize_scalar(lambda c: a * (c - 1) ** 2 / 2 + lam * c * length, bounds=(0, 1), method="bounded")
    return found.x * u


PLANTED = {
    "12.effective_price": [
        (lambda tau, beta: tau**2 / 2, "what did you divide by"),
        (lambda tau, beta: beta * tau**2, "twice what is right"),
        (lambda tau, beta: beta * tau**2 / 4, "half of what is right"),
        (lambda tau, beta: beta * tau, "price for l1"),
        (lambda tau, beta: beta * tau / 2, "is a square"),
        (lambda tau, beta: tau**2 / beta / 2, "a stiffer spring"),
        (lambda tau, beta: np.sqrt(2 * tau / beta), "threshold for the price tau"),
        (lambda tau, beta: beta**2 * tau**2 / 2, "occurs only once"),
        (lambda tau, beta: 0.0, "the numbers differ"),
        (lambda tau, beta: tau * tau, "square of tau alone"),
        (lambda tau, beta: tau * tau / beta, "and the spring's 1/2"),
    ],
    "12.metric_soft": [
        (lambda u, d, lr, lam: soft(u, lr * lam), "d is not in the threshold"),
        (lambda u, d, lr, lam: soft(u, lam / d), "learning rate is missing"),
        (lambda u, d, lr, lam: soft(u, lr * lam * d), "so a steeper square"),
        (lambda u, d, lr, lam: soft(u, lam / d / lr), "a longer step"),
        (lambda u, d, lr, lam: soft(u, lr * lam / d**0.5), "no other root"),
        (lambda u, d, lr, lam: soft(u, lr * lam / (d * d)), "not squared"),
        (lambda u, d, lr, lam: soft(u, lr * lam / (d.mean() if d.size else 1)), "one threshold for all"),
        (lambda u, d, lr, lam: u * (np.abs(u) > lr * lam / d), "hard thresholding"),
        (lambda u, d, lr, lam: soft(d * u, lr * lam), "already divided by d"),
        (lambda u, d, lr, lam: u - np.sign(u) * lr * lam / d, "cross zero"),
        (lambda u, d, lr, lam: np.maximum(np.abs(u) - lr * lam / d, 0), "sign is lost"),
        (lambda u, d, lr, lam: soft(u, lr * lam / d) + 1e-9, "almost zero"),
        (lambda u, d, lr, lam: np.maximum(u - lr * lam / d, 0), "mirror images"),
        (lambda u, d, lr, lam: np.clip(u, -lr * lam / d, lr * lam / d), "what u loses"),
        (lambda u, d, lr, lam: soft(u, lr / d), "lam is missing"),
    ],
    "12.metric_group": [
        (lambda u, d, lr, lam: block(u, lr * lam / d.mean()), "with the mean of d"),
        (lambda u, d, lr, lam: block(u, lr * lam / np.sqrt(np.mean(d * d))), "root mean square of d"),
        (lambda u, d, lr, lam: block(u, lr * lam), "usual metric"),
        (length_of_u, "you took that of u"),
        (lambda u, d, lr, lam: soft(u, lr * lam / d), "that is l1"),
        (alone, "as if it were alone"),
        (lambda u, d, lr, lam: group(u, d, 1.0, lam), "learning rate is missing"),
        (lambda u, d, lr, lam: group(u, d, lr, lam) / d, "up to a factor d"),
        (lambda u, d, lr, lam: group(u, 1 / d, lr, lam), "makes an entry shrink less"),
        (tested_on_u, "the test is on the length"),
        (lambda u, d, lr, lam: u * (np.sum((d * u) ** 2) > (lr * lam) ** 2), "you return u itself"),
        (best_multiple, "entries differ"),
        (lambda u, d, lr, lam: block(u, lr * lam / d.max()), "with the largest d"),
        (lambda u, d, lr, lam: block(d * u, lr * lam) / d, "divide by d afterwards"),
        (one_step, "until n stands still"),
        (lambda u, d, lr, lam: group(u, d, lr, lam * len(u) ** 0.5), "root of the group's size"),
    ],
}
