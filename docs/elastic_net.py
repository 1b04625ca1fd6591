"""The elastic net: l1 plus a small multiple of the squared l2 norm, which pulls large weights harder than small ones."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ElasticNet:
    """lam * (||w||_1 + ridge/2 ||w||^2), lam > 0, ridge >= 0. Convex, separable, continuous prox, biased."""

    lam: float
    ridge: float = 1.0

    def cost(self, w):
        return self.lam * (np.abs(w) + self.ridge / 2 * w * w)

    def value(self, w):
        return float(self.cost(w).sum())

    def threshold(self, step):
        return step * self.lam

    def step_for(self, threshold):
        return threshold / self.lam

    def prox(self, v, step, out=None):
        t = self.threshold(step)
        soft = v - np.clip(v, -t, t)
        return np.divide(soft, 1 + t * self.ridge, out=out)
