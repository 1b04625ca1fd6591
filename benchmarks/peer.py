"""The same network and the same two steps in PyTorch, optimised for speed, for comparison with minisgl.

W and its gradient are views of two flat vectors, as in minisgl, so that the penalty's terms, the coupling and the
thresholding are a few calls each, without autograd. Adam is PyTorch's fused version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

UNIT_AXIS = {4: 0, 2: 1}  # a convolution's groups are its output channels, a linear layer's its input neurons


def lenet5() -> nn.Sequential:
    """Return LeNet-5-Caffe for images (N, 1, 28, 28), with ReLU after pooling: the result is the same, and it is faster."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(inplace=True),
        nn.Linear(500, 10),
    )


@dataclass
class Group:
    """One weight matrix's group lasso: its view of W, of the gradient, the axes within a group, and lam sqrt(n_g)."""

    weight: Tensor
    gradient: Tensor
    within: tuple[int, ...]
    strength: float


class Peer:
    """LeNet-5 with W, V, Adam, group lasso on W and l0 on V, on any of PyTorch's devices."""

    def __init__(self, lam: float, lr: float, device: str = "cpu", channels_last: bool = False, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = lenet5().to(device=device, memory_format=self.memory_format)
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        biases = [p for p in self.network.parameters() if p.ndim == 1]
        size = sum(p.numel() for p in [*weights, *biases])
        self.n_weights = sum(p.numel() for p in weights)
        self.flat = torch.empty(size, device=device)
        self.gradient = torch.zeros(size, device=device)
        self.groups = []
        start = 0
        for p in [*weights, *biases]:
            values, gradients = (self._view(vector, start, p) for vector in (self.flat, self.gradient))
            values.copy_(p.data)
            p.data, p.grad = values, gradients
            start += p.numel()
            if p.ndim > 1:
                axis = UNIT_AXIS[p.ndim]
                within = tuple(i for i in range(p.ndim) if i != axis)
                root = sqrt(prod(p.shape[i] for i in within))
                self.groups.append(Group(values, gradients, within, lam * root))
        holder = nn.Parameter(self.flat)  # Adam sees one parameter: one fused call
        holder.grad = self.gradient
        self.optimizer = torch.optim.Adam([holder], lr=lr, fused=True)
        self.v = self.flat[: self.n_weights].clone()

    def _view(self, vector: Tensor, start: int, like: Tensor) -> Tensor:
        """Return a part of a flat vector as a view with the shape and memory order of `like`."""
        return vector.as_strided(like.shape, like.stride(), start)

    def backward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Write the gradient of the mean loss of images (N, 1, 28, 28), labels (N,) to `gradient`, and return the loss."""
        self.gradient.zero_()
        loss = cross_entropy(self.network(images), labels)
        loss.backward()
        return loss.detach()

    @torch.no_grad()
    def update(self, beta: float, threshold: float | None) -> None:
        """Take the W-step and V-step with the gradient from `backward`. If threshold is None: plain Adam without penalty."""
        if threshold is None:
            self.optimizer.step()
            return
        for group in self.groups:
            norms = torch.linalg.vector_norm(group.weight, dim=group.within, keepdim=True)
            group.gradient.addcmul_(group.weight, group.strength / norms.clamp_(min=1e-30))
        w = self.flat[: self.n_weights]
        self.gradient[: self.n_weights].add_(w, alpha=beta).sub_(self.v, alpha=beta)
        self.optimizer.step()
        torch.mul(w, w.abs() > threshold, out=self.v)

    def step(self, images: Tensor, labels: Tensor, beta: float, threshold: float | None) -> Tensor:
        """Take both steps on one batch. Return the batch's loss."""
        loss = self.backward(images, labels)
        self.update(beta, threshold)
        return loss

    @contextmanager
    def using(self, weights: Tensor) -> Iterator[None]:
        """Within this context, the network has these weights (n_weights,) and its own biases."""
        w = self.flat[: self.n_weights]
        own = w.clone()
        w.copy_(weights)
        try:
            yield
        finally:
            w.copy_(own)

    @torch.no_grad()
    def predict(self, images: Tensor, batch: int) -> Tensor:
        """Return the most likely class (N,) of each image."""
        return torch.cat([self.network(part).argmax(1) for part in images.split(batch)])
