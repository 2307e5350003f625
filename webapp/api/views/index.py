"""State of the index, as the process that answers sees it."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from search.vectors.status import IndexStatus
from webapp.api.responses import Document, time_text
from webapp.api.schema import operation
from webapp.api.schemas.index import IndexResponse
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, answer
from webapp.catalog.selectors.uploads import count_jobs
from webapp.retrieval.models_runtime import index_status


class IndexView(ApiView):
    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="index_status",
        tags=["index"],
        summary="State of the index",
        answers={200: IndexResponse},
    )
    def get(self, request: Request) -> HttpResponse:
        status = index_status()
        return answer({**_document(status), "queue": count_jobs(space=status.space)})


def _document(status: IndexStatus) -> Document:
    return {
        "space": status.space,
        "preset": status.preset,
        "dim": status.dim,
        "generation": status.generation,
        "generation_seq": status.generation_seq,
        "created": time_text(status.created_at),
        "age_s": status.age_s,
        "seq": status.seq,
        "views": status.views,
        "delta_products": status.delta_products,
        "delta_views": status.delta_views,
        "fault": status.fault,
        "segments": [
            {
                "modality": segment.modality.value,
                "shape": segment.index_type,
                "views": segment.views,
                "superseded": segment.superseded,
                "bytes": segment.bytes,
                "recall": segment.recall,
                "gpu_shape": segment.gpu_index_type,
            }
            for segment in status.segments
        ],
    }
