from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from api.management.access import key_of


class Throttle(SimpleRateThrottle):
    """So many requests a minute for each key, and for each person in a browser; the setting says how many."""

    scope = "management"

    def get_rate(self) -> str | None:
        return f"{settings.API_REQUESTS_PER_MINUTE}/min" if settings.API_REQUESTS_PER_MINUTE else None

    def get_cache_key(self, request: Request, view: APIView) -> str:
        key = key_of(request)
        caller = f"key-{key.pk}" if key else f"user-{request.user.pk}"
        return self.cache_format % {"scope": self.scope, "ident": caller}
