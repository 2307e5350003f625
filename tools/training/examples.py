"""Training pairs: pictures of the development data and of catalogues, with their texts."""

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

CATALOGUE = "catalog.jsonl"
LABEL_TEMPLATES = ("{}", "a photo of a {}", "a picture of {}", "{} product photo")


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and the texts that describe it.

    Pictures that share a text are positives of each other. `group` identifies the pictures of one
    product; without it a picture is a group of its own.
    """

    folder: str
    picture: Path
    texts: tuple[str, ...]
    group: str = ""


def read_examples(folder: Path) -> list[Example]:
    """Return the pairs of a data folder: `items.jsonl` and its pictures.

    A folder named like a known dataset is read with that dataset's fields. Rows of any other
    folder need `path` and `texts` (a list of strings), and may have a `group`. Rows without a
    usable text are skipped. Raises ConfigError when `items.jsonl` is missing.
    """
    listing = folder / "items.jsonl"
    if not listing.is_file():
        raise ConfigError(
            "no items.jsonl in the training folder", value=str(folder), fix="Name a data folder."
        )
    describe = TEXTS_OF_DATASET.get(folder.name, _own_texts)
    examples = []
    for row in _rows(listing):
        texts = tuple(dict.fromkeys(text for text in map(_clean, describe(row)) if text))
        if texts:
            group = str(row.get(GROUP_FIELD.get(folder.name, "group")) or "")
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


CLOTHING_NO_LABEL = {"Not sure", "Other", "Skip", None}
CLOTHING_SYNONYMS = {
    "t-shirt": ("t shirt", "tshirt"),
    "longsleeve": ("long sleeve top",),
    "outwear": ("outerwear", "jacket or coat"),
    "pants": ("trousers",),
    "body": ("baby bodysuit",),
    "hoodie": ("hooded sweatshirt",),
}


def _clothing(row: Row) -> list[str]:
    if row["label"] in CLOTHING_NO_LABEL:
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


TEXTS_OF_DATASET: Mapping[str, Callable[[Row], list[str]]] = {
    "grocery": _grocery,
    "clothing": _clothing,
    "ikea": _ikea,
    "myntra": _myntra,
    "flickr8k": _flickr8k,
}

GROUP_FIELD = {"ikea": "description", "myntra": "title"}
"""The field with equal values for pictures of the same product, by dataset."""


def read_catalogue(folder: Path) -> Iterator[Example]:
    """Yield every picture of a catalogue in the import format, with its product's texts.

    The texts are made of title, description, category, colour, pattern, style and material.
    """
    with (folder / CATALOGUE).open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            texts = tuple(dict.fromkeys(text for text in _catalogue_texts(row) if text))
            yield from (
                Example(folder.name, folder / "media" / name, texts, row["sku"])
                for name in row["images"]
            )


def _catalogue_texts(row: Row) -> Iterator[str]:
    facts = row["attributes"]
    leaf = row["category"].split(" > ")[-1].lower()
    kind = leaf.removesuffix("s")
    colour, pattern = facts.get("colour", ""), facts.get("pattern", "")
    yield from (row["title"], row["description"], leaf)
    yield from (template.format(f"{colour} {kind}".strip()) for template in LABEL_TEMPLATES)
    yield from (f"{pattern} {kind}".strip(), f"{colour} {facts.get('style', kind)}".strip())
    yield f"{colour} {pattern} {facts.get('material', '')} {kind}".strip()


def list_distinct_texts(examples: Sequence[Example]) -> list[str]:
    """Return every text of the examples once, in order of first appearance."""
    return list(dict.fromkeys(text for example in examples for text in example.texts))


def build_truth_table(examples: Sequence[Example], texts: Sequence[str]) -> csr_matrix:
    """Return a sparse matrix, (examples, texts): 1 where the example has the text."""
    column = {text: index for index, text in enumerate(texts)}
    indices = [column[text] for example in examples for text in example.texts]
    starts = np.cumsum([0, *(len(example.texts) for example in examples)])
    return csr_matrix(
        (np.ones(len(indices), np.float32), indices, starts), shape=(len(examples), len(texts))
    )


def number_groups(examples: Sequence[Example]) -> Ids:
    """Return group numbers, (examples,), equal for examples of one group of one folder."""
    number: dict[tuple[str, str], int] = {}
    numbers = []
    for example in examples:
        group = example.group or f"picture {example.picture}"
        numbers.append(number.setdefault((example.folder, group), len(number)))
    return np.array(numbers, np.int64)
