"""Answers of pages whose address is a key: nothing is loaded, framed, kept, or told to other sites.

GET and HEAD of such a page change nothing, since scanners and mail programs follow every link. A POST changes at once.
There is no CSRF token: whoever can forge the address has the signed link, and mail programs have no cookie.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from tracking.clients import client_address
from tracking.limits import is_over_limit
from tracking.refusals import Refusals

METHODS = ["GET", "HEAD", "POST"]
REFUSALS = Refusals()
P = ParamSpec("P")


def private_page(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """A view for GET, HEAD and POST without cookies; other methods get an answer that is as private as the rest."""

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method not in METHODS:
            return private(HttpResponseNotAllowed(METHODS))
        return view(request, *args, **kwargs)

    return csrf_exempt(answered)


def page(
    request: HttpRequest, name: str, *, status: int = 200, headers: dict[str, str] | None = None, **about: Any
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    response = render(request, f"tracking/{name}.html", {"nonce": nonce, **about}, status=status)
    for header, value in (headers or {}).items():
        response[header] = value
    return private(response, nonce)


def private(response: HttpResponse, nonce: str = "") -> HttpResponse:
    styles = f"style-src 'nonce-{nonce}'; " if nonce else ""
    response["Content-Security-Policy"] = (
        f"default-src 'none'; {styles}form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Frame-Options"] = "DENY"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def refused(request: HttpRequest, why: object = "") -> HttpResponse:
    """The plain 404 for a token that is forged, cut or of another purpose; counted like those of opens and clicks."""
    REFUSALS.count(str(why) or "bad signature", client_address(request.META))
    return page(request, "not_found", status=404)


def away(request: HttpRequest) -> HttpResponse:
    return page(request, "away", status=503, headers={"Retry-After": "60"})


def too_many(request: HttpRequest, form: str, link: str, *, from_one_address: int | None = None) -> HttpResponse | None:
    """The page for whoever posts to this form too often, by this link or from one address; None: go on."""
    most = settings.POSTS_PER_ADDRESS if from_one_address is None else from_one_address
    if is_over_limit(form, link, settings.POSTS_PER_LINK) or is_over_limit(form, client_address(request.META), most):
        return page(request, "too_many", status=429, headers={"Retry-After": "60"})
    return None


def masked(address: str) -> str:
    """Enough to recognise one's own address by, and too little to learn a stranger's from a forwarded mail."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}•••{at}{domain}" if at else f"•••{address[-3:]}"
