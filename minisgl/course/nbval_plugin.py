"""A pytest plugin for the course's notebooks: one task can run alone, and kernels that start together do not collide.

    pytest --nbval-lax notebooks/exercises/05_*.ipynb -m ex2       task ex2 and the set-up

nbval makes a test of every code cell, and `-m ex2` selects the tests that have the mark ex2. This plugin marks a task's cells
with their tag, and set-up cells with the tags of all tasks. kernels.py says how the kernels are started.

pytest loads this module in every project of the environment in which minisgl is installed. So it does nothing, and imports
nothing heavy, until a notebook of the course, or one with such tags, is collected.
"""

import pytest

TASKS = range(1, 10)


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every cell of an exercise notebook with its task, and a set-up cell with all of them."""
    cells = {item: item.cell for item in items if hasattr(item, "cell")}  # the tests that nbval made
    if not cells:
        return
    from minisgl.course.cells import is_of_course, task_of  # noqa: PLC0415 (only where there are notebooks)

    if any(map(is_of_course, cells.values())):
        from minisgl.course.kernels import start_from_nbval  # noqa: PLC0415

        start_from_nbval()
    exercises = {item.parent for item, cell in cells.items() if task_of(cell)}  # the notebooks with tasks
    if exercises:
        for number in TASKS:  # so that --strict-markers accepts them
            config.addinivalue_line("markers", f"ex{number}: task {number} of an exercise notebook, and its set-up")
    for item, cell in cells.items():
        if item.parent in exercises:
            task = task_of(cell)
            for mark in [task] if task else [f"ex{number}" for number in TASKS]:
                item.add_marker(getattr(pytest.mark, mark))
