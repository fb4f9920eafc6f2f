"""The public pages of the archive and its feeds. What they show is the same for everybody, and may be kept for a while.

/archive/<organization>/              the newest campaigns; `?before=` goes on
/archive/<organization>/feed/         the same as RSS 2.0
/archive/<organization>/<campaign>/   one campaign, as `content.publication` makes it
/archive/tag/<number>/, …/feed/       what carries one tag
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Rss201rev2Feed
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from campaigns import archive
from campaigns.archive import NotInArchive, Shelf
from content.sandbox import POLICY, page_of

View = Callable[..., HttpResponse]
SECONDS = 300
LIST_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def public_page(view: View) -> View:
    """GET and HEAD; a plain 404 for what is not there."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotInArchive:
            return _styled(request, "campaigns/archive_missing.html", {}, status=404)

    return require_safe(csrf_exempt(answered))


@public_page
def organization(request: HttpRequest, name: str) -> HttpResponse:
    return _list(request, Shelf.of(name))


@public_page
def tag(request: HttpRequest, number: int) -> HttpResponse:
    return _list(request, Shelf.of_tag(number))


@public_page
def organization_feed(request: HttpRequest, name: str) -> HttpResponse:
    return _feed(request, Shelf.of(name))


@public_page
def tag_feed(request: HttpRequest, number: int) -> HttpResponse:
    return _feed(request, Shelf.of_tag(number))


@public_page
def campaign(request: HttpRequest, name: str, public_id: str) -> HttpResponse:
    """The HTML is what an author wrote: a sandbox takes scripts, forms and our cookies from it."""
    response = HttpResponse(page_of(archive.copy_of(name, public_id)))
    response = _unless_known(request, response, etag=_etag(response.content))
    # also with a 304, or the browser would keep the page with another policy
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "DENY"
    response["Referrer-Policy"] = "no-referrer"
    return _for_all(response)


# --- lists and feeds ---------------------------------------------------------------------------------------------


def _list(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """A tag that nothing public carries is not named: what it is called may be nobody else's business."""
    before = request.GET.get("before", "")
    entries, more = shelf.page(before)
    about = {"shelf": shelf, "entries": entries, "more": more, "before": before}
    return _for_all(_styled(request, "campaigns/archive.html", about))


def _feed(request: HttpRequest, shelf: Shelf) -> HttpResponse:
    """RSS 2.0 with its own address (https://www.rssboard.org/rss-profile), every address absolute."""
    entries, _ = shelf.page()
    named = shelf.organization.name if entries or not shelf.tag else "Archive"
    title = f"{named}: {shelf.tag.name}" if shelf.tag and entries else named
    feed = Rss201rev2Feed(
        title=_clean(title),
        link=shelf.url,
        description=f"What {_clean(named)} has sent, newest first.",
        feed_url=shelf.feed_url,
        language="en",
    )
    for each in entries:
        feed.add_item(
            title=_clean(each.said.subject),
            link=each.url,
            description=_clean(each.said.summary),
            pubdate=each.at,
            unique_id=each.campaign.public_id,
            unique_id_is_permalink=False,
        )
    response = HttpResponse(feed.writeString("utf-8"), content_type=feed.content_type)
    changed_at = max((each.campaign.modified_at for each in entries), default=None)
    return _for_all(_unless_known(request, response, etag=_etag(response.content), at=changed_at))


def _clean(text: str) -> str:
    """Without what XML has no way to write (https://www.w3.org/TR/xml/#charsets)."""
    return "".join(each for each in text if each.isprintable() or each in "\t\n")


# --- answers -----------------------------------------------------------------------------------------------------


def _styled(request: HttpRequest, template: str, about: dict[str, object], *, status: int = 200) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    about = {"nonce": nonce, "is_indexed": settings.ARCHIVE_INDEXED, **about}
    response = render(request, template, about, status=status)
    response["Content-Security-Policy"] = LIST_POLICY.format(nonce=nonce)
    return response


def _for_all(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={SECONDS}"
    if not settings.ARCHIVE_INDEXED:
        response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _unless_known(
    request: HttpRequest, response: HttpResponse, *, etag: str, at: datetime | None = None
) -> HttpResponse:
    """304 where the client has it. Not for lists: with a kept page goes the nonce of its policy."""
    response["ETag"] = etag
    if at is not None:
        response["Last-Modified"] = http_date(at.timestamp())
    last_modified = int(at.timestamp()) if at else None
    return get_conditional_response(request, etag=etag, last_modified=last_modified, response=response) or response


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
