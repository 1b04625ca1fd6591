"""Stop a run that has lost a layer of its result for good.

A chain of convolutions and linear layers gives the same answer for every image if one of them has no weights. V is computed
from W after each step, so an empty layer of V can fill again while its W grows: with a high threshold from the start, and a
small beta, it does. But beta pulls the W of an empty layer to 0, and in continuation no threshold falls. So after each epoch
but the last, the run stops if a layer of the network that will be saved

    was also empty after the previous epoch, and the largest weight (or group) of its W has not grown since;    or
    is empty before or in the refit, where zeros stay zero.

With a sparsity the threshold falls when beta pulls weights to 0. Then the largest weight is compared in units of the threshold.
In the paper's regime the threshold falls as beta grows, and a V without weights is usual: there V is checked only for a
refit. A network with branches, or with other kinds of layers that have weights, is not checked: its logits may still depend on
the image.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from minisgl.backend import Array, get_array_module
from minisgl.config import PaperConfig, TrainConfig
from minisgl.errors import MinisglError, shown
from minisgl.penalties import GroupL0
from minisgl.penalties.groups import norms, root_size
from minisgl.solver.protocol import Solver
from minisgl.training.checkpoint import StoppedError
from minisgl.training.report import final_network

Empty = Mapping[str, Mapping[str, Any]]  # by layer: it has been empty "since" this epoch; "largest" of W; "threshold"
KINDS = {"since": (int,), "largest": (int, float), "threshold": (int, float, type(None))}  # the types of these values


def _refits(config: TrainConfig, epoch: int) -> bool:
    """Return whether the epoch after this one, counted from 0, is one of the refit."""
    return epoch + 1 >= config.epochs - config.refit.refit and config.refit.refit > 0


def find(config: TrainConfig, solver: Solver, record: Mapping[str, Any], before: Empty) -> Empty | None:
    """Return the empty layers of the network that will be saved, after the epoch of this record; None if there are none.

    `before`: the empty layers after the previous epoch.
    """
    epoch, refits = record["epoch"], _refits(config, record["epoch"] - 1)
    thresholds = (record["thresholds"] if solver.splits else None) or {}
    which = "v" if refits else final_network(config, solver)
    if which == "v" and not (thresholds or refits):
        return None
    found = {}
    for name in record[which].get("empty_layers", []):
        slot = solver.network.layout.weights[name]
        found[name] = {
            "since": before.get(name, {}).get("since", epoch),
            "largest": _largest(config, slot.view(solver.network.flat), slot.unit_axis),
            "threshold": thresholds.get(name),
        }
    return found or None


def _by_group(config: TrainConfig) -> bool:
    return config.penalty.penalty == GroupL0.name


def _largest(config: TrainConfig, w: Array, unit_axis: int) -> float:
    """Return what is compared with the threshold: the largest |w|, or the largest root mean square of a unit's weights."""
    if _by_group(config):
        return float(norms(w, unit_axis).max().item()) / root_size(w, unit_axis)
    return float(get_array_module(w).abs(w).max().item())


def recorded(record: Mapping[str, Any]) -> Empty:
    """Return the empty layers in a record of the history. MinisglError if their values are damaged."""
    found = record.get("empty_layers", {})
    layers = list(found.values()) if isinstance(found, dict) else [None]
    for layer in layers:
        if not (isinstance(layer, dict) and all(type(layer.get(key)) in kinds for key, kinds in KINDS.items())):
            raise MinisglError(f"history.jsonl has invalid empty_layers for epoch {record['epoch']}: {shown(found)}")
    return found


def stop_if_lost(config: TrainConfig, solver: Solver, epoch: int, now: Empty, before: Empty) -> None:
    """Raise StoppedError if a layer that is empty after this epoch, counted from 0, will stay empty: see above."""
    last, refits = epoch + 1 == config.epochs, _refits(config, epoch)
    height = partial(_height, config)
    lost = {name: layer for name, layer in now.items() if refits or (name in before and height(layer) <= height(before[name]))}
    if last or not lost:
        return
    which = "V" if solver.splits and (refits or final_network(config, solver) == "v") else "W"
    than = ", compared with the threshold" if config.sparsity is not None and solver.splits else ""
    why = "the refit keeps its zeros" if refits else f"W has not grown there since{than}"
    raise StoppedError(
        f"{which} has had no weights in {'; '.join(_described(config, name, layer) for name, layer in lost.items())}; "
        f"{why}, and {which} gives the same answer for every image; stopped after epoch {epoch + 1}; "
        f"{_advice(config, epoch, which, lost)}"
    )


def _height(config: TrainConfig, layer: Mapping[str, Any]) -> float:
    """Return what must grow if an empty layer is to come back."""
    threshold = layer.get("threshold") if config.sparsity is not None else None
    return float(layer["largest"] / (threshold or 1))


def _described(config: TrainConfig, name: str, layer: Mapping[str, Any]) -> str:
    since = f"{name} since epoch {layer['since']}"
    if layer["largest"] == 0:
        return since
    what = "root mean square of a unit's weights" if _by_group(config) else "weight"
    threshold = "" if layer["threshold"] is None else f", the threshold is {layer['threshold']:.3g}"
    return f"{since} (the largest {what} of W there is {layer['largest']:.3g}{threshold})"


def _advice(config: TrainConfig, epoch: int, which: str, lost: Empty) -> str:
    in_refit = epoch >= config.epochs - config.refit.refit
    if in_refit and config.refit.prune > 0:
        return "choose a smaller --prune"
    if config.sparsity is not None and not config.is_splitting:
        return "choose a smaller --sparsity, or fewer --sparse-layers"
    if which == "W" or not config.penalty.acts_on_v:
        decoupled_r = config.is_decoupled and config.penalty.acts_on_v
        weight = "--lam" if config.penalty.group_lam is None or decoupled_r else "--group-lam"
        has_price = config.penalty.group_weight or decoupled_r if config.is_splitting else "lam" in config.method.uses
        return f"choose a smaller {weight} or --lr" if has_price else "choose a smaller --lr"
    if isinstance(config.regime, PaperConfig):
        return "choose a smaller --lam or a larger --beta"
    if config.sparsity is not None:
        return "choose a smaller --sparsity, or fewer --sparse-layers"
    group = " or --group-lam" if config.penalty.v_group != "none" else ""
    return f"choose a smaller --threshold{group}"
