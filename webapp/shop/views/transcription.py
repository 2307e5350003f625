"""The microphone of the search box: a recording in, its words out, in the shopper's language
where it goes wrong.
"""

from __future__ import annotations

import time

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
from webapp.shop.problems import recording_problem_of

FORM_BYTES = 64 * 1024
RECORDINGS_PER_WINDOW = 20
WINDOW_S = 60


# Nothing is changed or kept, so a foreign page gains nothing; and the form works from any cached
# page.
@csrf_exempt
@require_POST
def transcription(request: HttpRequest) -> JsonResponse:
    """`text` and `confidence`, or `problem`: a sentence for the shopper."""
    if (
        int(request.META.get("CONTENT_LENGTH") or 0)
        > engine_settings().speech_max_bytes + FORM_BYTES
    ):
        return _refused(MediaTooLarge("the request is too large"))
    if _too_often(client_address(request)):
        return JsonResponse(
            {"problem": _("That was very often. Wait a minute, or type your words.")}, status=429
        )
    upload = request.FILES.get("sound")
    if not isinstance(upload, UploadedFile):
        return JsonResponse({"problem": _("There is no recording.")}, status=400)
    try:
        heard = _transcribe(upload)
    except OmnishelfError as error:
        return _refused(error)
    return JsonResponse({"text": heard.text, "confidence": round(heard.confidence, 4)})


def _transcribe(upload: UploadedFile) -> Transcript:
    """In the language of the page, or the engine's own where it does not understand that one."""
    try:
        return transcriber().transcribe(upload, get_language() or "")
    except UnsupportedSpeechLanguage:
        return transcriber().transcribe(upload, "")


def _too_often(address: str) -> bool:
    window = int(time.time()) // WINDOW_S
    return increment(f"speech-rate:{address}:{window}", WINDOW_S) > RECORDINGS_PER_WINDOW


def _refused(error: OmnishelfError) -> JsonResponse:
    problem = recording_problem_of(error)
    return JsonResponse({"problem": f"{problem.title}. {problem.advice}"}, status=problem.status)
