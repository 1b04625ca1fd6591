"""The figures of chapter 18, and its stopwatch. Every function that draws gets numbers of the chapter and shows one figure."""

from functools import reduce
from time import get_clock_info, perf_counter, thread_time

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def best_time(run, xp, calls=1, patience=0.1):
    """Seconds a call, in the quickest round of `calls` calls within `patience` seconds; a GPU is waited for after a round."""
    # on a processor the time of this program alone, where that clock is fine enough: other programs disturb it less
    clock = thread_time if xp is np and get_clock_info("thread_time").resolution < 1e-6 else perf_counter
    best, end = np.inf, clock() + patience
    while best == np.inf or clock() < end:
        start = clock()
        for _ in range(calls):
            run()
        if xp is not np:
            xp.cuda.Device().synchronize()
        best = min(best, (clock() - start) / calls)
    return best


def times(sizes, seconds, place, latency, bandwidth):
    """Seconds (k,) of abs over the entries (k,), measured, and latency + 8 n / bandwidth of an imagined device."""
    n = np.geomspace(1, sizes[-1], 200)
    _, axes = plt.subplots(figsize=(8, 3.6))
    axes.loglog(sizes, 1e6 * np.array(seconds), "o-", color=W_COLOUR, label=f"measured: {place}")
    axes.loglog(n, 1e6 * (latency + 8 * n / bandwidth), "--", color=V_COLOUR, label="imagined device, not measured")
    axes.axhline(1e6 * latency, color=V_COLOUR, linewidth=0.8, linestyle=":")
    axes.set(xlabel="entries of x", ylabel="microseconds", title="flat, then straight: first you wait, then you move bytes")
    axes.legend()
    plt.show()


def queues(played):
    """When host and device work, {title: (host, device, end)}: lists of (start, length), and the end, in microseconds."""
    _, axes = plt.subplots(1, len(played), figsize=(13, 2.3), sharex=True, sharey=True)
    for panel, (title, (host, device, end)) in zip(axes, played.items(), strict=True):
        panel.broken_barh(host, (1.1, 0.8), facecolor=W_COLOUR, edgecolor=GREY)
        panel.broken_barh(device, (0.1, 0.8), facecolor=V_COLOUR, edgecolor=GREY)
        panel.axvline(end, color=GREY, linestyle="--")
        panel.set(
            title=f"{len(host)} orders, {title}: {end:.0f} µs",
            xlabel="microseconds",
            yticks=[0.5, 1.5],
            yticklabels=["device", "host"],
        )
    plt.show()


def roofs(panels):
    """min(peak, slope x) over x flops a byte, {title: (peak, slope, slope of the cache or None, dots)}, and operations.

    dots: {name: (flops a byte, flops a second or None)}; None is marked on the roof. The first panel is in W's colour.
    """
    _, axes = plt.subplots(1, len(panels), figsize=(6.5 * len(panels), 4.4), squeeze=False)
    x = np.geomspace(0.05, 500, 200)
    colours = (W_COLOUR, V_COLOUR) if len(panels) > 1 else (V_COLOUR,)
    for panel, (title, (peak, slope, cache, dots)), colour in zip(axes[0], panels.items(), colours, strict=True):
        panel.loglog(x, np.minimum(peak, slope * x) / 1e9, color=colour, linewidth=2)
        if cache:
            panel.loglog(x, np.minimum(peak, cache * x) / 1e9, ":", color=colour)
        panel.axvline(peak / slope, color=GREY, linewidth=0.8, linestyle="--")
        for name, (at, speed) in dots.items():
            height = (speed or min(peak, slope * at)) / 1e9
            panel.plot(at, height, "o" if speed else "|", color=GREY, markersize=7 if speed else 14)
            panel.annotate(
                name, (at, height), (5, -6), textcoords="offset points", rotation=-45, va="top", rotation_mode="anchor"
            )
        panel.set(title=title, xlabel="flops a byte", ylabel="GFLOP/s", ylim=(min(peak, 0.05 * slope) / 2e9, 2 * peak / 1e9))
    plt.show()


def sums(lengths, errors, bounds):
    """Two ways to add 8 numbers; and the relative errors {way: (k,)} with bounds {way: (k,)} over the lengths (k,)."""
    _, (left, right) = plt.subplots(1, 2, figsize=(13, 4), width_ratios=(1, 1.5))

    def add(a, b, colour):
        """Draw the sum of two partial sums (place, additions) above them; the new partial sum."""
        c = (a[0] + b[0]) / 2, max(a[1], b[1]) + 1
        left.plot(*zip(a, c, b, strict=True), color=colour, linewidth=1)
        left.plot(*c, "o", color=colour, markersize=5)
        return c

    numbers = [(i, 0) for i in range(18) if i not in (8, 9)]  # 8 for each way
    left.plot(*zip(*numbers, strict=True), "s", color=GREY)
    reduce(lambda a, b: add(a, b, V_COLOUR), numbers[:8])
    level = numbers[8:]
    while len(level) > 1:
        level = [add(a, b, W_COLOUR) for a, b in zip(level[::2], level[1::2], strict=True)]
    left.set(title="8 numbers, 7 additions; the longest way is 7 or 3", ylabel="additions", yticks=range(8))
    left.set_xticks([3.5, 13.5], ["one after the other", "in pairs"])
    for (name, error), colour, style in zip(errors.items(), (V_COLOUR, W_COLOUR, GREY), (".-", ".-", "o"), strict=True):
        right.loglog(lengths, np.maximum(error, 1e-10), style, color=colour, markerfacecolor="none", label=name)
        if name in bounds:
            right.loglog(lengths, bounds[name], "--", color=colour, linewidth=0.9)
    right.set(title="relative error in float32 (dashed: the bound)", xlabel="numbers", ylim=(5e-11, 1))
    right.legend(loc="upper left")
    plt.show()
