"""The figure of two residual networks has a pair of bars for each layer, as long as its units."""

import numpy as np
from matplotlib.colors import to_hex
from support.residual_trees import two_stages

from minisgl import plots
from minisgl.analysis.compact import compact


def test_every_layer_has_its_bars():
    before = two_stages(np.float64, 0)
    weight = {name: slot.view(before.flat) for name, slot in before.layout.weights.items()}
    weight["stage1.0.conv1"][1] = 0
    weight["stage2.1.conv2"][...] = 0
    after = compact(before)
    figure = plots.architecture(before, after)
    (axes,) = figure.axes
    lengths = {plots.W_COLOUR: [], plots.V_COLOUR: []}
    for bar in axes.patches:
        lengths[to_hex(bar.get_facecolor())].append(bar.get_width())
    names = list(before.layout.weights)
    left = {name: slot.shape[slot.unit_axis] for name, slot in after.layout.weights.items()}
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert lengths[plots.W_COLOUR] == [slot.shape[slot.unit_axis] for slot in before.layout.weights.values()]
    assert lengths[plots.V_COLOUR] == [left.get(name, 0) for name in names]
    assert (left["stage1.0.conv1"], "stage2.1.conv1" in left) == (2, False)
    assert [text.get_text() for text in axes.texts].count("gone") == 2
    (legend,) = figure.legends
    sizes = [f"before: {before.weights.size:,} weights", f"after: {after.weights.size:,} weights"]
    assert [text.get_text() for text in legend.get_texts()] == sizes
