"""Training pairs: pictures of the development data, each with every text that is true of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from search.errors import ConfigError
from search.types import Ids

Row = Mapping[str, Any]

LABEL_TEMPLATES = ("{}", "a photo of a {}", "a picture of {}", "{} product photo")


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and the texts that describe it. Texts shared by two pictures make each a
    positive of the other.

    `group` names what the pictures of one product have in common; without it a picture is a
    group of its own.
    """

    folder: str
    picture: Path
    texts: tuple[str, ...]
    group: str = ""


def read_examples(folder: Path) -> list[Example]:
    """Pairs of one data folder (`items.jsonl` beside its pictures); rows without a usable text
    are left out.

    A folder named like a known dataset is read with that dataset's fields; any other folder must
    give `path` and `texts` (a list of strings) in every row, and may give a `group`. Raises
    ConfigError when `items.jsonl` is missing.
    """
    listing = folder / "items.jsonl"
    if not listing.is_file():
        raise ConfigError(
            "no items.jsonl in the training folder", value=str(folder), fix="Name a data folder."
        )
    describe = DESCRIBERS.get(folder.name, _own_texts)
    examples = []
    for row in _rows(listing):
        texts = tuple(dict.fromkeys(text for text in map(_clean, describe(row)) if text))
        if texts:
            group = str(row.get(GROUPED_BY.get(folder.name, "group")) or "")
            examples.append(Example(folder.name, folder / row["path"], texts, group))
    return examples


def _rows(listing: Path) -> Iterator[Row]:
    with listing.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _labelled(label: str) -> list[str]:
    return [template.format(label) for template in LABEL_TEMPLATES]


def _own_texts(row: Row) -> list[str]:
    return list(row["texts"])


def _grocery(row: Row) -> list[str]:
    fine = row["fine"].replace("-", " ").lower()
    coarse = row["coarse"].replace("-", " ").lower()
    category = row["category"].lower()
    return [
        *_labelled(fine),
        *_labelled(coarse),
        f"{fine} {coarse}",
        category,
        row["description"] or "",
    ]


CLOTHING_WORDLESS = {"Not sure", "Other", "Skip", None}
CLOTHING_SYNONYMS = {
    "t-shirt": ("t shirt", "tshirt"),
    "longsleeve": ("long sleeve top",),
    "outwear": ("outerwear", "jacket or coat"),
    "pants": ("trousers",),
    "body": ("baby bodysuit",),
    "hoodie": ("hooded sweatshirt",),
}


def _clothing(row: Row) -> list[str]:
    if row["label"] in CLOTHING_WORDLESS:
        return []
    label = row["label"].lower()
    texts = [
        text for word in (label, *CLOTHING_SYNONYMS.get(label, ())) for text in _labelled(word)
    ]
    return [*texts, f"children's {label}"] if row["kids"] else texts


def _ikea(row: Row) -> list[str]:
    kind = row["type"].lower()
    colour = row["colour"].lower()
    named = f"{colour} {kind}".strip()
    room_object = row["object_class"].replace("_", " ") if row["object_class"] else ""
    return [
        kind,
        *_labelled(named),
        f"{named}. {row['description']}",
        row["description"],
        room_object,
    ]


def _myntra(row: Row) -> list[str]:
    kind = row["articleType"].lower()
    gender = row["gender"].lower()
    colour = (row["baseColour"] or "").lower()
    named = f"{colour} {kind}".strip()
    return [
        kind,
        *_labelled(named),
        f"{gender} {named}",
        f"{gender} {kind}",
        row["title"],
        row["title"],
    ]


def _flickr8k(row: Row) -> list[str]:
    return list(row["captions"])


DESCRIBERS: Mapping[str, Callable[[Row], list[str]]] = {
    "grocery": _grocery,
    "clothing": _clothing,
    "ikea": _ikea,
    "myntra": _myntra,
    "flickr8k": _flickr8k,
}

GROUPED_BY = {"ikea": "description", "myntra": "title"}
"""The field whose equal values mean the same product in several pictures, where a dataset has
such products."""


def distinct_texts(examples: Sequence[Example]) -> list[str]:
    """Every text of the examples once, in order of first appearance."""
    return list(dict.fromkeys(text for example in examples for text in example.texts))


def truth_table(examples: Sequence[Example], texts: Sequence[str]) -> csr_matrix:
    """(examples, texts), one where the text is among the example's."""
    column = {text: index for index, text in enumerate(texts)}
    indices = [column[text] for example in examples for text in example.texts]
    starts = np.cumsum([0, *(len(example.texts) for example in examples)])
    return csr_matrix(
        (np.ones(len(indices), np.float32), indices, starts), shape=(len(examples), len(texts))
    )


def group_numbers(examples: Sequence[Example]) -> Ids:
    """(examples,), equal where examples are of one group of one folder."""
    number: dict[tuple[str, str], int] = {}
    return np.array([
        number.setdefault((example.folder, example.group or f"picture {example.picture}"), len(number))
        for example in examples
    ], np.int64)  # fmt: skip
