"""Word error rate: word errors divided by the number of words of the reference."""

from __future__ import annotations

from collections.abc import Sequence


def count_word_errors(reference: Sequence[str], transcript: Sequence[str]) -> int:
    """Return the number of substitutions, deletions and insertions (Levenshtein, 1966)."""
    row = list(range(len(transcript) + 1))
    for place, word in enumerate(reference, 1):
        above, row = row, [place]
        for at, other in enumerate(transcript, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (word != other)))
    return row[-1]
