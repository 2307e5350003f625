"""The state of the index from the database and the disk, without opening it."""

from __future__ import annotations

from typing import Any

from search.config import engine_settings
from search.vectors.backends import open_generations
from search.vectors.generations import GenerationInfo
from webapp.catalog.selectors.embeddings import count_changes_since, get_index_sequence
from webapp.catalog.selectors.uploads import count_jobs
from webapp.retrieval.models_runtime import active_space


def get_index_status() -> dict[str, Any]:
    """Return space, clock, changes since the live generation, jobs and generations, for JSON."""
    space = active_space()
    generations = open_generations(engine_settings(), space).list_all()
    live_seq = next((info.manifest.seq for info in generations if info.live and info.manifest), 0)
    return {
        "space": space.fingerprint,
        "preset": space.preset,
        "clock": get_index_sequence(),
        "changed": count_changes_since(seq=live_seq),
        "jobs": count_jobs(space=space.fingerprint),
        "generations": [_to_dict(info) for info in generations],
    }


def _to_dict(info: GenerationInfo) -> dict[str, Any]:
    row: dict[str, Any] = {"number": info.number, "live": info.live, "fault": info.fault}
    if info.manifest is None:
        return row
    manifest = info.manifest
    return row | {
        "views": manifest.views,
        "seq": manifest.seq,
        "created_at": manifest.created_at.isoformat(),
        "segments": [
            {
                "modality": part.modality,
                "shape": part.index_type,
                "views": part.views,
                "bytes": part.bytes,
                "recall": {
                    query_modality: tuned.recall for query_modality, tuned in part.tuned.items()
                },
                "drift": part.drift,
                "why": part.why,
            }
            for part in manifest.segments
        ],
    }
