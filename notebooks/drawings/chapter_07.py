"""The figures of chapter 7. Every function gets numbers, functions or penalties from the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgba

from minisgl.penalties import L1MinusL2
from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def price(x, alpha):
    """||x||_1 - alpha ||x||_2 of vectors x (..., n): (...)."""
    return np.abs(x).sum(axis=-1) - alpha * np.sqrt((x**2).sum(axis=-1))


def plane(line):
    """The points of a square grid, (n, n, 2), from its line (n,)."""
    return np.stack(np.meshgrid(line, line), axis=-1)


def quarter():
    """361 angles from 0 to 90 degrees, and the points of length 1 there, (361, 2)."""
    angle = np.linspace(0, 90, 361)  # (361,)
    return angle, np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=-1)


def prices(alphas):
    """What two weights cost, a panel for each alpha; beside them the cost of all x of length 1."""
    line = np.linspace(-1.5, 1.5, 301)  # (301,), with an exact 0
    angle, circle = quarter()
    _, axes = plt.subplots(1, len(alphas) + 1, figsize=(14, 3.4))
    last, names = axes[-1], {0: "alpha = 0: l1", 1: "alpha = 1: free on the axes"}
    for panel, alpha in zip(axes, alphas, strict=False):
        costs = price(plane(line), alpha)  # (301, 301)
        panel.contourf(line, line, costs, levels=np.arange(0, 3.3, 0.2), cmap="Blues", extend="max")
        panel.contour(line, line, costs, levels=np.arange(0.2, 3.3, 0.2), colors=GREY, linewidths=0.7)
        panel.set(title=names.get(alpha, f"alpha = {alpha:g}"), xlabel="$x_1$", aspect="equal")
        panel.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        if alpha == 1:
            panel.plot([-1.5, 1.5, np.nan, 0, 0], [0, 0, np.nan, -1.5, 1.5], color=V_COLOUR, linewidth=2)
        else:
            panel.plot(0, 0, "o", color=V_COLOUR, markersize=5)
        colour = W_COLOUR if alpha == 0 else V_COLOUR if alpha == 1 else GREY
        last.plot(angle, price(circle, alpha), color=colour)
        last.text(45, price(circle, alpha).max() - 0.04, f"alpha = {alpha:g}", color=colour, ha="center", va="top")
    axes[0].set_ylabel("$x_2$")
    last.set(title="all x of length 1", xlabel="angle (0 and 90: on an axis)", ylabel="r(x)")
    last.set(xticks=[0, 45, 90], ylim=(-0.05, 1.5))
    plt.show()


def neighbour(v2, panels):
    """What is left of v_1 over its neighbour v_2 (n,): {v_1: (x_1 with l1 - l2 (n,), x_1 with l1, where it changes)}."""
    _, axes = plt.subplots(1, len(panels), figsize=(11, 3.2), sharey=True)
    for panel, (v1, (x1, with_l1, where)) in zip(axes, panels.items(), strict=True):
        panel.axhline(with_l1, color=W_COLOUR, label="l1: the neighbour does not matter")
        jump = np.abs(np.diff(x1, append=x1[-1])) > 0.1
        panel.plot(v2, np.where(jump, np.nan, x1), color=V_COLOUR, linewidth=2, label="l1 - l2")
        panel.axvline(where, color=GREY, linewidth=0.8, linestyle=":")
        panel.set(title=f"$v_1$ = {v1}: what is left of it", xlabel="$v_2$, its neighbour", ylim=(-0.1, max(panels) + 0.2))
    axes[0].set_ylabel("$x_1$")
    axes[-1].legend()
    plt.show()


def cost_panel(panel, v, lam, alpha, case):
    """The cost of x in the plane for one v (2,), and every best x."""
    line = np.linspace(-0.6, 2.0, 261)  # (261,)
    costs = lam * price(plane(line), alpha) + ((plane(line) - v) ** 2).sum(axis=-1) / 2  # (261, 261)
    levels = costs.min() + np.array([0, 0.01, 0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.6, 0.9, 1.3, 1.8, 2.5, 4])
    panel.contourf(line, line, costs, levels=levels, colors=plt.cm.Blues(np.linspace(0, 0.75, 14)), extend="max")
    panel.contour(line, line, costs, levels=levels[1:], colors=GREY, linewidths=0.4)
    panel.add_patch(plt.Circle((0, 0), alpha * lam, fill=False, color=GREY, linestyle=":"))
    best = [L1MinusL2(lam, alpha).prox(v, 1.0)]
    if abs(v[0]) == abs(v[1]) and case in {2, 3}:
        best.append(best[0][::-1] * np.sign(v[0] * v[1]))  # the other of the two
        if case == 2:  # and all between them
            panel.plot(*(alpha * lam * quarter()[1].T * np.sign(v)[:, None]), color=V_COLOUR, linewidth=3)
    panel.plot(*v, "x", color=GREY, markersize=8, markeredgewidth=2)
    panel.plot(*np.transpose(best), "o", color=V_COLOUR, markersize=8)
    panel.set(aspect="equal", xlabel="$x_1$", xticks=[0, 1, 2], yticks=[0, 1, 2], xlim=(-0.6, 2), ylim=(-0.6, 2))


def four_cases(some_v, lam, alpha, case_of):
    """The cost for each of {title: v}."""
    _, axes = plt.subplots(1, len(some_v), figsize=(14, 3.3))
    points = np.array(list(some_v.values()), dtype=float)  # (panels, 2)
    for panel, title, v in zip(axes, some_v, points, strict=True):
        cost_panel(panel, v, lam, alpha, int(case_of(v, lam, alpha)))
        panel.set_title(f"{title}\nv = ({v[0]:g}, {v[1]:g})")
    axes[0].set_ylabel("$x_2$")
    plt.show()


def colour_of(case):
    """The colour of a case; that of case 2, the border of 1 and 3, is the text's."""
    return {1: W_COLOUR, 2: plt.rcParams["text.color"], 3: V_COLOUR, 4: GREY}[int(case)]


def map_panel(panel, lam, alpha, case_of, end=2.0):
    """The case of every v in the plane."""
    line = np.linspace(-end, end, 401)  # (401,)
    shades = ListedColormap([to_rgba(colour_of(case), 0.3) for case in (1, 2, 3, 4)])
    cases = case_of(plane(line), lam, alpha)  # (401, 401)
    panel.imshow(cases, extent=(-end, end, -end, end), origin="lower", cmap=shades, vmin=0.5, vmax=4.5)
    if lam < end:
        panel.add_patch(plt.Rectangle((-lam, -lam), 2 * lam, 2 * lam, fill=False, color=colour_of(2), linewidth=2))
    panel.set(xlim=(-end, end), ylim=(-end, end), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def where_v_goes(many, reached, lam, alpha, case_of):
    """The case of v, arrows from v to x, and the x that are reached from many v, each (n, 2)."""
    p = L1MinusL2(lam, alpha)
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.5))
    map_panel(left, lam, alpha, case_of)
    inner = (1 - alpha / 2) * lam
    for case, place in ((1, ((2 + lam) / 2,) * 2), (2, (lam, 0)), (3, (0, inner)), (4, (0, 0))):
        box = {"facecolor": left.get_facecolor(), "edgecolor": "none", "pad": 1}
        left.text(*place, str(case), color=colour_of(case), fontsize=16, ha="center", va="center", bbox=box)
    left.set(title="the case of v", xlabel="$v_1$", ylabel="$v_2$")
    for v in np.stack(np.meshgrid([0.25, 0.65, 1.05, 1.45, 1.85], [0.1, 0.5, 0.9, 1.3, 1.7]), axis=-1).reshape(25, 2):
        arrow = {"arrowstyle": "->", "color": colour_of(case_of(v, lam, alpha)), "shrinkA": 0, "shrinkB": 0}
        middle.annotate("", p.prox(v, 1.0), v, arrowprops=arrow)
    middle.set(title="from v to x, in a quadrant", aspect="equal", xlabel="$v_1$ and $x_1$")
    middle.set(xlim=(-0.05, 2), ylim=(-0.05, 2), xticks=[0, 1, 2], yticks=[0, 1, 2])
    right.scatter(*reached.T, s=4, color=[colour_of(case) for case in case_of(many, lam, alpha)])
    right.add_patch(plt.Circle((0, 0), alpha * lam, fill=False, color=GREY, linestyle=":"))
    right.set(title=f"where {len(many):,} v are sent", aspect="equal", xlabel="$x_1$", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    right.set(xlim=(-2, 2), ylim=(-2, 2))
    plt.show()


def cost_and_case(v, lam, alpha, case_of):
    """The cost for one v (2,) beside the map of the cases."""
    case, x = int(case_of(v, lam, alpha)), L1MinusL2(lam, alpha).prox(v, 1.0)
    _, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    cost_panel(left, v, lam, alpha, case)
    map_panel(right, lam, alpha, case_of)
    right.annotate("", x, v, arrowprops={"arrowstyle": "->", "linewidth": 2, "color": colour_of(2)})
    right.plot(*v, "x", color=colour_of(2))
    right.set_title(f"case {case}: x = ({x[0]:.2f}, {x[1]:.2f})")
    plt.show()


def solved(outputs, found, trials):
    """How many of the trials are solved over the number of outputs (n,), {method: (n,)}."""
    _, axes = plt.subplots(figsize=(7, 3.4))
    for (name, count), style in zip(found.items(), ("o-", "o--", "o-"), strict=True):
        axes.plot(outputs, count, style, color=W_COLOUR if name == "l1" else V_COLOUR, label=name)
    axes.set(title=f"problems solved, of {trials}", xlabel="outputs M (30 weights, 2 not zero)", xticks=outputs)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    plt.show()
