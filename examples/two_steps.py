"""The two steps on one page: a network learns to classify digits while 95 % of its weights become exactly zero.

A penalty that counts the nonzero weights has no useful gradient. So there are two copies of the weights: W is trained, V is
sparse, and beta couples them. The objective, summed over the layers (biases have no penalty):

    F(W, V) = loss(W) + mu * group lasso(W) + lam ||V||_0 + beta/2 ||W - V||^2

Two steps follow every mini-batch:

    W-step    W <- Adam(W, grad loss(W) + mu * grad group lasso(W) + beta (W - V))
    V-step    V <- prox(W) = argmin over V of  step * lam ||V||_0 + ||V - W||^2 / 2
                           = w where |w| > tau, else 0,    tau = sqrt(2 step lam)

tau rises from 0 to TAU in the first half of the run; then beta rises until W and V meet. V is the network that is kept.
The settings were chosen by the error on 5,000 held-out training images; the test images are used once, at the end.

    python examples/two_steps.py          less than a minute
"""

import gzip
from itertools import pairwise
from math import cos, pi
from pathlib import Path

import numpy as np

from minisgl.penalties import L0, GroupLasso

DATA = Path(__file__).parent.parent / "data" / "mnist"
SIZES = (784, 300, 100, 10)  # pixels, two hidden layers, classes
EPOCHS, BATCH, HELD_OUT = 8, 100, 5000
LR = 2e-3  # falls to 0 along a half cosine
TAU, RAMP = 0.15, 0.5  # the threshold, and the fraction of the run in which it rises
BETA, RISE = 0.02, 1000  # beta at the start, and the factor by which it rises
SPARSE = L0(lam=1e-6)  # on V. Another penalty changes the V-step: L1(lam) shrinks the weights it keeps, and needs a smaller TAU
GROUP = GroupLasso(lam=3e-6, groups=1)  # on W: a group is a column, all weights of one input; its lam is mu


def mnist(name):
    """Return images x (N, 784), from 0 to 1, and labels (N,), from two IDX files: headers of 16 and 8 bytes, then numbers."""
    x, labels = (gzip.decompress((DATA / f"{name}-{kind}-ubyte.gz").read_bytes()) for kind in ("images-idx3", "labels-idx1"))
    return np.frombuffer(x, np.uint8, offset=16).reshape(-1, 784) / np.float32(255), np.frombuffer(labels, np.uint8, offset=8)


def forward(x, W, b):
    """Return the input of each layer, and the logits: [(N, 784), (N, 300), (N, 100), (N, 10)]."""
    h = [x]
    for k in range(len(W)):
        z = h[k] @ W[k].T + b[k]  # (N, D_in) @ (D_in, D_out) + (D_out,)
        h.append(np.maximum(z, 0) if k < len(W) - 1 else z)
    return h


def gradients(x, labels, W, b):
    """Return the gradients of the mean cross-entropy, by layer: dW[k] (D_out, D_in), db[k] (D_out,)."""
    h = forward(x, W, b)
    p = np.exp(h[-1] - h[-1].max(axis=1, keepdims=True))  # (N, 10)
    p /= p.sum(axis=1, keepdims=True)  # softmax
    p[np.arange(len(x)), labels] -= 1
    dz = p / len(x)  # (N, D_out): the gradient with respect to the layer's output before its ReLU
    dW, db = [None] * len(W), [None] * len(W)
    for k in reversed(range(len(W))):
        dW[k], db[k] = dz.T @ h[k], dz.sum(axis=0)  # (D_out, N) @ (N, D_in), (D_out,)
        if k > 0:
            dz = (dz @ W[k]) * (h[k] > 0)  # (N, D_out) @ (D_out, D_in), and through the ReLU of the layer below
    return dW, db


def adam(w, g, m, s, *, lr, t):
    """Take step t = 1, 2, ... of Adam. w and the running means m of g and s of g^2 are changed in place."""
    m += 0.1 * (g - m)
    s += 0.001 * (g * g - s)
    w -= lr * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)


def train(x, labels, epochs=EPOCHS, seed=0):
    """Train, and return W and V, lists of (D_out, D_in), and the biases b, a list of (D_out,)."""
    rng = np.random.default_rng(seed)
    W = [rng.normal(0, np.sqrt(2 / d_in), (d_out, d_in)).astype(np.float32) for d_in, d_out in pairwise(SIZES)]
    b = [np.zeros(d_out, np.float32) for d_out in SIZES[1:]]
    V = [w.copy() for w in W]
    m, s = ([np.zeros_like(w) for w in W + b] for _ in range(2))
    batches = len(x) // BATCH
    for t in range(epochs * batches):
        if t % batches == 0:
            order = rng.permutation(len(x))[: batches * BATCH].reshape(batches, BATCH)
        i = order[t % batches]
        done = (t + 1) / (epochs * batches)  # up to 1
        tau = TAU * min(done / RAMP, 1)
        beta = BETA * RISE ** max((done - RAMP) / (1 - RAMP), 0)
        lr = LR * (1 + cos(pi * done)) / 2

        dW, db = gradients(x[i], labels[i], W, b)  # the W-step
        for k in range(len(W)):
            dW[k] += GROUP.subgradient(W[k]) + beta * (W[k] - V[k])
        for w, g, m_w, s_w in zip(W + b, dW + db, m, s, strict=True):
            adam(w, g, m_w, s_w, lr=lr, t=t + 1)
        V = [SPARSE.prox(w, SPARSE.step_for(tau)) for w in W]  # the V-step
    return W, V, b


def error(x, labels, W, b):
    """Return the percentage of images that are classified wrongly."""
    return 100 * np.mean(forward(x, W, b)[-1].argmax(axis=1) != labels)


def main():
    x, labels = mnist("train")
    W, V, b = train(x[:-HELD_OUT], labels[:-HELD_OUT])
    held_out = [error(x[-HELD_OUT:], labels[-HELD_OUT:], weights, b) for weights in (W, V)]
    weights, kept = sum(v.size for v in V), sum(np.count_nonzero(v) for v in V)
    pixels, hidden1, hidden2 = (int((v != 0).any(axis=0).sum()) for v in V)  # columns that are not all zero
    print(f"weights           {weights}")
    print(f"exactly zero      {weights - kept} ({100 - 100 * kept / weights:.2f} %, {weights / kept:.1f} times fewer)")
    print(f"pixels left       {pixels} of {SIZES[0]}; hidden units left {hidden1} of {SIZES[1]} and {hidden2} of {SIZES[2]}")
    print(f"held-out error    {held_out[1]:.2f} % (W: {held_out[0]:.2f} %)")
    print(f"test error of V   {error(*mnist('t10k'), V, b):.2f} %")


if __name__ == "__main__":
    main()
