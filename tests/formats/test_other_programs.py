"""docs/other-programs.md: its code, run as it stands, gives the logits of minisgl's own network."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minisgl
from minisgl.data.pictures import read_digit

PAGE = (Path(__file__).parents[2] / "docs" / "other-programs.md").read_text("utf-8")
PYTORCH, ONNX = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    """A folder with the run that the page names, its compact network, and a picture of a seven."""
    folder = tmp_path_factory.mktemp("other")
    out = folder / "runs" / "mnist-lenet5-l0-1"
    minisgl.fit(minisgl.preset(epochs=1, data=small, threads=1, out=out)).compress()
    return folder


def test_the_module_for_pytorch_gives_the_same_logits(folder, digits, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.chdir(folder)
    space = {}
    exec(PYTORCH, space)
    images = digits[1].images[:50]
    network, _ = minisgl.load("runs/mnist-lenet5-l0-1")
    with torch.no_grad():
        theirs = space["lenet5"](torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(theirs, network.forward(images)[0], rtol=0, atol=1e-4)


def test_the_session_of_onnx_gives_the_same_logits(folder, digits, monkeypatch):
    monkeypatch.chdir(folder)
    digit = 1 - digits[1].images[digits[1].labels == 7][0, 0]
    Image.fromarray(np.uint8(255 * digit)).resize((280, 280)).save("seven.png")
    space, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(ONNX, space)
    ours = minisgl.load("runs/mnist-lenet5-l0-1")[0].forward(read_digit(Path("seven.png"))[None])[0]
    np.testing.assert_allclose(space["logits"], ours, rtol=0, atol=1e-4)
    assert printed.getvalue() == f"{ours.argmax()}\n"
