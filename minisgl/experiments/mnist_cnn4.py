"""The papers' 4-layer network on digits: two convolutions, two linear layers, dropout (Bui, Park, Zhang, Qi, Xin 2021).

The paper's settings are those of LeNet-5, but beta grows every 20 epochs.
"""

from dataclasses import replace

from minisgl.config import PaperConfig, TrainConfig
from minisgl.data import mnist
from minisgl.experiments.experiment import Experiment
from minisgl.experiments.mnist_lenet5 import PRESETS, digits, read_digit
from minisgl.models import cnn4

LENET5 = PRESETS["paper"]
assert isinstance(LENET5.regime, PaperConfig)  # for the type checker

MNIST_CNN4 = Experiment(
    "mnist-cnn4",
    cnn4,
    digits,
    {
        "quick": TrainConfig(experiment="mnist-cnn4"),
        "paper": replace(LENET5, experiment="mnist-cnn4", regime=replace(LENET5.regime, beta_every=20)),
    },
    load_test=mnist.load_test,
    read_picture=read_digit,
)
