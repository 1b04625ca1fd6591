"""Softmax and the mean cross-entropy by their definitions.

p = exp(z) / sum of exp(z)        loss = mean over the images of   -log p[label]
"""

import numpy as np


def mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The loss of logits (N, D): -log p is log(1 / p), the log of a sum of exp(differences), which does not overflow."""
    return float(np.mean([np.logaddexp.reduce(row - row[label]) for row, label in zip(logits, labels, strict=True)]))


def onehot(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, D): 1 at each image's label, 0 elsewhere."""
    return np.eye(logits.shape[1])[labels]


def overflowing_softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities (N, D) straight from the formula: exp overflows for large logits."""
    p: np.ndarray = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p


def softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities (N, D), with each row's largest logit subtracted first."""
    return overflowing_softmax(logits - logits.max(axis=1, keepdims=True))
