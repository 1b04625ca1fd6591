"""The figures of networks for colour images: filters in colour, and which channels are left."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from support.residual import small_resnet

from minisgl.models import lenet5, resnet9
from minisgl.plots import run_figures
from minisgl.plots.channels import DEAD, channels_left, colour_filters
from minisgl.plots.style import V_COLOUR, as_png

RECORD = {"epoch": 1, "loss": 1.0, "measured_on": "training", "w": {"error": 1.0, "weight_sparsity": 0.0}}
HISTORY = [{**RECORD, "v": RECORD["w"]}]


def test_a_filter_is_a_picture_in_which_zero_is_grey():
    weight = np.random.default_rng(0).standard_normal((18, 3, 3, 3))
    weight[2] = 0
    figure = colour_filters(weight)
    drawn = [image.get_array() for image in figure.axes[0].images]
    assert len(drawn) == 18
    limit = np.abs(weight).max()
    for picture, each in zip(drawn, weight, strict=True):
        np.testing.assert_allclose((picture - 0.5) * 2 * limit, each.transpose(1, 2, 0), atol=1e-12)
    assert (drawn[2] == 0.5).all()
    assert figure.get_suptitle().startswith("conv1: 18 filters in red, green and blue (grey: 0), 27 of 486 weights zero")


def test_every_convolution_has_a_row_of_its_channels():
    network = small_resnet()
    network.layout["stage1.0.conv1.weight"].view(network.flat)[1] = 0
    network.layout["stage1.0.conv1.weight"].view(network.flat)[2, :, 1:] = 0
    figure = channels_left(network)
    axes, _ = figure.axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[:3] == ["conv1   3 of 3", "stage1.0.conv1   2 of 3", "stage1.0.conv2   3 of 3"]
    picture = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_allclose(picture[1], [1, 0, 1 / 3, np.nan])
    dead, few, all_left = (axes.images[0].to_rgba([share])[0] for share in (0, 1e-6, 1))
    assert to_hex(dead) == DEAD
    assert to_hex(all_left) == V_COLOUR
    assert to_hex(few) not in (DEAD, V_COLOUR)
    assert axes.get_title(loc="left") == "channels with weights left (orange): 20 of 21"


def test_of_the_sparsest_convolution_each_kernels_weights_are_drawn():
    network = resnet9(np.random.default_rng(0))
    weight = network.layout["block2.conv1.weight"].view(network.flat)  # (128, 128, 3, 3)
    weight[:, 1:] = 0
    weight[3, 0, 0, 0] = 0
    figure = run_figures(HISTORY, network)["block2.conv1_zeros.png"]()
    axes, _ = figure.axes
    np.testing.assert_array_equal(axes.images[0].get_array(), (weight != 0).sum(axis=(2, 3)))
    assert axes.get_title(loc="left") == (
        "block2.conv1: 1,151 of 147,456 weights left, 99.2 % zero, 16,256 of 16,384 kernels empty"
    )


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (resnet9, {"conv1_filters.png", "channels.png", "fc_zeros.png"}),
        (lenet5, {"conv1_filters.png", "fc1_zeros.png"}),
    ],
)
def test_which_figures_a_run_has(make, names):
    drawn = run_figures(HISTORY, make(np.random.default_rng(0)))
    assert set(drawn) == names | {"loss_and_error.png", "sparsity.png"}
    for draw in drawn.values():
        as_png(draw())
