"""The microphone of the search box: a recording in, its words out."""

from __future__ import annotations

import time
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from search.config import engine_settings
from search.errors import MediaTooLarge, OmnishelfError, UnsupportedSpeechLanguage
from search.speech.transcriber import Transcript
from webapp.rate_counter import client_address, increment
from webapp.retrieval.transcription import transcriber
from webapp.shop.problems import recording_problem

MAX_FORM_BYTES = 64 * 1024
"""What the form may add to the size of the recording."""

MAX_RECORDINGS_PER_WINDOW = 20
WINDOW_S = 60


# CSRF: nothing is changed or stored, and the form works from a cached page.
@csrf_exempt
@require_POST
def transcription(request: HttpRequest) -> JsonResponse:
    """Answer with `text` and `confidence`, or with `problem`, a sentence for the shopper."""
    max_bytes = engine_settings().speech_max_bytes + MAX_FORM_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        return _problem_response(MediaTooLarge("the request is too large"))
    if _is_rate_exceeded(client_address(request)):
        problem = _("Too many recordings. Wait a minute, or type your words.")
        return JsonResponse({"problem": problem}, status=429)
    upload = request.FILES.get("sound")
    if not isinstance(upload, UploadedFile):
        return JsonResponse({"problem": _("The recording is missing.")}, status=400)
    try:
        transcript = _transcribe(upload)
    except OmnishelfError as error:
        return _problem_response(error)
    return JsonResponse({"text": transcript.text, "confidence": round(transcript.confidence, 4)})


def _transcribe(upload: UploadedFile[Any]) -> Transcript:
    """Transcribe in the language of the page; else in the engine's default language."""
    try:
        return transcriber().transcribe(upload, get_language() or "")
    except UnsupportedSpeechLanguage:
        return transcriber().transcribe(upload, "")


def _is_rate_exceeded(address: str) -> bool:
    window = int(time.time()) // WINDOW_S
    count = increment(f"speech-rate:{address}:{window}", WINDOW_S)
    return count > MAX_RECORDINGS_PER_WINDOW


def _problem_response(error: OmnishelfError) -> JsonResponse:
    problem = recording_problem(error)
    return JsonResponse({"problem": f"{problem.title}. {problem.advice}"}, status=problem.status)
