"""The progress of a run: in a terminal a bar with loss, error and sparsity; elsewhere one line per epoch."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from minisgl.training.loop import OnStep, StepProgress, Training

REFRESH = 0.1  # seconds between two drawings of the bar


def epoch_line(record: dict[str, Any], epochs: int) -> str:
    """Return one epoch's record as a line of text."""
    w, v = record["w"], record["v"]
    return (
        f"epoch {record['epoch']:3d}/{epochs}  loss {record['loss']:.4f}  {record['measured_on']} error "
        f"W {w['error']:.2f} %, V {v['error']:.2f} %  zeros W {w['weight_sparsity']:.1f} %, V {v['weight_sparsity']:.1f} %  "
        f"{record['seconds']:.0f} s"
    )


@contextmanager
def showing_progress(console: Console, training: Training) -> Iterator[tuple[OnStep, Callable[[dict[str, Any]], None]]]:
    """Yield the two callbacks of Training.run, for every step and for every epoch."""
    epochs = training.config.epochs

    def on_epoch(record: dict[str, Any]) -> None:
        console.print(epoch_line(record, epochs), highlight=False, soft_wrap=True)

    if not console.is_terminal:
        yield lambda progress: None, on_epoch
        return
    columns = (
        TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
        BarColumn(bar_width=None),
        TextColumn("loss {task.fields[loss]:.4f}  error {task.fields[error]:.2f} %  V zeros {task.fields[zeros]:.1f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, auto_refresh=False) as bar:  # automatic refreshing starts a thread
        drawn = 0.0
        task = bar.add_task("", total=training.steps, epoch=1, loss=0.0, error=0.0, zeros=0.0)

        def on_step(now: StepProgress) -> None:
            nonlocal drawn
            bar.update(task, completed=now.step, epoch=now.epoch, loss=now.loss, error=now.error, zeros=now.sparsity)
            if time.monotonic() - drawn > REFRESH:
                bar.refresh()
                drawn = time.monotonic()

        yield on_step, on_epoch
