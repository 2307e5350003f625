"""Rate limits: a counter for each caller and time window in the cache."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from webapp.api.access import caller_name
from webapp.rate_counter import increment

if TYPE_CHECKING:
    # REST framework's views import the throttles that the settings name.
    from rest_framework.views import APIView

WINDOW_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests in a window of seconds."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Return the rate that a text names: '120/min' → Rate(120, 60)."""
        count, _, period = text.partition("/")
        return cls(int(count), WINDOW_SECONDS[period[0]])


@dataclass(frozen=True, slots=True)
class RateState:
    """How much of its rate a caller has used, and the seconds until the window ends."""

    rate: Rate
    used: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """The headers of draft-ietf-httpapi-ratelimit-headers."""
        remaining = max(0, self.rate.requests - self.used)
        return {
            "RateLimit-Policy": f'"default";q={self.rate.requests};w={self.rate.seconds}',
            "RateLimit": f'"default";r={remaining};t={self.reset_s}',
        }


class CallerThrottle(BaseThrottle):
    """Limit by API key or user, else by address.

    The window is fixed, so that a request costs one round trip to the cache.
    """

    state: RateState | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = caller_name(request)
        is_anonymous = caller == "anonymous"
        rate = Rate.parse(settings.API_RATE_ANONYMOUS if is_anonymous else settings.API_RATE_KEY)
        ident = self.get_ident(request) if is_anonymous else caller
        window, elapsed = divmod(int(time.time()), rate.seconds)
        self.state = RateState(
            rate, increment(f"api-rate:{ident}:{window}", rate.seconds), rate.seconds - elapsed
        )
        request._request.rate_state = self.state  # type: ignore[attr-defined]  # read by ApiView
        return self.state.used <= rate.requests

    def wait(self) -> float | None:
        return self.state.reset_s if self.state else None
