"""The time of a step for several batch sizes and numbers of threads, compared with PyTorch: `python -m benchmarks.scaling`"""

import json

from benchmarks.train_step import measure as measure_step

BATCHES, THREADS, TURNS = (10, 30, 100, 300, 1000), (1, 2), 12


def measure() -> list[dict[str, float]]:
    """Return for each batch size and number of threads: milliseconds per step of both, and PyTorch's over ours."""
    rows = []
    for batch in BATCHES:
        for threads in THREADS:
            figures = measure_step(batch, threads, rounds=max(3, TURNS * 100 // max(batch, 100)), compiled=False)
            kept = {key: figures[key] for key in ("ours_ms", "torch_ms", "ratio_to_torch")}
            rows.append({"batch": batch, "threads": threads, **kept})
    return rows


if __name__ == "__main__":
    print(json.dumps(measure()))
