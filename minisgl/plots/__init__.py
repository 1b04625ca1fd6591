"""The figures: `run.py` draws a run's, `architecture.py` what compressing saves, `gallery.py` the penalties side by side.

`style.py` is what they share.
"""

from minisgl.plots.architecture import architecture
from minisgl.plots.run import filters, loss_and_error, run_figures, sparsity_over_epochs, zero_pattern
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR, save

__all__ = [
    "GREY",
    "V_COLOUR",
    "W_COLOUR",
    "architecture",
    "filters",
    "loss_and_error",
    "run_figures",
    "save",
    "sparsity_over_epochs",
    "zero_pattern",
]
