"""Small residual networks, and the same networks in PyTorch."""

from collections import OrderedDict

import numpy as np

from minisgl.nn import BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, Residual, Sequential


def block(inputs: int, outputs: int, stride: int = 1) -> Residual:
    """A pre-activation block, with a shortcut where the shape changes."""
    first = {"bn1": BatchNorm2d(inputs), "relu1": ReLU()}
    body = {
        "conv1": Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        "bn2": BatchNorm2d(outputs),
        "relu2": ReLU(),
        "conv2": Conv2d(outputs, outputs, 3, 1, 1, bias=False),
    }
    if (inputs, stride) == (outputs, 1):
        return Residual({**first, **body})
    return Residual(body, {"shortcut": Conv2d(inputs, outputs, 1, stride, bias=False)}, first)


def small_resnet(dtype=np.float64, seed=0, channels=(3, 4), size=8, classes=3) -> Network:
    """A block of 3 channels with the identity as its shortcut, and one of 4 that changes the shape, for images (2, 8, 8)."""
    a, b = channels
    layers = {
        "conv1": Conv2d(2, a, 3, padding=1, bias=False),
        "stage1": Sequential({"0": block(a, a)}),
        "stage2": Sequential({"0": block(a, b, 2)}),
        "bn": BatchNorm2d(b),
        "relu": ReLU(),
        "pool": GlobalAvgPool2d(),
        "fc": Linear(b, classes),
    }
    return Network.initialized(layers, (2, size, size), np.random.default_rng(seed), dtype)


def scrambled(network: Network, seed: int = 1) -> Network:
    """The network with Gaussian scales and shifts, and other running statistics: no number is 0 or 1."""
    rng = np.random.default_rng(seed)
    for slot in network.layout.slots:
        if slot.kind != "weight":
            drawn = rng.standard_normal(slot.shape)
            slot.view(network.flat)[...] = 0.5 + drawn**2 if slot.name.endswith("running_var") else drawn
    return network


def torch_twin(network: Network):
    """The same network as a PyTorch module, with the same names and numbers, in training mode."""
    import torch  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    class Block(nn.Module):
        def __init__(self, ours: Residual) -> None:
            super().__init__()
            self.changes = "shortcut" in ours.children
            for name, layer in ours.children.items():
                self.add_module(name, converted(layer))

        def forward(self, x):
            h = torch.relu(self.bn1(x))
            y = self.conv2(torch.relu(self.bn2(self.conv1(h))))
            return y + (self.shortcut(h) if self.changes else x)

    of_kind = {
        Conv2d: lambda ours: nn.Conv2d(*ours.weight_shape[1::-1], ours.kernel, ours.stride, ours.padding, bias=ours.has_bias),
        BatchNorm2d: lambda ours: nn.BatchNorm2d(ours.channels, ours.eps),
        Linear: lambda ours: nn.Linear(*ours.weight_shape[::-1]),
        ReLU: lambda ours: nn.ReLU(),
        GlobalAvgPool2d: lambda ours: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        Residual: Block,
        Sequential: lambda ours: chain(ours.children),
    }

    def converted(layer):
        return of_kind[type(layer)](layer)

    def chain(layers):
        return nn.Sequential(OrderedDict((name, converted(layer)) for name, layer in layers.items()))

    module = chain(network.layers).to(torch.float64 if network.flat.dtype == np.float64 else torch.float32)
    arrays = {slot.name: torch.from_numpy(slot.view(network.flat).copy()) for slot in network.layout.slots}
    module.load_state_dict(arrays, strict=True)
    return module.train()


def spoilt(network: Network, seed: int, parts: tuple[float, float, float, float]) -> Network:
    """A network with other numbers, and zeros: whole layers, output channels, input columns, and single weights.

    Each has its own probability. What is dead has a scale and a shift that are not 0, so many a constant is left.
    """
    rng = np.random.default_rng(seed)
    network = scrambled(network.with_flat(network.flat.copy()), seed)
    for slot in network.layout.weights.values():
        weight = slot.view(network.flat)
        layers, outputs, inputs, single = parts
        weight[...] *= rng.random() >= layers
        weight[rng.random(weight.shape[0]) < outputs] = 0
        weight[:, rng.random(weight.shape[1]) < inputs] = 0
        weight[rng.random(weight.shape) < single] = 0
    return network
