"""The layers computed from their definitions, one number at a time: slow, but easy to verify.

Each function is the sum that defines a layer, written as loops; tests compare the fast layers with it. The backward
functions visit every product or maximum of the forward sum and add to the gradient of each number in it:

    y += w * x   gives   dw += dy * x   and   dx += dy * w

The image index comes last, as everywhere between layers: x (C, H, W, N).
"""

import numpy as np


def _padded(x: np.ndarray, padding: int, value: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=value)


def _unpadded(dx: np.ndarray, padding: int) -> np.ndarray:
    return dx[:, padding : dx.shape[1] - padding, padding : dx.shape[2] - padding]


def conv2d(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """y (K, P, Q, N) of x (C, H, W, N), weight (K, C, R, S), bias (K,)."""
    K, C, R, S = weight.shape
    x = _padded(x, padding, 0.0)
    P, Q = (x.shape[1] - R) // stride + 1, (x.shape[2] - S) // stride + 1
    y = np.zeros((K, P, Q, x.shape[3]), x.dtype)
    for k, p, q, n in np.ndindex(*y.shape):
        y[k, p, q, n] = bias[k]
        for c, r, s in np.ndindex(C, R, S):
            y[k, p, q, n] += weight[k, c, r, s] * x[c, p * stride + r, q * stride + s, n]
    return y


def conv2d_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dx (C, H, W, N), dweight (K, C, R, S), dbias (K,) for dy (K, P, Q, N)."""
    C, R, S = weight.shape[1:]
    x = _padded(x, padding, 0.0)
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros_like(weight[:, 0, 0, 0])
    for k, p, q, n in np.ndindex(*dy.shape):
        dbias[k] += dy[k, p, q, n]
        for c, r, s in np.ndindex(C, R, S):
            i, j = p * stride + r, q * stride + s
            dweight[k, c, r, s] += dy[k, p, q, n] * x[c, i, j, n]
            dx[c, i, j, n] += dy[k, p, q, n] * weight[k, c, r, s]
    return _unpadded(dx, padding), dweight, dbias


def _first_maximum(window: np.ndarray) -> tuple[int, int]:
    """Row and column of the first maximum, in row-major order, of a window (R, S)."""
    best = (0, 0)
    for r, s in np.ndindex(*window.shape):
        if window[r, s] > window[best]:
            best = (r, s)
    return best


def max_pool2d(x: np.ndarray, kernel: int, stride: int, padding: int = 0) -> np.ndarray:
    """y (C, P, Q, N) of x (C, H, W, N)."""
    x = _padded(x, padding, -np.inf)
    P, Q = (x.shape[1] - kernel) // stride + 1, (x.shape[2] - kernel) // stride + 1
    y = np.zeros((x.shape[0], P, Q, x.shape[3]), x.dtype)
    for c, p, q, n in np.ndindex(*y.shape):
        i, j = p * stride, q * stride
        r, s = _first_maximum(x[c, i : i + kernel, j : j + kernel, n])
        y[c, p, q, n] = x[c, i + r, j + s, n]
    return y


def max_pool2d_backward(dy: np.ndarray, x: np.ndarray, kernel: int, stride: int, padding: int = 0) -> np.ndarray:
    """dx (C, H, W, N) for dy (C, P, Q, N)."""
    x = _padded(x, padding, -np.inf)
    dx = np.zeros_like(x)
    for c, p, q, n in np.ndindex(*dy.shape):
        i, j = p * stride, q * stride
        r, s = _first_maximum(x[c, i : i + kernel, j : j + kernel, n])
        dx[c, i + r, j + s, n] += dy[c, p, q, n]
    return _unpadded(dx, padding)


def avg_pool2d(x: np.ndarray, kernel: int) -> np.ndarray:
    """y (C, P, Q, N) of x (C, H, W, N)."""
    C, H, W, N = x.shape
    y = np.zeros((C, H // kernel, W // kernel, N), x.dtype)
    for c, p, q, n in np.ndindex(*y.shape):
        for r, s in np.ndindex(kernel, kernel):
            y[c, p, q, n] += x[c, p * kernel + r, q * kernel + s, n] / kernel**2
    return y


def avg_pool2d_backward(dy: np.ndarray, x: np.ndarray, kernel: int) -> np.ndarray:
    """dx (C, H, W, N) for dy (C, P, Q, N)."""
    dx = np.zeros_like(x)
    for c, p, q, n in np.ndindex(*dy.shape):
        for r, s in np.ndindex(kernel, kernel):
            dx[c, p * kernel + r, q * kernel + s, n] += dy[c, p, q, n] / kernel**2
    return dx


def batch_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, and z (C, H, W, N) of mean 0 and variance 1, and the channels' mean and biased variance (2, C)."""
    z, statistics = np.zeros_like(x), np.zeros((2, len(x)), x.dtype)
    for c in range(len(x)):
        places = list(np.ndindex(*x[c].shape))
        mean = sum(x[c][place] for place in places) / len(places)
        variance = sum((x[c][place] - mean) ** 2 for place in places) / len(places)
        for place in places:
            z[c][place] = (x[c][place] - mean) / np.sqrt(variance + eps)
        statistics[:, c] = mean, variance
    return weight[:, None, None, None] * z + bias[:, None, None, None], z, statistics


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dx (C, H, W, N), dweight (C,), dbias (C,) for dy (C, H, W, N), from the derivative of each z_j by each x_i."""
    _, z, statistics = batch_norm(x, weight, np.zeros_like(weight), eps)
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros_like(weight)
    for c in range(len(x)):
        places = list(np.ndindex(*x[c].shape))
        for i in places:
            dweight[c] += dy[c][i] * z[c][i]
            dbias[c] += dy[c][i]
            for j in places:
                # d(x_j - mean)/dx_i = [i = j] - 1/m;   d(1/deviation)/dx_i = -z_i / (m deviation^2)
                slope = ((i == j) - 1 / len(places) - z[c][i] * z[c][j] / len(places)) / np.sqrt(statistics[1, c] + eps)
                dx[c][i] += weight[c] * dy[c][j] * slope
    return dx, dweight, dbias


def scale_shift(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """y of x, both (C, ..., N), for scale (C,) and shift (C,)."""
    y = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = scale[index[0]] * x[index] + shift[index[0]]
    return y


def scale_shift_backward(dy: np.ndarray, x: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dx (C, ..., N), dscale (C,), dshift (C,) for dy (C, ..., N)."""
    dx, dscale, dshift = np.zeros_like(x), np.zeros_like(scale), np.zeros_like(scale)
    for index in np.ndindex(*x.shape):
        dx[index] = scale[index[0]] * dy[index]
        dscale[index[0]] += dy[index] * x[index]
        dshift[index[0]] += dy[index]
    return dx, dscale, dshift


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """y (D_out, N) of x (D_in, N), weight (D_out, D_in), bias (D_out,)."""
    y = np.zeros((weight.shape[0], x.shape[1]), x.dtype)
    for o, n in np.ndindex(*y.shape):
        y[o, n] = bias[o]
        for i in range(x.shape[0]):
            y[o, n] += weight[o, i] * x[i, n]
    return y


def linear_backward(dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dx (D_in, N), dweight (D_out, D_in), dbias (D_out,) for dy (D_out, N)."""
    dx, dweight, dbias = np.zeros_like(x), np.zeros_like(weight), np.zeros_like(weight[:, 0])
    for o, n in np.ndindex(*dy.shape):
        dbias[o] += dy[o, n]
        for i in range(x.shape[0]):
            dweight[o, i] += dy[o, n] * x[i, n]
            dx[i, n] += dy[o, n] * weight[o, i]
    return dx, dweight, dbias


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0), entry by entry."""
    y = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = x[index] if x[index] > 0 else 0
    return y


def relu_backward(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dy where x > 0, else 0."""
    dx = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        dx[index] = dy[index] if x[index] > 0 else 0
    return dx


def binary(x: np.ndarray) -> np.ndarray:
    """1 where x > 0, else 0."""
    y = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        y[index] = 1 if x[index] > 0 else 0
    return y


def normalize(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """y (C, H, W, N) of x (C, H, W, N), mean (C,), deviation (C,)."""
    y = np.zeros_like(x)
    for c, i, j, n in np.ndindex(*x.shape):
        y[c, i, j, n] = (x[c, i, j, n] - mean[c]) / deviation[c]
    return y


def normalize_backward(dy: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """dx (C, H, W, N) for dy (C, H, W, N)."""
    dx = np.zeros_like(dy)
    for c, i, j, n in np.ndindex(*dy.shape):
        dx[c, i, j, n] += dy[c, i, j, n] / deviation[c]
    return dx


def gather(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """y (D_out, N) of x (D_in, N), index (D_out,)."""
    y = np.zeros((len(index), x.shape[1]), x.dtype)
    for j, n in np.ndindex(*y.shape):
        y[j, n] = x[index[j], n]
    return y


def gather_backward(dy: np.ndarray, x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """dx (D_in, N) for dy (D_out, N)."""
    dx = np.zeros_like(x)
    for j, n in np.ndindex(*dy.shape):
        dx[index[j], n] += dy[j, n]
    return dx


def softmax_cross_entropy(logits: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> tuple[float, np.ndarray]:
    """Mean loss and its gradient (N, D) for logits (N, D), labels (N,), and label smoothing."""
    N, D = logits.shape
    loss, gradient = 0.0, np.zeros_like(logits)
    for n in range(N):
        total = sum(np.exp(logits[n, d]) for d in range(D))
        for d in range(D):
            target = (1 - smoothing) * (1 if d == labels[n] else 0) + smoothing / D
            loss -= target * np.log(np.exp(logits[n, d]) / total) / N
            gradient[n, d] = (np.exp(logits[n, d]) / total - target) / N
    return float(loss), gradient
