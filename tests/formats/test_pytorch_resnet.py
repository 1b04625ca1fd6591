"""The module in docs/cifar.md loads a wide residual network's file, and gives the same logits."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.residual import scrambled

from minisgl.config import SizeConfig
from minisgl.experiments.cifar import CIFAR10
from minisgl.formats import network_file

PAGE = (Path(__file__).parents[2] / "docs" / "cifar.md").read_text("utf-8")
(MODULE,) = [code for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if "nn.Module" in code]


@pytest.mark.parametrize(("depth", "width"), [(10, 1), (16, 2)])
def test_the_module_for_pytorch_gives_the_same_logits(depth, width, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = scrambled(CIFAR10.network(np.random.default_rng(0), size=SizeConfig(depth, width)))
    network_file.write(tmp_path / "model.safetensors", network)
    space = {}
    exec(MODULE, space)
    images = np.random.default_rng(1).random((5, 3, 32, 32), np.float32)
    with torch.no_grad():
        theirs = space["load"](tmp_path, depth, width)(torch.from_numpy(images)).numpy()
    ours = network.forward(images)[0]
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5 * np.abs(ours).max())
