"""Wrong answers to the tasks of chapter 16: for each check, functions, each with a part of the message that it must get."""

import numpy as np


def relu(b):
    return np.maximum(b, 0)


def total(W, reduce=np.sum):
    """One number for each pair of units."""
    return reduce(W.reshape(*W.shape[:2], -1), axis=2)


def in_place(W2, b1, b2, constant):
    b2 += total(W2)[:, constant] @ relu(b1[constant])
    return b2


def sizes_of(weights):
    return [weights[0].shape[1], *map(len, weights)]


def forwards(weights):
    reached = [np.ones(weights[0].shape[1], bool)]
    for W in weights:
        reached.append(((W != 0) & reached[-1]).sum(axis=1) > 0)
    return reached


def backwards(weights):
    needed = [np.ones(len(weights[-1]), bool)]
    for W in reversed(weights):
        needed.insert(0, ((W != 0) & needed[0][:, None]).sum(axis=0) > 0)
    return needed


def on_paths(weights):
    both = [a & b for a, b in zip(forwards(weights), backwards(weights), strict=True)]
    return [*(int(units.sum()) for units in both[:-1]), len(weights[-1])]


def one_look(weights):
    alive = [np.ones(n, bool) for n in sizes_of(weights)]
    for level, W in enumerate(weights):
        alive[level] &= np.count_nonzero(W, axis=0) > 0
        if level + 1 < len(weights):
            alive[level + 1] &= np.count_nonzero(W, axis=1) > 0
    return [int(units.sum()) for units in alive]


def with_all_inputs(weights):
    return [weights[0].shape[1], *on_paths(weights)[1:]]


def without_constant_logits(weights):
    return [*on_paths(weights)[:-1], int(forwards(weights)[-1].sum())]


def parameters(weight, image):
    return int(np.prod(weight)) + weight[0]


def places(weight, image, smaller=1):
    return 1 if len(weight) == 2 else (image[1] - weight[2] + smaller) * (image[2] - weight[3] + smaller)


PLANTED = {
    "16.dead_units": [
        (lambda W1, W2: W1.any(1) & W2.any(0), "the units that stay"),
        (lambda W1, W2: ~W1.any(1), "And those that are not read"),
        (lambda W1, W2: ~W2.any(0), "And those that read nothing"),
        (lambda W1, W2: ~W1.any(1) & ~W2.any(0), "one is enough"),
        (lambda W1, W2: (W1.sum(1) == 0) | (W2.sum(0) == 0), "add up to 0"),
        (lambda W1, W2: (W1.min(1) == 0) | (W1 == 0).any(1) | (W2 == 0).any(0), "all of them have to be zero"),
        (lambda W1, W2: ~W1.any(0) | ~W2.any(1), "stops with an error"),  # the wrong axes
        (lambda W1, W2: np.flatnonzero(~W1.any(1) | ~W2.any(0)), "array of booleans"),
        (lambda W1, W2: ~W1.any(1) | ~W2.any(0) | (np.arange(len(W1)) == 2), "entries differ, the first at index 2"),
        (lambda W1, W2: (W1.max(1) == 0) | (W2.max(0) == 0), "a negative weight is not zero"),
        (lambda W1, W2: W1.any(1) ^ W2.any(0), "both reasons to go"),
    ],
    "16.fold_constant": [
        (lambda W, b1, b2, c: b2 + total(W)[:, c] @ b1[c], "comes between the two layers"),
        (lambda W, b1, b2, c: total(W)[:, c] @ relu(b1[c]), "bias was not zero before"),
        (lambda W, b1, b2, c: b2 + total(W) @ relu(b1), "only those marked"),
        (lambda W, b1, b2, c: b2 + total(W)[:, ~c] @ relu(b1[~c]), "leave out those that are"),
        (lambda W, b1, b2, c: b2 - total(W)[:, c] @ relu(b1[c]), "you subtract"),
        (lambda W, b1, b2, c: b2 + relu(b1[c]).sum(), "without their weights"),
        (lambda W, b1, b2, c: b2 + total(W, np.mean)[:, c] @ relu(b1[c]), "mean of a kernel"),
        (lambda W, b1, b2, c: b2 + W.reshape(*W.shape[:2], -1)[:, c, 0] @ relu(b1[c]), "which of them meet"),
        (lambda W, b1, b2, c: b2 + relu(total(W) * b1)[:, c].sum(1), "not after the product"),
        (lambda W, b1, b2, c: b2 + W[:, c] @ relu(b1[c]), "the shape"),  # right for linear layers only
        (lambda W, b1, b2, c: b2 + total(W)[c].T @ relu(b1[c]), "stops with an error"),  # the wrong axis
        (in_place, "writes into its argument b2"),
        (lambda W, b1, b2, c: None, "returns nothing"),
        (lambda W, b1, b2, c: relu(b2 + total(W)[:, c] @ relu(b1[c])), "gone through a ReLU"),
        (lambda W, b1, b2, c: b2 + total(W)[:, c].sum(axis=1), "the weights without the values"),
        (lambda W, b1, b2, c: b2 + (total(W)[:, c] @ relu(b1[c])).sum(), "the same total"),
        (lambda W, b1, b2, c: b2 + total(W)[:, c][:, :1] @ relu(b1[c][:1]), "only one of the constant"),
    ],
    "16.flops": [
        (lambda w, i: places(w, i) * int(np.prod(w)), "additions are missing"),
        (lambda w, i: places(w, i) * int(np.prod(w)) + w[0], "How often"),
        (parameters, "number of parameters"),
        (lambda w, i: parameters(w, i) * (1 if len(w) == 2 else i[1] * i[2]), "smaller than the image"),
        (lambda w, i: places(w, i) * (2 * int(np.prod(w)) + w[0]), "not twice"),
        (lambda w, i: places(w, i) * (int(np.prod(w[1:])) + 1), "not one of them"),
        (lambda w, i: places(w, i) * 2 * int(np.prod(w)), "to every product"),
        (lambda w, i: places(w, i, smaller=0) * parameters(w, i), "both of them"),
        (lambda w, i: places(w, i) * parameters(w, i) / 1, "whole number"),
        (lambda w, i: (i[1] - w[2] + 1) * (i[2] - w[3] + 1) * parameters(w, i), "stops with an error"),
        (lambda w, i: parameters(w, i) * (1 if len(w) == 2 else i[1] - w[2] + 1), "in one direction only"),
        (lambda w, i: places(w, i) * int(np.prod(w)) + 1, "one bias in all"),
        (lambda w, i: places(w, i) * (int(np.prod(w)) + w[1]), "not for each input channel"),
    ],
    "16.units_left": [
        (one_look, "look again"),
        (lambda weights: [*(int(units.sum()) for units in forwards(weights)[:-1]), len(weights[-1])], "lead to a logit"),
        (lambda weights: [int(units.sum()) for units in backwards(weights)], "depend on the image"),
        (with_all_inputs, "that is not read is removed too"),
        (without_constant_logits, "even one that is a constant"),
        (lambda weights: on_paths(weights)[::-1], "opposite order"),
        (
            lambda weights: [n - left for n, left in zip(sizes_of(weights), on_paths(weights), strict=True)],
            "the units that are removed",
        ),
        (lambda weights: on_paths(weights)[:-1], "logits are a level"),
        (lambda weights: on_paths(weights)[1:], "inputs are a level"),
        (lambda weights: sum(on_paths(weights)), "whole numbers is wanted"),
        (lambda weights: weights.shape, "stops with an error"),
        (lambda weights: [int((W != 0).sum()) for W in weights], "the weights that are not zero"),
        (sizes_of, "how many units there are"),
        (lambda weights: on_paths(weights)[1:-1], "inputs and logits"),
    ],
}
