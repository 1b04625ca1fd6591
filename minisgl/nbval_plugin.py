"""What pytest needs to know of an exercise notebook beyond nbval; `pip install` makes it known to pytest.

    pytest --nbval-lax notebooks/exercises/05_*.ipynb -m ex2       one task alone

nbval makes a test of every code cell, and of these `-m ex2` runs only the ones that carry the mark ex2. A task's own cells
carry it as a tag. Set-up cells belong to all tasks, so here they are given every task's mark.

pytest loads this module in every project of the environment that minisgl is installed in. So it does nothing, and imports
nothing but pytest, until a notebook with such tags is collected.
"""

import pytest

TASKS = range(1, 10)


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every cell of an exercise notebook with its task, and a set-up cell with all of them."""
    cells = {item: item.cell for item in items if hasattr(item, "cell")}  # nbval's items have one
    if not cells:
        return
    from minisgl.exercises import task_of  # noqa: PLC0415 (only for those who have notebooks)

    exercises = {item.parent for item, cell in cells.items() if task_of(cell)}  # the notebooks with tasks
    if exercises:
        for number in TASKS:  # so that --strict-markers accepts them
            config.addinivalue_line("markers", f"ex{number}: task {number} of an exercise notebook, and its set-up")
    for item, cell in cells.items():
        if item.parent in exercises:
            task = task_of(cell)
            for mark in [task] if task else [f"ex{number}" for number in TASKS]:
                item.add_marker(getattr(pytest.mark, mark))
