"""Index jobs: what is to be encoded, what was set aside and why."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from webapp.api.pagination import keyset_page
from webapp.api.parsing import read_query
from webapp.api.problems import Conflict
from webapp.api.responses import job_document
from webapp.api.schema import operation
from webapp.api.schemas.index import JobPage, JobQuery, JobResponse
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, answer
from webapp.catalog.models import IndexJob
from webapp.catalog.services.jobs import retry_jobs


class JobListView(ApiView):
    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="jobs_list",
        tags=["index"],
        summary="List index jobs",
        query=JobQuery,
        answers={200: JobPage},
    )
    def get(self, request: Request) -> HttpResponse:
        asked = read_query(request, JobQuery)
        wanted = {
            name: value
            for name in ("state", "modality")
            if (value := getattr(asked, name)) is not None
        }
        page, cursor = keyset_page(
            IndexJob.objects.filter(**wanted),
            cursor=asked.cursor,
            limit=asked.limit,
            asked=sorted(wanted.items()),
        )
        return answer({"items": [job_document(job) for job in page], "next_cursor": cursor})


class JobView(ApiView):
    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="jobs_read",
        tags=["index"],
        summary="Read an index job",
        answers={200: JobResponse},
        problems=(404,),
    )
    def get(self, request: Request, job_id: int) -> HttpResponse:
        return answer(job_document(get_object_or_404(IndexJob, pk=job_id)))


class JobRetryView(ApiView):
    scopes = {"POST": Scope.INDEX_WRITE}

    @operation(
        operation_id="retry_jobs",
        tags=["index"],
        summary="Try a failed index job again",
        answers={200: JobResponse},
        problems=(404, 409),
    )
    def post(self, request: Request, job_id: int) -> HttpResponse:
        job = get_object_or_404(IndexJob, pk=job_id)
        if not retry_jobs(jobs=IndexJob.objects.filter(pk=job_id)):
            raise Conflict(f"Only a failed job can be tried again; this one is {job.state}.")
        job.refresh_from_db()
        return answer(job_document(job))
