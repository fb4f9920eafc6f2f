"""The addresses of the GreenArrow API. Which handler answers which of them is in `routing`.

Without `ga/` and without a version, only what begins with one of its own words is ours: the other APIs have theirs
under `api/` too.
"""

from django.urls import re_path

from api.greenarrow import handlers
from api.greenarrow.routing import answer, routes

__all__ = ["handlers", "urlpatterns"]

OWN_WORDS = "|".join(sorted({each.parts[0] for each in routes()}))

urlpatterns = [
    re_path(r"^ga/api/(?:v2/)?(?P<rest>[\s\S]*)\Z", answer),
    re_path(r"^api/v2/(?P<rest>[\s\S]*)\Z", answer),
    re_path(rf"^api/(?P<rest>(?:{OWN_WORDS})(?:\.json)?(?:/[\s\S]*)?)\Z", answer),
]
