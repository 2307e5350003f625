"""Who takes part, by the name given on the command line."""

from __future__ import annotations

from indexer.bench.index.engines.base import Engine
from indexer.bench.index.engines.graphs import Hnswlib, Usearch
from indexer.bench.index.engines.ours import Ours, OursOnGpu, OursOnGpuCagra, OursOnGpuIvfPq
from indexer.bench.index.engines.raw_faiss import RAW_FAISS
from indexer.bench.index.engines.stores import LanceDb, MilvusLite, QdrantLocal
from indexer.bench.index.engines.txtai import Txtai

ENGINES: dict[str, type[Engine]] = {
    engine.name.replace(" ", "-").lower(): engine
    for engine in (
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
}
