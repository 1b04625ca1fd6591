"""A residual block: the output of a chain of layers, the body, is added to the block's input, or to a shortcut of it.

    h = before(x)        y = body(h) + shortcut(h)

Without `before`, h is x; without `shortcut`, it is the identity. The chain rule adds the gradients of both branches:

    dh = body'(dy) + shortcut'(dy)        dx = before'(dh)

The gradient therefore reaches every block through the shortcuts, whatever the bodies' weights are. In a pre-activation block
(He, Zhang, Ren, Sun, ECCV 2016; Zagoruyko, Komodakis, BMVC 2016) the body is batch norm, ReLU, convolution, twice. If the shape
changes, both branches start after the first batch norm and ReLU, and the shortcut is a 1 x 1 convolution.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.sequential import Sequential, has_parameters, require_names
from minisgl.nn.workspace import Workspace

Part = Mapping[str, Layer] | Layer


class Residual(Layer):
    """y = body(h) + shortcut(h), h = before(x). Each part is a mapping of names to layers, a Sequential, or a single layer.

    The children of all parts are children of the block itself, so their full names do not contain the part's name; a single
    layer has its part's name. ValueError if two children have the same name, or if the branches' shapes differ.
    """

    def __init__(self, body: Part, shortcut: Part | None = None, before: Part | None = None) -> None:
        parts = {"before": _layers("before", before), "body": _layers("body", body), "shortcut": _layers("shortcut", shortcut)}
        self.children = {name: layer for part in parts.values() for name, layer in part.items()}
        if len(self.children) < sum(map(len, parts.values())):
            raise ValueError(f"a residual block's layers need different names, but they are {[*map(list, parts.values())]}")
        require_names(self.children)
        self._names = {part: list(layers) for part, layers in parts.items()}

    @classmethod
    def from_children(cls, children: Mapping[str, Layer], shortcut: Sequence[str], before: Sequence[str]) -> Self:
        """Return the block with these children; `shortcut` and `before` name those that are not in the body."""
        if unknown := [name for name in (*shortcut, *before) if name not in children]:
            raise ValueError(f"a residual block has no layer {unknown[0]!r}; it has {', '.join(children)}")
        body = {name: layer for name, layer in children.items() if name not in (*shortcut, *before)}
        return cls(body, {name: children[name] for name in shortcut}, {name: children[name] for name in before})

    def settings(self) -> dict[str, Any]:
        """Return the arguments of `from_children`, apart from the children."""
        return {"shortcut": self._names["shortcut"], "before": self._names["before"]}

    def part(self, name: str) -> Sequential:
        """Return the layers of "before", "body" or "shortcut"; a part without layers is the identity."""
        return Sequential({key: self.children[key] for key in self._names[name]})

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        shape = self.part("before").output_shape(shape)
        body, shortcut = self.part("body").output_shape(shape), self.part("shortcut").output_shape(shape)
        if body != shortcut:
            raise ValueError(f"a residual block cannot add {body} from its body to {shortcut} from its shortcut")
        return body

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        h, before = self.part("before").forward(x, workspace, training, rng)
        changed, body = self.part("body").forward(h, workspace, training, rng)
        kept, shortcut = self.part("shortcut").forward(h, workspace, training, rng)
        out = changed if self.overwrites else ws.array(self, "y", changed.shape, x)
        y = get_array_module(x).add(changed, kept, out=out)
        return y, (before, body, shortcut, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        before, body, shortcut, ws = cache
        through = input_gradient or has_parameters(self.part("before"))  # whether dh is needed
        self.part("before").recompute(before)
        dchanged, body_grads = self.part("body").backward(dy, body, out, through)
        dkept, shortcut_grads = self.part("shortcut").backward(dy, shortcut, out, through)
        grads = {**body_grads, **shortcut_grads}
        if not through:
            return None, grads
        dh = get_array_module(dy).add(dchanged, dkept, out=self.dx_array(ws, dchanged.shape, dy))
        dx, before_grads = self.part("before").backward(dh, before, out, input_gradient)
        return dx, {**before_grads, **grads}


def _layers(name: str, part: Part | None) -> Mapping[str, Layer]:
    if part is None:
        return {}
    if isinstance(part, Layer):
        return part.children if type(part) is Sequential else {name: part}
    return part
