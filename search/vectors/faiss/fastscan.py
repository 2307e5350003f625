"""Four-bit lists scanned in registers, in the two ways that FAISS has for it."""

from __future__ import annotations

from typing import Any, cast

import faiss

FEW = 16
"""Queries of one call up to which one after another is faster; more are faster all at once."""

_ONE_BY_ONE = 11
"""FAISS's number (`implem`) for scanning query by query into a reservoir; 0 is its own choice.
It belongs to the index, not to a call, so there have to be two indexes."""


def one_by_one(index: faiss.Index) -> faiss.Index:
    """A second index over the same lists and centres, which must outlive it, that answers query
    by query; `index` itself where it has no four-bit lists.
    """
    if isinstance(index, faiss.IndexPreTransform):
        rotation = cast(Any, index).chain.at(0)
        return faiss.IndexPreTransform(rotation, one_by_one(faiss.downcast_index(index.index)))
    if not isinstance(index, faiss.IndexIVFPQFastScan):
        return index
    code = index.pq
    twin = faiss.IndexIVFPQFastScan(
        index.quantizer, index.d, index.nlist, code.M, code.nbits, index.metric_type, index.bbs
    )
    twin.pq = code
    twin.by_residual = index.by_residual
    twin.replace_invlists(cast(Any, index).invlists, False)
    twin.ntotal, twin.is_trained = index.ntotal, True
    twin.implem = _ONE_BY_ONE
    return twin
