"""The figures of chapter 8. Every function gets numbers or functions of the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def smaller_products(matrices):
    """Matrices, {name: W (D_out, D_in)}, and below each what is left without its zero columns. Zeros are left empty."""
    _, axes = plt.subplots(2, len(matrices), figsize=(9, 5))
    for pair, (name, W) in zip(axes.T, matrices.items(), strict=True):
        read = W[:, (W != 0).any(axis=0)]  # (D_out, columns that are left)
        left = f"left to multiply: {read.shape[0]} x {read.shape[1]} = {read.size}"
        for panel, matrix, title in ((pair[0], W, f"{np.sum(W == 0)} zeros, {name}"), (pair[1], read, left)):
            panel.imshow(np.where(matrix == 0, np.nan, matrix), cmap="RdBu", vmin=-1.3, vmax=1.3)
            panel.axvspan(matrix.shape[1] - 0.5, W.shape[1] - 0.5, color=GREY, alpha=0.25)
            panel.set(title=title, xlim=(-0.5, W.shape[1] - 0.5), xticks=[], yticks=[])
    plt.show()


def direction_and_length(cost, v, k, short):
    """Left, cost(x, v, k) around v (2,) with the best x; right, the cost along v, and along a v of the length `short`."""
    v = np.asarray(v, float)
    size, end = np.linalg.norm(v), 1.25 * max(v)
    best = max(size - k, 0) * v / size  # (2,)
    side = np.linspace(0, end, 201)
    turn = np.linspace(0, np.pi / 2, 91)
    _, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
    values = cost(np.stack(np.meshgrid(side, side), axis=-1), v, k)  # (201, 201)
    left.contour(side, side, values, levels=values.min() + 0.2 + np.arange(8), colors=GREY, linewidths=0.6)
    length = np.linalg.norm(best)
    left.plot(length * np.cos(turn), length * np.sin(turn), color=W_COLOUR, label=f"all x of length {length:g}")
    left.plot([0, v[0]], [0, v[1]], "--", color=GREY, linewidth=0.8)
    left.plot(*v, "o", color=GREY, label="v")
    left.plot(*best, "o", color=V_COLOUR, label="the best x")
    left.set(title="contours of the cost", xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(0, end), ylim=(0, end))
    left.legend(loc="lower right", fontsize=8)
    for one, colour in ((size, V_COLOUR), (short, GREY)):
        lengths = np.linspace(0, one + 0.6, 111)
        right.plot(lengths, k * lengths + (lengths - one) ** 2 / 2, color=colour, label=f"||v|| = {one:g}")
        least = max(one - k, 0)
        right.plot(least, k * least + (least - one) ** 2 / 2, "o", color=colour)
    right.set(title="the cost along v, over the length: chapter 4", xlabel="length of x", ylim=(0, None))
    right.legend()
    plt.show()


def arrows(proxes):
    """Arrows from v to its prox, {title: function of (N, 2)}: orange if they end on an axis. Shaded: what goes to 0."""
    _, axes = plt.subplots(1, len(proxes), figsize=(4.7 * len(proxes), 4.6), squeeze=False)
    fine, some = np.linspace(-3, 3, 301), np.linspace(-2.75, 2.75, 12)
    plane, v = (np.stack(np.meshgrid(one, one), axis=-1).reshape(-1, 2) for one in (fine, some))  # (90601, 2), (144, 2)
    for panel, (title, prox) in zip(axes[0], proxes.items(), strict=True):
        dead = (prox(plane) == 0).all(axis=1).reshape(301, 301)
        panel.contourf(fine, fine, dead, levels=[0.5, 2], colors=[GREY], alpha=0.25)
        x = prox(v)  # (144, 2)
        zeros = (x == 0).sum(axis=1)
        for number, colour in ((0, W_COLOUR), (1, V_COLOUR)):
            start, way = v[zeros == number], (x - v)[zeros == number]
            panel.quiver(*start.T, *way.T, angles="xy", scale_units="xy", scale=1, width=0.004, color=colour)
        panel.set(title=title, xlabel="$v_1$", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlim=(-3, 3), ylim=(-3, 3))
    axes[0, 0].set_ylabel("$v_2$")
    plt.show()


def bodies(penalties):
    """All x (3,) whose penalty is at most 1, {title: (function of (..., 3), axes j whose ring x_j = 0 is an edge)}."""
    around, up = np.meshgrid(np.linspace(0, 2 * np.pi, 81), np.linspace(-np.pi / 2, np.pi / 2, 41))
    sphere = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=-1)  # (41, 81, 3)
    _, axes = plt.subplots(1, len(penalties), figsize=(13, 4.4), subplot_kw={"projection": "3d"})
    for panel, (title, (value, edges)) in zip(axes, penalties.items(), strict=True):
        skin = sphere / value(sphere)[..., None]  # value(c x) = c value(x): here it is 1
        panel.plot_surface(*np.moveaxis(skin, -1, 0), color=W_COLOUR, alpha=0.35, rcount=41, ccount=81)
        for j in edges:
            ring = np.insert(np.stack([np.cos(around[0]), np.sin(around[0])]), j, 0, axis=0).T  # (81, 3)
            panel.plot(*(ring / value(ring)[:, None]).T, color=V_COLOUR, linewidth=1.5)
        panel.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xticks=[-1, 1], yticks=[-1, 1], zticks=[-1, 1])
        panel.text(0, 0, 1.15, "$x_3$")
        panel.view_init(elev=22, azim=-60)
        panel.set_box_aspect((1, 1, 1), zoom=1.1)
    plt.show()


def pixels(title, lengths, titles):
    """The length of each pixel's column, lengths (panels, 784); pixels that are not read are left empty."""
    figure, axes = plt.subplots(1, len(lengths), figsize=(14, 3.3))
    for panel, picture, name in zip(axes, lengths.reshape(-1, 28, 28), titles, strict=True):
        panel.imshow(np.where(picture == 0, np.nan, picture), cmap="viridis")
        panel.set(xticks=[], yticks=[])
        panel.set_title(name)
    figure.suptitle(title)
    plt.show()


def along_the_path(lams, lengths, zeros, pixels, errors):
    """Columns' lengths (lams, columns) over lam; for each method shares of zeros, pixels that are read and test errors."""
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.6))
    left.semilogx(lams, lengths, color=V_COLOUR, linewidth=0.8, alpha=0.7)
    left.invert_xaxis()
    left.set(
        title=f"{lengths.shape[1]} of the pixels: more enter as lam falls", xlabel="lam, falling", ylabel="length of the column"
    )
    for (name, read), colour in zip(pixels.items(), (V_COLOUR, W_COLOUR), strict=True):
        middle.plot(100 * zeros[name], read, "o-", color=colour, markersize=4, label=name)
        right.plot(read, 100 * errors[name], "o-", color=colour, markersize=4, label=name)
    middle.set(title="pixels that are read", xlabel="% of the weights that are 0")
    right.set(title="test error, %", xlabel="pixels that are read", ylim=(0, 70))
    middle.legend()
    right.legend()
    plt.show()


def weights_of_a_pixel(matrices):
    """How many weights of each pixel are not 0, {title: W (10, 784)}; pixels without any are left empty."""
    figure, axes = plt.subplots(1, len(matrices), figsize=(8, 3.6))
    for panel, (title, W) in zip(axes, matrices.items(), strict=True):
        count = (W != 0).sum(axis=0).reshape(28, 28)
        shown = panel.imshow(np.where(count == 0, np.nan, count), cmap="viridis", vmin=1, vmax=10)
        panel.set(title=title, xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, label="weights of the pixel that are not 0")
    plt.show()
