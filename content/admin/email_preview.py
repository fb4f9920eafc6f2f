"""The editor's preview: what one person would get, from what is typed and not yet saved."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin.desk import desk
from accounts.admin.pages import fragment
from accounts.models import Organization
from accounts.permissions import Permission
from audience.fields import known_keys
from audience.models import Subscriber
from campaigns import merge_fields
from content import preflight
from content.admin.frames import mail_frame
from content.errors import ContentError
from content.models import Email
from delivery import previews

TYPED = ("merge_language", "subject", "preheader", "from_name", "from_email", "reply_to", "html", "text")
OFFERED = 20


def people(organization: Organization, words: str = "") -> QuerySet[Subscriber]:
    """Whom to look through the eyes of."""
    rows = Subscriber.objects.of(organization)
    return rows.filter(email__icontains=words)[:OFFERED] if words else rows[:OFFERED]


def preview_typed(request: HttpRequest) -> HttpResponse:
    """Sender, subject and text as they come out, and what preflight says."""
    email = _typed(request)
    shown, broken = _render(request, email)
    known = merge_fields.of_email(email)
    found = preflight.check_email(email, known_keys=known_keys(email.organization), fields=known)
    context: dict[str, Any] = {"shown": shown, "broken": broken, "findings": found, "email": email}
    return fragment(request, "admin/content/email/preview.html", **context)


def preview_body(request: HttpRequest) -> HttpResponse:
    """The HTML part, for the sandboxed frame."""
    shown, _ = _render(request, _typed(request))
    return mail_frame(shown.html if shown else "")


def _typed(request: HttpRequest) -> Email:
    """An email as it stands in the form; it is never stored."""
    organization = Organization.objects.visible_to(request.user).filter(pk=_number(request, "organization")).first()
    if organization is None or not desk(request).may(Permission.READ, organization):
        raise PermissionDenied
    return Email(organization=organization, **{name: request.POST.get(name, "") for name in TYPED})


def _render(request: HttpRequest, email: Email) -> tuple[previews.Preview | None, str]:
    rows = Subscriber.objects.of(email.organization)
    person = rows.filter(pk=_number(request, "person")).first() or rows.first()
    try:
        return previews.preview(email, person), ""
    except ContentError as error:
        return None, str(error)


def _number(request: HttpRequest, name: str) -> int:
    value = request.POST.get(name, "")
    return int(value) if value.isdecimal() else 0
