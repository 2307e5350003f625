"""Look after published generations: list, verify, roll back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.errors import CorruptGeneration, NoGeneration
from search.types import Space
from search.vectors.faiss.generation import check_generation
from search.vectors.layout import Layout
from search.vectors.manifest import Manifest, read_manifest


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A generation on disk; `fault` says why its manifest cannot be read."""

    number: int
    live: bool
    manifest: Manifest | None
    fault: str | None


def list_generations(root: Path, space: Space) -> list[GenerationInfo]:
    """All generations of a space, newest number first. Reads manifests only and raises nothing
    for damaged ones.
    """
    layout = Layout.of(root, space)
    try:
        live = layout.live()
    except CorruptGeneration:
        live = None
    return [_describe(layout, number, number == live) for number in reversed(layout.numbers())]


def _describe(layout: Layout, number: int, live: bool) -> GenerationInfo:
    try:
        return GenerationInfo(number, live, read_manifest(layout.folder(number)), None)
    except CorruptGeneration as error:
        return GenerationInfo(number, live, None, str(error))


def live_generation(root: Path, space: Space) -> Manifest:
    """The live generation's manifest. Raises NoGeneration; CorruptGeneration when pointer or
    manifest is damaged.
    """
    layout = Layout.of(root, space)
    return read_manifest(layout.folder(_live_number(layout)))


def verify(root: Path, space: Space, number: int | None = None) -> Manifest:
    """Check size and SHA-256 of every file of generation `number` (the live one when None).

    Raises NoGeneration when there is no such generation, CorruptGeneration naming the file.
    """
    layout = Layout.of(root, space)
    wanted = _live_number(layout) if number is None else number
    if wanted not in layout.numbers():
        raise NoGeneration("there is no such generation", value=wanted)
    return check_generation(layout.folder(wanted), space)


def rollback(root: Path, space: Space, to: int | None = None) -> Manifest:
    """Make generation `to` live again, or the one that was live before the current one; it is
    verified first.

    Readers swap at their next look at the pointer and must then reload changes from the older
    seq, see `VectorIndex.swap_if_published`. A build in progress is not stopped and will publish
    over the rollback. Raises NoGeneration when there is nothing to go back to, CorruptGeneration
    when the target is damaged (or the current manifest, which names the target when `to` is
    None).
    """
    layout = Layout.of(root, space)
    with layout.pointer_lock():
        target = (
            to if to is not None else read_manifest(layout.folder(_live_number(layout))).previous
        )
        if target is None:
            raise NoGeneration(
                "there is no generation before the live one", fix="Build one from the database."
            )
        manifest = verify(root, space, target)
        layout.point_to(target)
    return manifest


def _live_number(layout: Layout) -> int:
    number = layout.live()
    if number is None:
        raise NoGeneration(
            "no generation has been published", value=layout.home.name, fix="Build one first."
        )
    return number
