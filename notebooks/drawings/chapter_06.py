"""The figures of chapter 6. Every function gets numbers, functions or penalties from the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from minisgl.plots import GREY, V_COLOUR, W_COLOUR

SHADES = LinearSegmentedColormap.from_list("a", [V_COLOUR, "#b0306a", W_COLOUR])


def colour_of(a):
    """From orange, for a = 0.1 (like l0), to blue, for a = 10 (like l1)."""
    return SHADES((np.log10(a) + 1) / 2)


def open_dot(panel, x, y, colour):
    """A circle that hides what is behind it."""
    panel.plot(x, y, "o", color=colour, markerfacecolor=panel.get_facecolor(), markersize=6)


def bend_and_jump(v, curves):
    """One panel for each prox, {lam: x}, over v, each (n,)."""
    _, axes = plt.subplots(1, len(curves), figsize=(8, 3.6), sharey=True)
    for panel, (lam, x) in zip(axes, curves.items(), strict=True):
        panel.plot(v, v, "--", color=GREY, linewidth=0.8)
        panel.plot(v, np.where(np.abs(np.diff(x, append=x[-1])) > 0.5, np.nan, x), color=W_COLOUR, linewidth=2)
        panel.set(title=f"lam = {lam}: widest gap {np.diff(x).max():.1f}", xlabel="v", aspect="equal")
    axes[0].set_ylabel("prox(v); dashed: v")
    plt.show()


def prices(price, some_a, contours_of):
    """The graph of price(x, a) for each of some_a, and contours of the price of two weights for each of contours_of."""
    panels = len(contours_of) + 3
    _, axes = plt.subplots(1, panels, figsize=(14, 2.7), width_ratios=[1.6] + [1] * (panels - 1))
    x = np.linspace(0, 1.6, 321)  # (321,)
    for a in some_a:
        axes[0].plot(x, price(x, a), color=colour_of(a), label=f"a = {a:g}")
    axes[0].plot(x, x, "--", color=GREY, label="l1")
    axes[0].plot([0, 1.6], [1, 1], ":", color=GREY, label="l0")
    axes[0].plot(0, 0, "o", color=GREY, markersize=4)
    axes[0].set(title="price of one weight", xlabel="x", ylim=(-0.05, 1.65))
    axes[0].legend(fontsize=7, loc="lower right", ncols=2)
    both = np.linspace(-1.5, 1.5, 301)  # (301,)
    for panel, a in zip(axes[1:-1], (np.inf, *contours_of), strict=True):
        single = np.abs(both) if a == np.inf else price(both, a)  # (301,)
        values = single + single[:, None]  # (301, 301)
        panel.contourf(both, both, values, levels=[-1, 1], colors=[W_COLOUR], alpha=0.25)
        panel.contour(both, both, values, levels=[0.25, 0.5, 0.75, 1.25, 1.5, 2], colors=GREY, linewidths=0.6)
        panel.contour(both, both, values, levels=[1], colors=W_COLOUR, linewidths=2)
        panel.set_title("l1" if a == np.inf else f"a = {a:g}")
    axes[-1].plot([-1.5, 1.5], [0, 0], [0, 0], [-1.5, 1.5], color=W_COLOUR, linewidth=2)
    axes[-1].text(0.75, 0.75, "2", color=GREY, ha="center", va="center")
    axes[-1].text(0.75, 0.12, "1", color=W_COLOUR, ha="center")
    axes[-1].set(title="l0 (with its values)", xlim=(-1.5, 1.5), ylim=(-1.5, 1.5))
    for panel in axes[1:]:
        panel.set(aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="w1")
    axes[1].set_ylabel("w2")
    plt.show()


def lowest_points(x, by_lam, by_penalty, *, a, lam, level):
    """h over x (n,), its lowest point's place and height: for some lam and one a, and for three penalties and one lam.

    Where the h of the last lam is below the level, the left panel is shaded.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), sharey=True)
    colours = SHADES(np.linspace(1, 0, len(by_lam)))
    labelled = {f"lam = {one:g}": curve for one, curve in by_lam.items()}
    for panel, curves, some in ((left, labelled, colours), (right, by_penalty, (W_COLOUR, SHADES(0.5), V_COLOUR))):
        for (label, (h, landing, threshold)), colour in zip(curves.items(), some, strict=True):
            panel.plot(x, h, color=colour, label=label)
            panel.plot(landing, threshold, "o", color=colour, markersize=8, clip_on=False)
    last, h = list(by_lam)[-1], list(by_lam.values())[-1][0]
    left.fill_between(x, h, level, where=h < level, color=colours[-1], alpha=0.25)
    left.text(1.0, level + 0.04, f"v = {level:g}: here x beats 0 (lam = {last:g})", fontsize=8, ha="center")
    left.set(title=f"h, a = {a:g}. Dots: height = threshold, place = landing", xlabel="x", ylabel="h(x)")
    left.set(xlim=(0, 2.5), ylim=(0, 2.5))
    right.set(title=f"the same for three penalties, lam = {lam:g}", xlabel="x", xlim=(0, 2.5))
    left.legend(loc="lower right", fontsize=8)
    right.legend(loc="lower right", fontsize=8)
    plt.show()


def three_on_a_circle(lam, a, roots_of):
    """The three roots as points on a circle, {v: z_0, z_1, z_2}, with p(z) = z^3 - (a + v) z^2 + lam a (a + 1)."""
    _, axes = plt.subplots(1, len(roots_of), figsize=(13, 4.6), sharey=True)
    for panel, (v, z) in zip(axes, roots_of.items(), strict=True):
        A, c = a + v, lam * a * (a + 1)
        phi = np.arccos(np.clip(1 - 27 * c / (2 * A**3), -1, 1))
        panel.add_patch(plt.Circle((A / 3, 0), 2 * A / 3, edgecolor=GREY, facecolor="none"))
        heights = 2 * A / 3 * np.sin(phi / 3 + np.arange(3) * 2 * np.pi / 3)  # (3,)
        panel.fill(z, heights, edgecolor=GREY, facecolor="none", linewidth=0.8)
        wide = np.linspace(-1.6, 4.2, 300)  # (300,)
        panel.plot(wide, (wide**3 - A * wide**2 + c) / 3, color=W_COLOUR, label="p(z) / 3")
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.axvline(a, color=GREY, linewidth=0.8, linestyle="--")
        background = panel.get_facecolor()
        marks = {"z0: valley": (V_COLOUR, V_COLOUR), "z1": (GREY, GREY), "z2: hill": (GREY, background)}
        for place, height, (name, (colour, face)) in zip(z, heights, marks.items(), strict=True):
            panel.plot([place, place], [height, 0], ":", color=colour)
            panel.plot([place, place], [height, 0], "o", color=colour, markerfacecolor=face, markersize=8, label=name)
        panel.set(title=f"v = {v:.3g}:  phi = {np.degrees(phi):.0f}°", xlabel="z (dashed: z = a, that is x = 0)")
        panel.set(xlim=(-1.6, 4.2), ylim=(-3, 3), aspect="equal")
    axes[-1].legend(fontsize=8, loc="lower right")
    plt.show()


def cost_panel(panel, penalty, v, end):
    """f(x) - f(0) up to x = end, with its valleys, its hill and the best x."""
    x = np.linspace(-0.15 * end, end, 401)  # (401,)
    lam, a = penalty.lam, penalty.a

    def above_zero(x):
        return penalty.cost(np.atleast_1d(x).astype(float)) + (x - v) ** 2 / 2 - v**2 / 2

    panel.plot(x, above_zero(x), color=GREY)
    panel.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    if v < lam * (a + 1) / a:
        panel.plot(0, 0, "o", color=GREY, markersize=6)
    z = np.roots([1, -(a + v), 0, lam * a * (a + 1)])  # (3,)
    flat = np.sort(z[np.isreal(z)].real - a)[::-1]  # from large to small: the valley inside, then the hill
    if flat[0] > 1e-9:
        panel.plot(flat[0], above_zero(flat[0]), "o", color=GREY, markersize=6)
        if len(flat) > 1 and flat[1] > 1e-9:
            open_dot(panel, flat[1], above_zero(flat[1]), GREY)
    best = penalty.prox(np.array([v], dtype=float), 1.0)  # (1,)
    panel.plot(best, above_zero(best), "o", color=V_COLOUR, markersize=9)
    t, landing = penalty.threshold(1.0), landing_of(penalty)
    tie = f", or {landing:.3g}" if landing > 0 and abs(v - t) < 1e-9 else ""
    panel.set(title=f"v = {v:.3g}:  best x = {best[0]:.2f}{tie}", xlabel="x", xlim=(-0.15 * end, end))


def landing_of(penalty):
    """Where the prox lands just above the threshold; 0 if it does not jump."""
    return max(0.0, np.sqrt(2 * penalty.lam * (penalty.a + 1)) - penalty.a)


def prox_panel(panel, penalty, marked, end):
    """The prox up to v = end, all points of slope zero behind it, and a dot for each marked v."""
    lam, a, t, landing = penalty.lam, penalty.a, penalty.threshold(1.0), landing_of(penalty)
    x = np.linspace(0, end, 401)  # (401,)
    flat = x + lam * a * (a + 1) / (a + x) ** 2  # (401,), the v for which x has slope zero
    panel.plot([0, end], [0, end], "--", color=GREY, linewidth=0.8)
    panel.plot([0, lam * (a + 1) / a], [0, 0], flat, x, color=GREY, linewidth=1.2)
    panel.plot([0, t], [0, 0], color=W_COLOUR, linewidth=2.5)
    panel.plot(flat[x >= landing], x[x >= landing], color=W_COLOUR, linewidth=2.5)
    if landing > 0:
        panel.plot([t, t], [0, landing], ":", color=W_COLOUR)
        open_dot(panel, t, landing, W_COLOUR)
    panel.plot(marked, penalty.prox(np.array(marked, dtype=float), 1.0), "o", color=V_COLOUR, markersize=8)
    jump = f"jumps at {t:.3g}" if landing > 0 else f"bends at {t:.3g}"
    panel.set(title=f"prox: {jump}", xlabel="v", xlim=(0, end), ylim=(-0.03 * end, end), aspect="equal")


def valleys(rows):
    """One row for each (penalty, its values of v): their costs, and the prox."""
    most = max(len(some_v) for _, some_v in rows)
    ratios = [1] * most + [1.15]
    _, axes = plt.subplots(len(rows), most + 1, figsize=(14, 2.8 * len(rows)), width_ratios=ratios, squeeze=False)
    for row, (penalty, some_v) in zip(axes, rows, strict=True):
        end = 1.4 * max(some_v)
        for panel, v in zip(row, some_v, strict=False):
            cost_panel(panel, penalty, v, end)
            panel.set_ylim(-0.3, 0.3)
        row[0].set_ylabel(f"lam = {penalty.lam:g}\nf(x) - f(0)")
        prox_panel(row[-1], penalty, some_v, end)
    plt.show()


def cost_and_prox(penalty, v, end=3.2):
    """The cost for one v beside the prox."""
    _, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    cost_panel(left, penalty, v, end)
    x = np.append(np.linspace(0, end, 100), v)  # (101,); at v the inner valley is near
    heights = penalty.cost(x) + (x - v) ** 2 / 2 - v**2 / 2  # (101,)
    left.set_ylim(min(-0.8, 1.1 * heights.min()), max(0.8, 1.1 * heights[-1]))
    prox_panel(right, penalty, [v], end)
    plt.show()


def regimes(a, lam, part, borders, thresholds):
    """The part of the threshold that is jumped over a and lam, each (n, n); thresholds over lam, {a: (lams, t)}.

    borders is {a: lam at the border}.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4))
    filled = left.contourf(a, lam, part, levels=np.linspace(0, 1, 11), cmap="Oranges", vmax=1.4)
    left.plot(a[0], a[0] ** 2 / (2 * (a[0] + 1)), color=W_COLOUR, linewidth=2)
    box = {"facecolor": left.get_facecolor(), "edgecolor": "none", "alpha": 0.7, "pad": 2}
    left.text(0.03, 3, "jump, like l0", fontsize=11, bbox=box)
    left.text(1.2, 0.006, "no jump, like l1", fontsize=11)
    left.text(2.6, 0.35, "lam = a²/(2(a + 1))", color=W_COLOUR, rotation=27, fontsize=9)
    left.plot([1, 1], [0.2, 1], "o", color=GREY, markersize=5)
    left.set(xscale="log", yscale="log", xlabel="a", ylabel="lam", title="jump / threshold (dots: the two rows above)")
    left.set_ylim(lam.min(), lam.max())
    figure.colorbar(filled, ax=left)
    for i, (of_a, (lams, t)) in enumerate(thresholds.items()):
        if i == 0:
            right.plot(lams, lams, "--", color=GREY, label="l1: lam")
            right.plot(lams, np.sqrt(2 * lams), ":", color=GREY, label="l0: sqrt(2 lam)")
        right.plot(lams, t, color=colour_of(of_a), label=f"a = {of_a:g}")
        if borders[of_a] < lams[-1]:
            right.plot(borders[of_a], of_a / 2, "o", color=colour_of(of_a))
    right.set(xlabel="lam", title="threshold (dots: the border)")
    right.legend()
    plt.show()


def rounding(scales, errors, v):
    """The largest error in float32 over a, {name: errors}, each (n,), of the prox of v."""
    _, axes = plt.subplots(figsize=(7, 3))
    for (name, one), colour in zip(errors.items(), (W_COLOUR, V_COLOUR), strict=True):
        axes.loglog(scales, one, ".-", color=colour, label=name)
    axes.set(title=f"largest error in float32, v from {v[0]:g} to {v[-1]:g}, lam = 1", xlabel="a", ylim=(1e-8, 10))
    axes.legend()
    plt.show()


def losses(v, lost):
    """What a weight v (n,) loses, {name or a: v - x}."""
    _, axes = plt.subplots(figsize=(7, 3.2))
    for name, one in lost.items():
        if isinstance(name, str):
            axes.plot(v, one, "--" if name == "l1" else ":", color=GREY, label=name)
        else:
            axes.plot(v, one, color=colour_of(name), label=f"a = {name:g}")
    axes.set(title="what a kept weight loses, all with the threshold 1", xlabel="v", ylabel="v - x", xlim=(1, 6))
    axes.legend(fontsize=8, ncols=2, loc="upper right", bbox_to_anchor=(1, 0.93))
    plt.show()


def one_end_or_many(distances, exact, two_valleys):
    """Distances from the truth, {a: (runs,)}, and how many runs are exact, {a: number}; shaded up to a = two_valleys."""
    places = {name: {"l0": 0.02, "l1": 25}.get(name, name) for name in distances}
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 3.6))
    for name, one in distances.items():
        colour = W_COLOUR if np.ptp(one) < 1e-6 else V_COLOUR
        left.plot(np.full(len(one), places[name]), one, "o", color=colour, markersize=4)
    right.plot(list(places.values()), list(exact.values()), "o-", color=W_COLOUR)
    for panel in (left, right):
        panel.axvspan(0.015, two_valleys, color=GREY, alpha=0.15)
        panel.set(xlabel="a", xlim=(0.015, 33), xscale="log")
        panel.set_xticks([0.02, 0.1, 1, 10, 25], ["l0", "0.1", "1", "10", "l1"])
    left.set(title="distance from the truth (blue: all runs, one end)", yscale="log")
    left.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    left.yaxis.set_minor_formatter("")
    right.set(title="runs of 30 with exactly the 12 right weights", ylim=(-1, 31))
    plt.show()
