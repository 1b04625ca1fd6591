"""The figures show what they say: curves have the history's numbers, pictures the network's weights, titles the counts."""

import re

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from support.device_double import device

from minisgl import plots
from minisgl.analysis.compact import compact
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglWarning
from minisgl.formats import files
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, Sequential
from minisgl.training.directory import RunDirectory
from minisgl.training.figures import save_run_figures

HISTORY = [
    {
        "epoch": epoch,
        "loss": 2.0 / epoch,
        "error": 50.0,
        "measured_on": "held-out",
        "w": {"error": 3.0 - epoch, "weight_sparsity": 5.0 * epoch, "unit_sparsity": 1.0},
        "v": {"error": 9.0 / epoch, "weight_sparsity": 40.0 + 7.0 * epoch, "unit_sparsity": 2.0},
    }
    for epoch in (1, 2, 3)
]


def curves(axes):
    """Every line's (x, y), by its label."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}


def colours(axes):
    """The colours of the curves, and those of the legend, by label."""
    handles = axes.get_legend().legend_handles
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    in_legend = {text: to_hex(handle.get_color()) for text, handle in zip(texts, handles, strict=True)}
    return {line.get_label(): to_hex(line.get_color()) for line in axes.lines}, in_legend


def drawn(image):
    """The picture's colours (rows, columns, 3) as seen on its axes, 0 black and 1 white."""
    rgba = image.to_rgba(image.get_array())
    alpha, behind = rgba[..., 3:], np.array(image.axes.get_facecolor()[:3])
    return rgba[..., :3] * alpha + behind * (1 - alpha)


# ---- curves


def test_loss_and_error_over_epochs():
    left, right = plots.loss_and_error(HISTORY).axes
    assert left.get_title(loc="left") == "training loss"
    (loss,) = curves(left).values()
    assert loss == ([1, 2, 3], [2.0, 1.0, 2.0 / 3])
    assert right.get_title(loc="left") == "held-out error, %"
    # W reached 0 in epoch 3, for which a log axis has no place
    assert curves(right) == {"W": ([1, 2, 3], [2.0, 1.0, 0.01]), "V": ([1, 2, 3], [9.0, 4.5, 3.0])}
    assert (
        plots.loss_and_error([{**HISTORY[0], "measured_on": "training"}]).axes[1].get_title(loc="left") == "training error, %"
    )


@pytest.mark.parametrize(("first", "last"), [(1.75, 0.78), (2.3, 0.02), (0.9, 0.85), (41.0, 6.4), (48.0, 5.7)])
def test_loss_and_errors_have_at_least_three_numbers_beside_them(first, last):
    values = ((1, first), (2, last))
    history = [{**HISTORY[0], "epoch": e, "loss": x, "w": {"error": x}, "v": {"error": x}} for e, x in values]
    figure = plots.loss_and_error(history)
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


def test_zeros_over_epochs():
    (axes,) = plots.sparsity_over_epochs(HISTORY).axes
    assert curves(axes) == {"W": ([1, 2, 3], [5.0, 10.0, 15.0]), "V": ([1, 2, 3], [47.0, 54.0, 61.0])}
    assert "zero, %" in axes.get_ylabel()
    assert axes.get_ylim() == (0, 100)


def test_w_is_blue_and_v_is_orange_in_curves_and_legends():
    for axes in (plots.loss_and_error(HISTORY).axes[1], plots.sparsity_over_epochs(HISTORY).axes[0]):
        lines, legend = colours(axes)
        assert lines == legend == {"W": plots.W_COLOUR, "V": plots.V_COLOUR}
    (red, _, blue), (other_red, _, other_blue) = to_rgb(plots.W_COLOUR), to_rgb(plots.V_COLOUR)
    assert blue > red
    assert other_red > other_blue


# ---- pictures


def test_every_filter_has_its_picture_and_zeros_are_white():
    weight = np.random.default_rng(0).standard_normal((12, 1, 5, 5)).astype(np.float32)
    weight[np.abs(weight) < 0.5] = 0
    weight[0, 0, 0, :3] = [1e-3, -1e-3, 0]  # small is not zero
    figure = plots.filters(weight)
    zeros = int((weight == 0).sum())
    assert figure.get_suptitle() == f"conv1: 12 filters, {zeros} of 300 weights zero (white)"
    pictures = figure.axes[0].images
    assert len(pictures) == 12
    for image, part in zip(pictures, weight[:, 0], strict=True):
        shown = np.ma.masked_invalid(image.get_array())
        np.testing.assert_array_equal(np.ma.getmaskarray(shown), part == 0)
        np.testing.assert_array_equal(shown.filled(0), part)
        red, _, blue = np.moveaxis(drawn(image), -1, 0)
        np.testing.assert_array_equal(np.sign(blue - red), np.sign(part))  # blue positive, red negative
        assert (drawn(image)[part == 0] == 1).all()
        assert (image.norm.vmin, image.norm.vmax) == (-np.abs(weight).max(), np.abs(weight).max())  # one scale for all


def test_filters_of_several_channels_are_drawn_one_filter_after_the_other():
    weight = np.random.default_rng(2).standard_normal((4, 3, 5, 5)).astype(np.float32)
    figure = plots.filters(weight)
    pictures = [image.get_array() for image in figure.axes[0].images]
    np.testing.assert_array_equal(np.stack(pictures), weight.reshape(12, 5, 5))
    assert figure.get_suptitle().startswith("conv1: 4 filters of 3 channels, 0 of 300 weights zero")


def test_filters_that_are_all_zero_are_all_white():
    figure = plots.filters(np.zeros((20, 1, 5, 5), np.float32))
    pictures = figure.axes[0].images
    assert len(pictures) == 20
    places = np.array([image.get_extent() for image in pictures])  # left, right, bottom, top
    assert (places[1:10, 0] > places[:9, 1]).all()  # ten side by side, and ten below them
    assert (places[10:, 3] > places[:10, 2]).all()
    assert all((drawn(image) == 1).all() for image in pictures)
    assert "500 of 500 weights zero" in figure.get_suptitle()


def test_the_zero_pattern_is_black_where_a_weight_is_left():
    weight = np.random.default_rng(1).standard_normal((50, 80)).astype(np.float32)
    weight[np.abs(weight) < 1] = 0
    weight[:, 5:9] = 0
    weight[7] = 0
    weight[3, 2] = 1e-20  # small is not zero
    figure = plots.zero_pattern(weight, "fc7", columns_each=4)
    top, bottom = figure.axes
    (image,) = top.images
    np.testing.assert_array_equal(image.get_array(), weight != 0)
    np.testing.assert_array_equal(drawn(image), np.where(weight != 0, 0.0, 1.0)[..., None].repeat(3, axis=-1))
    left, size = np.count_nonzero(weight), weight.size
    percent = f"{100 * (size - left) / size:.1f}"
    assert top.get_title(loc="left") == f"fc7: {left:,} of 4,000 weights left (black), {percent} % zero, 4 of 80 inputs dead"
    (steps,) = bottom.patches
    heights, edges, base = steps.get_data()
    np.testing.assert_array_equal(heights, (weight != 0).sum(axis=0))
    np.testing.assert_array_equal(edges, np.arange(81) - 0.5)  # each step stands under its own input
    assert base == 0
    assert list(bottom.get_xticks()) == [0, 40, 80]  # every ten channels of four inputs
    assert "4 per channel" in bottom.get_xlabel()


# ---- files


def test_a_figure_is_saved_as_a_png(tmp_path):
    plots.save(plots.sparsity_over_epochs(HISTORY), tmp_path / "figure.png")
    content = (tmp_path / "figure.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = np.frombuffer(content[16:24], ">u4")
    assert (width, height) == (672, 408)
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def words(figure):
    """All that is written around the axes of a figure, and the numbers of its curves."""
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        parts += [axes.get_title(loc="left"), axes.get_ylabel(), str(curves(axes) or "")]
    return " | ".join(part for part in parts if part)


def test_the_four_files_hold_the_runs_history_and_the_networks_weights(tmp_path, monkeypatch):
    def write_words(figure, target, **options):
        """Stands for drawing, which takes a second a figure: the file holds the figure's words instead."""
        content = words(figure).encode()
        target.write(content) if hasattr(target, "write") else files.write(target, content)

    monkeypatch.setattr(Figure, "savefig", write_words)
    network = lenet5(np.random.default_rng(0))
    conv1, fc1 = network.layers["conv1"].weight, network.layers["fc1"].weight
    conv1[3] = 0
    fc1[:, :17] = 0
    run = RunDirectory.create(tmp_path / "run", "")
    for record in HISTORY:
        run.append_history(record)
    save_run_figures(run, network, {}, LabelledImages(np.zeros((1, 1, 28, 28)), np.zeros(1)))
    assert {path.name: path.read_text() for path in run.figures.iterdir()} == {
        "loss_and_error.png": words(plots.loss_and_error(HISTORY)),
        "sparsity.png": words(plots.sparsity_over_epochs(HISTORY)),
        "conv1_filters.png": words(plots.filters(conv1)),
        "fc1_zeros.png": words(plots.zero_pattern(fc1, "fc1", columns_each=16)),
    }
    title = (run.figures / "fc1_zeros.png").read_text()
    assert re.search(r"fc1: 391,500 of 400,000 weights left .* 2\.1 % zero, 17 of 800 inputs dead", title)
    assert "25 of 500 weights zero" in (run.figures / "conv1_filters.png").read_text()


# ---- two architectures


def test_the_architectures_say_every_stages_units_and_every_layers_weights():
    before = lenet5(np.random.default_rng(0))
    before.layers["conv1"].weight[[3, 4]] = 0
    before.layers["fc1"].weight[:, :20] = 0
    after = compact(before)
    figure = plots.architecture(before, after)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    one, two = texts.index("before: 430,500 weights"), texts.index(f"after: {after.weights.size:,} weights")
    for words, units, weights in (
        (texts[one:two], ("20", "50", "800", "500", "10"), ("500", "25,000", "400,000", "5,000")),
        (texts[two:], ("18", "49", "780", "500", "10"), ("450", "22,050", "390,000", "5,000")),
    ):
        assert [word for word in words if "map" in word] == [
            "1 map\n28 x 28", f"{units[0]} maps\n24 x 24", f"{units[1]} maps\n8 x 8"
        ]  # fmt: skip
        assert [word for word in words if word.replace(",", "").isdigit()] == list(units[2:])
        assert [word.split()[-2] for word in words[1:] if word.endswith("weights")] == list(weights)
    assert "pool 2 x 2\nflatten" in texts[one:two]
    assert "pool 2 x 2\nflatten\ngather" in texts[two:]
    assert "conv1 5 x 5\n500 weights" in texts


def test_the_architectures_of_nested_and_of_convolutional_networks_have_every_layer():
    rng = np.random.default_rng(0)
    body = Sequential({"conv": Conv2d(1, 3, 3), "relu": ReLU(), "flatten": Flatten()})
    nested = Network.initialized({"body": body, "fc": Linear(12, 2)}, (1, 4, 4), rng)
    (axes,) = plots.architecture(nested, compact(nested)).axes
    assert "body.conv 3 x 3\n27 weights" in [text.get_text() for text in axes.texts]
    convolutional = Network.initialized({"conv": Conv2d(1, 3, 4), "flatten": Flatten()}, (1, 4, 4), rng)
    (axes,) = plots.architecture(convolutional, compact(convolutional)).axes
    assert "conv 4 x 4\n48 weights" in [text.get_text() for text in axes.texts]


def test_the_architectures_are_drawn_in_one_scale():
    """A sheet a map, a bar a vector; the smaller network's in front of the outline of the larger one's."""
    before = lenet5(np.random.default_rng(0))
    before.layers["conv1"].weight[5:] = 0
    before.layers["fc2"].weight[:, 100:] = 0
    (axes,) = plots.architecture(before, compact(before)).axes
    by_colour = {}
    for patch in axes.patches:
        if hasattr(patch, "get_height"):
            by_colour.setdefault(to_hex(patch.get_facecolor()), []).append(patch)
    blue, orange = by_colour[plots.W_COLOUR], by_colour[plots.V_COLOUR]
    assert (len(blue), len(orange)) == (1 + 20 + 50 + 3, 1 + 5 + 50 + 3)
    whole, left = blue[-2].get_height(), orange[-2].get_height()  # the bar of fc2's inputs
    assert left / whole == pytest.approx(100 / 500)
    assert blue[-3].get_height() / whole == pytest.approx(800 / 500)
    assert {round(patch.get_width(), 6) for patch in blue[:1]} == {round(patch.get_width(), 6) for patch in orange[:1]}


def test_an_experiments_own_figures_get_the_test_images_of_a_device_on_the_host(tmp_path):
    run, asked = RunDirectory.create(tmp_path / "run", ""), []
    run.append_history(HISTORY[0])
    test = LabelledImages(np.ones((2, 1, 28, 28), np.float32), np.zeros(2, int))

    def draw(network, images):
        asked.append(images)
        return Figure()

    save_run_figures(run, lenet5(np.random.default_rng(0)), {"own.png": draw}, test.to(device))
    assert type(asked[0].images) is np.ndarray
    assert (run.figures / "own.png").is_file()
    (run.path / "history.jsonl").unlink()
    with pytest.warns(MinisglWarning, match=r"figures could not be drawn: .*history\.jsonl must have a line"):
        save_run_figures(run, lenet5(np.random.default_rng(0)), {}, test)  # no run is lost by its figures
