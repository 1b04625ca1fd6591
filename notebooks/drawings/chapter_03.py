"""The figures of chapter 3. Every function but the first gets numbers that the chapter has computed, and shows one figure."""

from itertools import cycle, pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from minisgl.nn import softmax_cross_entropy
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

SIGNED = LinearSegmentedColormap.from_list("signed", [W_COLOUR, "#ffffff", V_COLOUR])


def there_and_back(network, image, label):
    """Show and return the numbers of all layers and the loss's slopes, by layer: image (1, 1, 28, 28), label (1,)."""
    forward, caches = {"image": np.moveaxis(image, 0, -1)}, {}  # (1, 28, 28, 1): the image index goes last
    for name, layer in network.layers.items():
        forward[name], caches[name] = layer.forward(list(forward.values())[-1])
    loss, dlogits = softmax_cross_entropy(forward["fc2"].T, label)
    back = {"fc2": dlogits.T}  # (10, 1)
    for before, name in reversed(list(pairwise(forward))):
        back[before], _ = network.layers[name].backward(back[name], caches[name])

    _, (upper, lower) = plt.subplots(2, 8, figsize=(14, 4.2), width_ratios=[1] * 7 + [0.5])
    for row, numbers, last, ends in (
        (upper, forward, f"{loss:.2f}", [(1.2, 0.5), (1.03, 0.5)]),
        (lower, back, "1", [(1.03, 0.5), (1.2, 0.5)]),  # the two ends of an arrow
    ):
        _maps(row[:6], numbers, back)
        row[6].bar(range(10), numbers["fc2"][:, 0], color=[V_COLOUR if digit == label[0] else GREY for digit in range(10)])
        row[6].axhline(0, color=GREY, linewidth=0.8)
        row[6].set(xticks=range(0, 10, 3), yticks=[], box_aspect=1)
        row[7].text(0.5, 0.5, last, ha="center", va="center", transform=row[7].transAxes, fontsize=15)
        row[7].axis("off")
        for panel in row[:7]:
            arrow = {"arrowstyle": "->", "color": GREY}
            panel.annotate("", *ends, xycoords="axes fraction", arrowprops=arrow, annotation_clip=False)
    for panel, name in zip(upper, ("image", "conv1", "pool, ReLU", "conv2", "pool, ReLU", "fc1, ReLU"), strict=False):
        panel.set_title(f"{name}\n{panel.get_title()}")
    for panel in lower[:6]:
        panel.set_title("")
    upper[6].set_title("fc2: logits\n(10)")
    upper[7].set_title("loss\n()")
    upper[0].set_ylabel("the numbers")
    lower[0].set_ylabel("slopes of the loss")
    plt.show()
    return forward, back


def _maps(row, numbers, back):
    """One map of each layer, that with the largest slopes; its title is the shape of all maps."""
    for panel, name in zip(row, ("image", "conv1", "relu1", "conv2", "relu2", "relu3"), strict=True):
        values = numbers[name][..., 0]  # of the one image
        largest = np.abs(back[name]).reshape(len(values), -1).sum(axis=1).argmax()
        picture = values.reshape(20, 25) if values.ndim == 1 else values[largest]
        size = np.abs(picture).max()
        panel.imshow(picture, cmap=SIGNED, vmin=-size, vmax=size, aspect="auto")
        panel.set(xticks=[], yticks=[], box_aspect=1, title=str(values.shape).replace(",)", ")"))


def both_orders(pool_first, relu_first):
    """Small maps as numbers, (1, H, W, 1), six for each order: two layers forward, and back."""
    _, axes = plt.subplots(2, 6, figsize=(13, 4.6))
    for row, arrays, (one, other) in zip(axes, (pool_first, relu_first), (("pool", "ReLU"), ("ReLU", "pool")), strict=True):
        titles = ("x", one, other, "dy", f"back through {other}", f"back through {one}: dx")
        for panel, title, array in zip(row, titles, arrays, strict=True):
            side = array.shape[1]
            for (r, s), value in np.ndenumerate(array[0, :, :, 0]):
                style = {"color": V_COLOUR, "weight": "bold"} if value else {"color": GREY}
                panel.text(s + 0.5, r + 0.5, f"{value:g}", ha="center", va="center", **style)
            panel.set(xlim=(0, side), ylim=(side, 0), aspect="equal", title=title, xticks=[], yticks=[])
            panel.axhline(side / 2, color=GREY, linewidth=1)
            panel.axvline(side / 2, color=GREY, linewidth=1)
        row[0].set_ylabel(f"{one}, then {other}")
    plt.show()


def slopes_of_logits(true_logits, p, losses, dz, curve):
    """Bars of p and dz, each (M, 4), for M true logits, and their losses (M,) on the curve (x, loss)."""
    M = len(true_logits)
    _, axes = plt.subplots(1, M + 1, figsize=(3.2 * (M + 1) + 1.2, 3))
    axes[-1].plot(*curve, color=GREY)
    axes[-1].set(title="loss; its slope is dz[true]", xlabel="true logit")
    for panel, true_logit, p_one, loss, dz_one in zip(axes, true_logits, p, losses, dz, strict=False):
        panel.bar(np.arange(4) - 0.2, p_one, width=0.4, color=W_COLOUR, label="p")
        panel.bar(np.arange(4) + 0.2, dz_one, width=0.4, color=V_COLOUR, label="dz = p - Y")
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.set_xticks(range(4), ["true", "1", "2", "3"])
        panel.set(title=f"true logit {true_logit:g}: loss {loss:.2f}", ylim=(-1.05, 1.05))
        ends = np.array([true_logit - 1, true_logit + 1])
        axes[-1].plot(ends, loss + dz_one[0] * (ends - true_logit), color=V_COLOUR, linewidth=2)
        axes[-1].plot(true_logit, loss, "o", color=V_COLOUR)
    axes[0].legend(loc="lower right")
    plt.show()


def gradient_check(steps, right, wrong):
    """Relative errors over the step h (H,), of the right and of a wrong gradient, each (directions, H)."""
    _, axes = plt.subplots(figsize=(12, 3.4))
    for i, (found, planted) in enumerate(zip(right, wrong, strict=True)):
        names = (None, None) if i else ("the gradient, along three directions", "conv1's bias forgotten")
        axes.loglog(steps, found, "o-", color=W_COLOUR, markersize=4, label=names[0])
        axes.loglog(steps, planted, "-", color=V_COLOUR, linewidth=1, label=names[1])
    rounding = steps[:8]
    axes.loglog(rounding, 1e-16 / rounding, "--", color=GREY, label="rounding: 1/h")
    axes.set(title="backward against differences: LeNet-5, all parameters", xlabel="h", ylabel="relative error")
    axes.set(ylim=(1e-12, 10))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def scales(sizes, lengths, losses):
    """By the factor of He's scale: size of the signal (31,), the first gradient's lengths {layer: length}, losses (60,)."""
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
    for (c, size), colour in zip(sizes.items(), cycle((W_COLOUR, V_COLOUR, GREY))):
        left.semilogy(size, color=colour, label=f"{c:g} x He")
    for c, colour, style in zip(losses, cycle((W_COLOUR, V_COLOUR, GREY)), cycle(("s-", "o-", "^--"))):
        middle.semilogy(list(lengths[c]), list(lengths[c].values()), style, color=colour, label=f"{c:g} x He")
        right.semilogy(losses[c], style[1:], color=colour, label=f"{c:g} x He")
    left.set(title="size of the signal in 30 layers", xlabel="layer")
    middle.set(title="LeNet-5: length of the first gradient")
    right.axhline(np.log(10), color=GREY, linestyle=":", linewidth=1)
    right.set(title="LeNet-5: loss (dotted: ln 10, guessing)", xlabel="step of SGD")
    left.legend()
    right.legend()  # of the middle too
    plt.show()


def learning(losses, wrong):
    """The loss of every step, and the share of wrong held-out digits after every tenth."""
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 3.2))
    left.plot(np.arange(1, len(losses) + 1), losses, color=W_COLOUR, linewidth=1)
    left.axhline(np.log(10), color=GREY, linestyle=":", linewidth=1)
    left.set(title="loss of the batch (dotted: ln 10, guessing)", xlabel="step")
    right.plot(10 * np.arange(1, len(wrong) + 1), 100 * np.array(wrong), "o-", color=V_COLOUR)
    right.set(title="held-out error, percent", xlabel="step", ylim=(0, None))
    plt.show()
