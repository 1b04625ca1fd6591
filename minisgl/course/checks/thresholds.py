"""Soft and hard thresholding, entry by entry: many known mistakes use them."""

import numpy as np


def soft(v: np.ndarray, t: float) -> np.ndarray:
    """Soft thresholding: v (any shape), each entry moved towards 0 by t, and 0 where |v| <= t."""
    return v - np.clip(v, -t, t)


def hard(v: np.ndarray, t: float) -> np.ndarray:
    """Hard thresholding: v (any shape), and 0 where |v| <= t."""
    return np.where(np.abs(v) > t, v, 0)
