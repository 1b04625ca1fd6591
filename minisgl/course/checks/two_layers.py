"""The gradient of the first weight of a network of two layers, and known mistakes in it.

    h = max(W1 x, 0)        z = W2 h        loss = mean cross-entropy of z

x (D0, N), labels t (N,), W1 (D1, D0), W2 (D2, D1). The functions from without_mask on are the mistakes.
"""

import numpy as np

from minisgl.course.checks.cross_entropy import mean_loss, onehot, softmax
from minisgl.nn.gradcheck import numeric_gradient


def first_weight_gradient(x: np.ndarray, labels: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    """dW1 (D1, D0), by central differences of the loss."""
    x64, W1_64, W2_64 = (array.astype(np.float64) for array in (x, W1, W2))

    def loss(at: np.ndarray) -> float:
        return mean_loss((W2_64 @ np.maximum(at @ x64, 0)).T, labels)

    return numeric_gradient(loss, W1_64, h=1e-5).astype(W1.dtype)


def back(x: np.ndarray, labels: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dh (D1, N), before it goes back through the ReLU, and where the ReLU is open, bool (D1, N)."""
    is_open = W1 @ x > 0
    z = (W2 @ (W1 @ x * is_open)).T
    return W2.T @ ((softmax(z) - onehot(z, labels)) / len(z)).T, is_open


def without_mask(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return back(x, t, W1, W2)[0] @ x.T


def divided_twice(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    dh, is_open = back(x, t, W1, W2)
    return dh * is_open @ x.T / len(t)


def not_divided(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return divided_twice(x, t, W1, W2) * len(t) ** 2


def relu_of_slopes(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return np.maximum(back(x, t, W1, W2)[0], 0) @ x.T


def times_values(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return back(x, t, W1, W2)[0] * np.maximum(W1 @ x, 0) @ x.T


def no_relu(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    z = (W2 @ W1 @ x).T
    return W2.T @ ((softmax(z) - onehot(z, t)) / len(z)).T @ x.T


def second_weight(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    h = np.maximum(W1 @ x, 0)
    z = (W2 @ h).T
    return ((softmax(z) - onehot(z, t)) / len(z)).T @ h.T


def mask_upside_down(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    dh, is_open = back(x, t, W1, W2)
    return dh * ~is_open @ x.T


def without_labels(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    z = (W2 @ np.maximum(W1 @ x, 0)).T
    return (W2.T @ softmax(z).T / len(z) * (W1 @ x > 0)) @ x.T


def without_softmax(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    z = (W2 @ np.maximum(W1 @ x, 0)).T
    return (W2.T @ (z - onehot(z, t)).T / len(z) * (W1 @ x > 0)) @ x.T
