"""Wrong answers to the tasks of chapter 11: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft


def in_place(w, v, gradient, lr, beta):
    w -= lr * (gradient + beta * (w - v))
    return w


def moved(w, v, g, lr, beta):
    return w - lr * (g + beta * (w - v))


def lowest(v, b, beta):
    return (b + beta * v) / (1 + beta)


def hard(w, t):
    return np.where(np.abs(w) > t, w, 0)


PLANTED = {
    "11.w_step": [
        (lambda w, v, g, lr, beta: w - lr * (g - beta * (w - v)), "pushes w away"),
        (lambda w, v, g, lr, beta: w + lr * (g + beta * (w - v)), "uphill"),
        (lambda w, v, g, lr, beta: w - lr * g, "does not depend on v"),
        (lambda w, v, g, lr, beta: w - lr * beta * (w - v), "the spring alone"),
        (lambda w, v, g, lr, beta: w - lr * g - beta * (w - v), "the spring's gradient is not"),
        (lambda w, v, g, lr, beta: w - lr * (g + beta / 2 * (w - v)), "half of its strength"),
        (lambda w, v, g, lr, beta: w - lr * (g + 2 * beta * (w - v)), "twice its strength"),
        (lambda w, v, g, lr, beta: w - lr * (g + w - v), "beta does not count"),
        (lambda w, v, g, lr, beta: w - lr * (g + beta * w), "fixed at v"),
        (lambda w, v, g, lr, beta: v - lr * (g + beta * (w - v)), "starts at v"),
        (in_place, "writes into its argument w"),
        (lambda w, v, g, lr, beta: moved(w, v, g, lr, beta).sum(), "an array is wanted"),
        (lambda w, v, g, lr, beta: moved(w, v, g, lr, beta).astype(np.float64), "float32, and yours is float64"),
        (lambda w, v, g, lr, beta: w - g - lr * beta * (w - v), "the loss's gradient is not"),
        (lambda w, v, g, lr, beta: moved(w, v, g, lr, beta) - w, "the change of w"),
        (lambda w, v, g, lr, beta: w - g - beta * (w - v), "has length 1"),
    ],
    "11.new_v": [
        (lambda v, b, lam, beta: hard(v, np.sqrt(2 * lam / beta)), "threshold the old v"),
        (lambda v, b, lam, beta: lowest(hard(v, np.sqrt(2 * lam / beta)), b, beta), "comes first, and w undoes"),
        (lambda v, b, lam, beta: hard(b, np.sqrt(2 * lam / beta)), "threshold b"),
        (lambda v, b, lam, beta: hard(b / (1 + beta), np.sqrt(2 * lam / beta)), "ties it to v, not to 0"),
        (lambda v, b, lam, beta: hard(lowest(-v, b, beta), np.sqrt(2 * lam / beta)), "pushes w away"),
        (lambda v, b, lam, beta: hard(b + beta * v, np.sqrt(2 * lam / beta)), "not between b and v"),
        (lambda v, b, lam, beta: hard((b + v) / 2, np.sqrt(2 * lam / beta)), "middle of b and v"),
        (lambda v, b, lam, beta: lowest(v, b, beta), "the V-step is missing"),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), np.sqrt(2 * lam)), "does not know beta"),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), np.sqrt(2 * lam * beta)), "grows with beta"),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), lam / beta), "right for l1"),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), lam), "your threshold is lam. "),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), np.sqrt(lam / beta)), "a factor 1/2 is missing"),
        (lambda v, b, lam, beta: soft(lowest(v, b, beta), np.sqrt(2 * lam / beta)), "is shrunk"),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), np.sqrt(2 * lam / beta) - 1e-9), "at a tie"),
        (lambda v, b, lam, beta: soft(lowest(v, b, beta), lam / beta), "that of l1"),
        (lambda v, b, lam, beta: hard((v + beta * b) / (1 + beta), np.sqrt(2 * lam / beta)), "each other's weights"),
        (
            lambda v, b, lam, beta: np.where(np.abs(lowest(v, b, beta)) > np.sqrt(2 * lam / beta), v, 0),
            "what you keep is the old v",
        ),
        (lambda v, b, lam, beta: hard(lowest(v, b, beta), 2 * np.sqrt(lam / beta)), "2 sqrt(lam/beta)"),
    ],
    "11.largest_safe_step": [
        (lambda A, beta: 2 / np.linalg.norm(A, 2) ** 2, "in every direction by beta"),
        (lambda A, beta: 1 / (np.linalg.norm(A, 2) ** 2 + beta), "when exactly"),
        (lambda A, beta: 2 / (np.linalg.norm(A, 2) + beta), "its largest singular value counts twice"),
        (lambda A, beta: 2 / (np.linalg.norm(A) ** 2 + beta), "steepest one alone"),
        (lambda A, beta: 2 / (np.linalg.eigvalsh(A.T @ A)[0] + beta), "flattest"),
        (lambda A, beta: 2 / (np.linalg.norm(A, 2) ** 2 + beta / 2), "differentiate it twice"),
        (lambda A, beta: 2 / (2 * np.linalg.norm(A, 2) ** 2 + beta), "your curvature of it"),
        (lambda A, beta: np.linalg.norm(A, 2) ** 2 + beta, "that is the curvature"),
        (lambda A, beta: 2 / (A.T @ A + beta), "one number is wanted"),
        (lambda A, beta: 0.1, "the numbers differ"),
        (lambda A, beta: 2 / (np.linalg.norm(A.T @ A) + beta), "without a 2"),
        (lambda A, beta: 2 / (np.linalg.norm(A, 2) + beta) ** 2, "beta is in the square"),
        (lambda A, beta: 2 / (np.linalg.norm(A, 2) ** 2 + 2 * beta), "counted twice"),
    ],
    "11.gap": [
        (lambda b, lam, beta: np.sign(b) * lam / beta, "every entry be kept"),
        (lambda b, lam, beta: b / (1 + beta), "every entry be dropped"),
        (lambda b, lam, beta: -np.clip(b / (1 + beta), -lam / beta, lam / beta), "on the other side"),
        (lambda b, lam, beta: np.clip(b, -lam / beta, lam / beta), "as if there were no spring"),
        (lambda b, lam, beta: np.clip(b / beta, -lam / beta, lam / beta), "The loss bends too"),
        (lambda b, lam, beta: np.clip(b / (1 + beta), -lam, lam), "your threshold is lam. What"),
        (lambda b, lam, beta: np.where(np.abs(b) / (1 + beta) > lam / beta, 0, b / (1 + beta)), "like l0"),
        (lambda b, lam, beta: soft(b, lam + lam / beta), "that is v"),
        (lambda b, lam, beta: soft(b, lam + lam / beta) + np.clip(b / (1 + beta), -lam / beta, lam / beta), "that is w"),
        (
            lambda b, lam, beta: np.where(np.abs(b) > lam / beta, np.sign(b) * lam / beta, b / (1 + beta)),
            "by the size of b",
        ),
        (lambda b, lam, beta: np.clip(b / (1 + beta), -lam / beta, lam / beta).ravel(), "the shape"),
        (lambda b, lam, beta: np.clip(b, -lam - lam / beta, lam + lam / beta), "that is b - v"),
        (lambda b, lam, beta: np.clip(b / (1 + beta), -((2 * lam / beta) ** 0.5), (2 * lam / beta) ** 0.5), "threshold of l0"),
        (lambda b, lam, beta: np.clip(b / (1 + beta), -lam * beta, lam * beta), "your threshold grows"),
    ],
}
