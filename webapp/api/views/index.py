"""State of the index, and its jobs: contents to encode, and those that failed."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from webapp.api.openapi import operation
from webapp.api.pagination import keyset_page
from webapp.api.parsing import read_query
from webapp.api.problems import Conflict
from webapp.api.schemas.index import IndexResponse, JobPage, JobQuery, JobResponse
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, json_response
from webapp.catalog.models import IndexJob
from webapp.catalog.services.jobs import retry_jobs
from webapp.retrieval.models_runtime import index_status


class IndexView(ApiView):
    """The state of the index, as the process that answers sees it."""

    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="index_status",
        tags=["index"],
        summary="State of the index",
        responses={200: IndexResponse},
    )
    def get(self, request: Request) -> HttpResponse:
        return json_response(IndexResponse.write(index_status()))


class JobListView(ApiView):
    """Index jobs, filtered by state and modality."""

    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="jobs_list",
        tags=["index"],
        summary="List index jobs",
        query=JobQuery,
        responses={200: JobPage},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request, JobQuery)
        filters = query.model_dump(include={"state", "modality"}, exclude_none=True)
        page = keyset_page(
            IndexJob.objects.filter(**filters),
            cursor=query.cursor,
            limit=query.limit,
            scope=sorted(filters.items()),
        )
        return json_response(JobPage.write(page))


class JobView(ApiView):
    """One index job."""

    scopes = {"GET": Scope.INDEX_READ}

    @operation(
        operation_id="jobs_read",
        tags=["index"],
        summary="Read an index job",
        responses={200: JobResponse},
        problems=(404,),
    )
    def get(self, request: Request, job_id: int) -> HttpResponse:
        return json_response(JobResponse.write(get_object_or_404(IndexJob, pk=job_id)))


class JobRetryView(ApiView):
    """Retry of a failed index job."""

    scopes = {"POST": Scope.INDEX_WRITE}

    @operation(
        operation_id="jobs_retry",
        tags=["index"],
        summary="Retry a failed index job",
        responses={200: JobResponse},
        problems=(404, 409),
    )
    def post(self, request: Request, job_id: int) -> HttpResponse:
        job = get_object_or_404(IndexJob, pk=job_id)
        if not retry_jobs(jobs=IndexJob.objects.filter(pk=job_id)):
            raise Conflict(f"Only a failed job can be retried; this one is {job.state}.")
        job.refresh_from_db()
        return json_response(JobResponse.write(job))
