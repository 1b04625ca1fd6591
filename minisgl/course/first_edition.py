"""The course's first edition: how its notebooks are recognised, and what its chapters and tasks are called today.

The second edition put new chapters between the old ones, so the same number can mean two chapters: "11.peak_frequency" of the
first edition is "15.peak_frequency" of the second, where chapter 11 is another one. Chapters 01 to 08 have kept their numbers,
but one task of chapter 08 is in chapter 09 now.
Notebooks of the first edition that were handed out go on working: their checks import minisgl.check, which translates the
names, and minisgl.grade translates the ids of their cells.
"""

import re
from pathlib import Path

CHAPTERS = {  # a chapter's number in the first edition: its number in the second, the name of its files, its tasks
    "09": ("11", "variable_splitting", ("w_step", "new_v", "largest_safe_step", "gap")),
    "10": ("13", "lenet5_on_mnist", ("paper_thresholds", "continuation", "spring_pull", "best_setting")),
    "11": ("15", "shaky_curves", ("wavelength_in_pixels", "scale_to_rms", "receptive_field", "peak_frequency")),
    "12": ("16", "smaller_network", ("dead_units", "fold_constant", "flops", "units_left")),
    "13": ("18", "on_a_gpu", ("firm_threshold", "direct_intensity", "step_time", "pairwise_sum")),
}
TASKS = {f"{old}.{task}": f"{new}.{task}" for old, (new, _, tasks) in CHAPTERS.items() for task in tasks}
TASKS["08.keep_groups"] = "09.keep_groups"
MOVED = {"08-ex4-": "09-ex1-"}  # how the ids of its cells begin
CHECK = re.compile(r"""(?<=\bcheck\()(\\?["'])(\d\d\.\w+)""")  # the name in check("09.gap", gap), also as JSON has it


def is_first_edition(file_name: str, text: str) -> bool:
    """Return whether a notebook is of the first edition, by its text (JSON), or else by its file's name.

    The names of its checks decide: no name means one task in the first edition and another in the second. Chapters 01 to 08
    have the same names in both: there it is the import of minisgl.check. A student may have deleted these cells, or the text
    may be unreadable: then it is the name of the file.
    """
    names = {name for _, name in CHECK.findall(text)}
    if names & {*TASKS}:
        return True
    if names & {*TASKS.values()}:
        return False
    if re.search(r"\b(from|import) minisgl\.check\b", text):
        return True
    return any(file_name.startswith(f"{old}_{name}") for old, (_, name, _) in CHAPTERS.items())


def chapters_and_edition(path: Path) -> tuple[tuple[str, ...], str]:
    """Return the second edition's numbers of the chapters in a notebook NN_name.ipynb, and its edition, "1" or "2"."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a broken link, for example: grading it says so
        text = ""
    chapter = path.name[:2]
    if not is_first_edition(path.name, text):
        return (chapter,), "2"
    return (chapter_today(chapter), *(new[:2] for old, new in MOVED.items() if old[:2] == chapter)), "1"


def chapter_today(chapter: str) -> str:
    """Return the second edition's number of a chapter of the first: "15" for "11"."""
    return CHAPTERS[chapter][0] if chapter in CHAPTERS else chapter


def id_today(cell_id: str) -> str:
    """Return the second edition's id of a cell of the first: "15-ex2-answer" for "11-ex2-answer"."""
    for old, new in MOVED.items():
        if cell_id.startswith(old):
            return new + cell_id.removeprefix(old)
    return chapter_today(cell_id[:2]) + cell_id[2:] if cell_id[2:3] == "-" else cell_id


def with_names_of_today(source: str) -> str:
    """Return the source of a cell of the first edition with the second edition's names in its checks."""
    return CHECK.sub(lambda match: match[1] + TASKS.get(match[2], match[2]), source)
