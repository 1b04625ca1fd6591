"""The same two steps in PyTorch, optimised for speed, for comparison with minisgl.

W and its gradient are views of two flat vectors, as in minisgl, so that the penalty's terms, the coupling, the weight decay and
the thresholding are a few calls each, without autograd. The optimiser is PyTorch's fused version.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam, Optimizer

from benchmarks.torch_networks import lenet5

UNIT_AXIS = {4: 0, 2: 1}  # a convolution's groups are its output channels, a linear layer's its input neurons


@dataclass
class Group:
    """One weight matrix's group lasso: its view of W, of the gradient, the axes within a group, and lam sqrt(n_g)."""

    weight: Tensor
    gradient: Tensor
    within: tuple[int, ...]
    strength: float


class Peer:
    """A network with W, V, group lasso on W and l0 on V, on any of PyTorch's devices.

    sparse: the names of the weights with group lasso and l0. All other parameters have weight decay.
    """

    def __init__(
        self,
        network: nn.Module,
        sparse: Collection[str],
        optimizer: Callable[[list[nn.Parameter]], Optimizer],
        lam: float,
        *,
        decay: float = 0.0,
        device: str = "cpu",
        channels_last: bool = False,
    ) -> None:
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(device=device, memory_format=self.memory_format)
        others = dict(self.network.named_parameters())
        penalised = [others.pop(name) for name in sparse]
        parameters = [*penalised, *others.values()]
        size = sum(p.numel() for p in parameters)
        self.n_sparse = sum(p.numel() for p in penalised)
        self.flat = torch.empty(size, dtype=parameters[0].dtype, device=device)
        self.gradient = torch.zeros_like(self.flat)
        self.groups = []
        start = 0
        for number, p in enumerate(parameters):
            values, gradients = (self._view(vector, start, p) for vector in (self.flat, self.gradient))
            values.copy_(p.data)
            p.data, p.grad = values, gradients
            start += p.numel()
            if number < len(penalised):
                axis = UNIT_AXIS[p.ndim]
                within = tuple(i for i in range(p.ndim) if i != axis)
                root = sqrt(prod(p.shape[i] for i in within))
                self.groups.append(Group(values, gradients, within, lam * root))
        holder = nn.Parameter(self.flat)  # the optimiser sees one parameter: one fused call
        holder.grad = self.gradient
        self.optimizer = optimizer([holder])
        self.decay = decay
        self.v = self.flat[: self.n_sparse].clone()

    def _view(self, vector: Tensor, start: int, like: Tensor) -> Tensor:
        """Return a part of a flat vector as a view with the shape and memory order of `like`."""
        return vector.as_strided(like.shape, like.stride(), start)

    def backward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Write the gradient of the mean loss of images (N, C, H, W), labels (N,) to `gradient`, and return the loss."""
        self.gradient.zero_()
        loss = cross_entropy(self.network(images), labels)
        loss.backward()
        return loss.detach()

    @torch.no_grad()
    def update(self, beta: float, threshold: float | None) -> None:
        """Take the W-step and V-step with the gradient from `backward`. If threshold is None: no penalty, no V-step."""
        n = self.n_sparse
        if self.decay:
            self.gradient[n:].add_(self.flat[n:], alpha=self.decay)
        if threshold is None:
            self.optimizer.step()
            return
        for group in self.groups:
            norms = torch.linalg.vector_norm(group.weight, dim=group.within, keepdim=True)
            group.gradient.addcmul_(group.weight, group.strength / norms.clamp_(min=1e-30))
        w = self.flat[:n]
        self.gradient[:n].add_(w, alpha=beta).sub_(self.v, alpha=beta)
        self.optimizer.step()
        torch.mul(w, w.abs() > threshold, out=self.v)

    def step(self, images: Tensor, labels: Tensor, beta: float, threshold: float | None) -> Tensor:
        """Take both steps on one batch. Return the batch's loss."""
        loss = self.backward(images, labels)
        self.update(beta, threshold)
        return loss

    @contextmanager
    def using(self, weights: Tensor) -> Iterator[None]:
        """Within this context, the network has these weights (n_sparse,), and otherwise its own parameters."""
        w = self.flat[: self.n_sparse]
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


def lenet5_peer(lam: float, lr: float, device: str = "cpu", channels_last: bool = False, seed: int = 0) -> Peer:
    """Return LeNet-5 with Adam, group lasso and l0 on every weight matrix, and no weight decay."""
    torch.manual_seed(seed)
    network = lenet5()
    weights = [name for name, p in network.named_parameters() if p.ndim > 1]
    return Peer(network, weights, partial(Adam, lr=lr, fused=True), lam, device=device, channels_last=channels_last)
