"""Transcription of spoken queries.

Search is a separate request, because the speaker should see the text first.
"""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from search.config import engine_settings
from webapp.api.openapi import file_body, operation
from webapp.api.parsing import read_form, require_file
from webapp.api.schemas.speech import TranscriptionForm, TranscriptionResponse
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, json_response
from webapp.retrieval.transcription import transcriber

FILES = {"sound": "recording: WebM, MP4, OGG, WAV, MP3, FLAC, AAC or AIFF"}
FORM_OVERHEAD = 64 * 1024
"""Bytes that the form may add to those of the sound."""


class TranscriptionListView(ApiView):
    """Transcriptions. None is stored."""

    scopes = {"POST": Scope.SEARCH}
    public = frozenset({"POST"})
    parser_classes = [MultiPartParser]
    body_max_bytes = engine_settings().speech_max_bytes + FORM_OVERHEAD

    @operation(
        operation_id="transcribe",
        public=True,
        tags=["search"],
        summary="Transcribe a spoken query",
        body={"multipart/form-data": file_body(TranscriptionForm, FILES, required=("sound",))},
        responses={200: TranscriptionResponse},
        problems=(404, 413, 415),
    )
    def post(self, request: Request) -> HttpResponse:
        form, files = read_form(request, TranscriptionForm, FILES)
        sound = require_file(files, "sound", TranscriptionForm)
        engine = transcriber()
        transcript = engine.transcribe(sound, form.language or "")
        return json_response(TranscriptionResponse.write(transcript, engine.engine))
