"""Spoken queries to words. Searching with them is another request, after the speaker has seen
them.
"""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from search.config import engine_settings
from webapp.api.parsing import field_errors, read_form
from webapp.api.schema import file_body, operation
from webapp.api.schemas.speech import TranscriptionForm, TranscriptionResponse
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, answer
from webapp.retrieval.transcription import transcriber

SOUND = {"sound": "the recording: WebM, MP4, OGG, WAV, MP3, FLAC, AAC or AIFF"}
FORM_BYTES = 64 * 1024
"""What the form itself may add to the sound's bytes."""


class TranscriptionListView(ApiView):
    scopes = {"POST": Scope.SEARCH}
    public = frozenset({"POST"})
    parser_classes = [MultiPartParser]
    body_max_bytes = engine_settings().speech_max_bytes + FORM_BYTES

    @operation(
        operation_id="transcribe",
        public=True,
        tags=["search"],
        summary="Write down a spoken query",
        body={"multipart/form-data": file_body(TranscriptionForm, SOUND, required=("sound",))},
        answers={200: TranscriptionResponse},
        problems=(404, 413, 415),
    )
    def post(self, request: Request) -> HttpResponse:
        asked, files = read_form(request, TranscriptionForm, SOUND)
        if "sound" not in files:
            raise field_errors(TranscriptionForm, {"sound": "A file is needed"})
        here = transcriber()
        heard = here.transcribe(files["sound"], asked.language or "")
        return answer(
            {
                "text": heard.text,
                "confidence": round(heard.confidence, 4),
                "alternatives": list(heard.alternatives),
                "engine": here.engine,
            }
        )
