"""The figures. `run.py` draws the figures of a run, `architecture.py` compares two networks, `gallery.py` shows the penalties.

`style.py` has what they share.
"""

from minisgl.plots.architecture import architecture
from minisgl.plots.run import filters, loss_and_error, run_figures, sparsity_over_epochs, zero_pattern
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR, as_png, png, save

__all__ = [
    "GREY",
    "V_COLOUR",
    "W_COLOUR",
    "architecture",
    "as_png",
    "filters",
    "loss_and_error",
    "png",
    "run_figures",
    "save",
    "sparsity_over_epochs",
    "zero_pattern",
]
