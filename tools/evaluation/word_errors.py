"""Word error rate: what share of the words said was written down wrongly."""

from __future__ import annotations

from collections.abc import Sequence


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words replaced, left out or put in that make `heard` of `said` (Levenshtein, 1966)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        above, row = row, [place]
        for at, other in enumerate(heard, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (word != other)))
    return row[-1]
