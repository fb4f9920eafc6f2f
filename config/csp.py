"""Content-Security-Policy: strict everywhere, with what the admin's theme needs under the admin's address.

The theme evaluates expressions written in its HTML attributes (Alpine), hence `unsafe-eval`, and writes colours into
the page, hence inline styles. Inline scripts stay forbidden everywhere. Previews of mails send a policy of their own.
"""

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

ADMIN = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, "data:"]}


class PolicyMiddleware(CSPMiddleware):
    """django-csp's middleware, choosing the policy by address."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(reverse("admin:index")):
            parts.replace = {**ADMIN, **(parts.replace or {})}
        elif request.path_info.startswith(reverse("mfa_index")):
            parts.replace = {"img-src": [SELF, "data:"], **(parts.replace or {})}  # the code an authenticator app scans
        return parts
