"""All engines, by their name on the command line."""

from __future__ import annotations

from tools.bench.index.engines.base import Engine
from tools.bench.index.engines.graphs import Hnswlib, Usearch
from tools.bench.index.engines.ours import Ours, OursOnGpu, OursOnGpuCagra, OursOnGpuIvfPq
from tools.bench.index.engines.raw_faiss import RAW_FAISS
from tools.bench.index.engines.stores import LanceDb, MilvusLite, QdrantLocal
from tools.bench.index.engines.txtai import Txtai

_ALL: tuple[type[Engine], ...] = (
    Ours,
    OursOnGpu,
    OursOnGpuIvfPq,
    OursOnGpuCagra,
    *RAW_FAISS,
    Hnswlib,
    Usearch,
    Txtai,
    LanceDb,
    MilvusLite,
    QdrantLocal,
)

ENGINES: dict[str, type[Engine]] = {
    engine.name.replace(" ", "-").lower(): engine for engine in _ALL
}
