"""The networks of the benchmarks in PyTorch, written for speed: what autograd does not need again is overwritten."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import relu


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


class Block(nn.Module):
    """A pre-activation block; its shortcut is a convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs or stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output for maps (N, C, H, W)."""
        h = relu(self.bn1(x), inplace=True)
        y = self.conv2(relu(self.bn2(self.conv1(h)), inplace=True))
        return y.add_(x if self.shortcut is None else self.shortcut(h))


class WideResNet(nn.Module):
    """The network of minisgl.models.wide_resnet for images (N, 3, 32, 32) in [0, 1] and ten classes, with the same names."""

    def __init__(
        self, depth: int, width: int, mean: Sequence[float], deviation: Sequence[float], dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        n, channels = (depth - 4) // 6, [16, 16 * width, 32 * width, 64 * width]
        self.register_buffer("mean", torch.tensor(mean, dtype=dtype).reshape(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation, dtype=dtype).reshape(3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        for stage in (1, 2, 3):
            first = Block(channels[stage - 1], channels[stage], stride=1 if stage == 1 else 2)
            others = [Block(channels[stage], channels[stage], stride=1) for _ in range(n - 1)]
            setattr(self, f"stage{stage}", nn.Sequential(first, *others))
        self.bn = nn.BatchNorm2d(channels[3])
        self.fc = nn.Linear(channels[3], 10)
        self.to(dtype)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10)."""
        x = self.conv1((images - self.mean).div_(self.deviation))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.fc(relu(self.bn(x), inplace=True).mean(dim=(2, 3)))
