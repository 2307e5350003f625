"""An evaluation catalogue names media anywhere beside it; an import accepts only what lies
inside one folder.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from search.errors import InputError
from search.modalities import MODALITIES


def rebase(catalog: Path, out: Path) -> Path:
    """Write `catalog` to `out` with media paths relative to the one folder that holds them all.
    Returns that folder.
    """
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    present = [column for column in MODALITIES.upload_columns if column in columns]
    files = {
        name: (catalog.parent / name).resolve()
        for row in rows
        for column in present
        for name in row[column].split("|")
        if name
    }
    if not rows or not files:
        raise InputError("the evaluation catalogue names no media", value=str(catalog))
    root = Path(os.path.commonpath([path.parent for path in files.values()]))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            for column in present:
                names = (name for name in row[column].split("|") if name)
                row[column] = "|".join(files[name].relative_to(root).as_posix() for name in names)
            writer.writerow(row)
    return root
