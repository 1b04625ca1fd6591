"""Comparison of many runs: the grid, the engines that train it, the results, and their tables. Used by `minisgl.sweep`."""
