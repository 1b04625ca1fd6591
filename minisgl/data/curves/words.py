"""The words: 2,418 English words of four to nine letters, in words.txt; one in ten is for validation, one for test."""

from functools import cache
from importlib import resources

from minisgl.data.curves.fonts import Split


@cache
def words(split: Split) -> tuple[str, ...]:
    """The words of a split; no two splits share one."""
    every = resources.files(__package__).joinpath("words.txt").read_text(encoding="ascii").split()
    match split:
        case "validation":
            return tuple(every[0::10])
        case "test":
            return tuple(every[1::10])
        case "train":
            return tuple(word for i, word in enumerate(every) if i % 10 > 1)
