"""A convolutional network by hand. Nothing in this folder knows about sparsity.

Between layers the image index comes last: a batch of feature maps is (C, H, W, N), a batch of vectors is (D, N). A
convolution window then consists of long contiguous runs, Flatten copies nothing, and weights keep PyTorch's layout:
(K, C, R, S) and (D_out, D_in). docs/architecture.md has the measurements.

Notation: N images, C channels in, K channels out, H x W input, R x S kernel, P x Q output, D_in and D_out of a linear layer.
"""

from minisgl.nn.average_pooling import AvgPool2d, GlobalAvgPool2d
from minisgl.nn.binary import Binary
from minisgl.nn.conv import Conv2d
from minisgl.nn.dropout import Dropout
from minisgl.nn.layer import Gradients, Layer, gradients
from minisgl.nn.layers import Flatten, Gather, Linear, ReLU
from minisgl.nn.loss import softmax, softmax_cross_entropy
from minisgl.nn.network import Network
from minisgl.nn.norm import BatchNorm2d
from minisgl.nn.normalize import Normalize
from minisgl.nn.parameters import Block, Layout, Parameter, Slot
from minisgl.nn.pooling import MaxPool2d
from minisgl.nn.residual import Residual
from minisgl.nn.scale import ScaleShift
from minisgl.nn.sequential import Sequential
from minisgl.nn.step import Step, steps
from minisgl.nn.workspace import Workspace

__all__ = [
    "AvgPool2d",
    "BatchNorm2d",
    "Binary",
    "Block",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Gather",
    "GlobalAvgPool2d",
    "Gradients",
    "Layer",
    "Layout",
    "Linear",
    "MaxPool2d",
    "Network",
    "Normalize",
    "Parameter",
    "ReLU",
    "Residual",
    "ScaleShift",
    "Sequential",
    "Slot",
    "Step",
    "Workspace",
    "gradients",
    "softmax",
    "softmax_cross_entropy",
    "steps",
]
