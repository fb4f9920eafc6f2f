"""Mail to administrators: a webhook was switched off. Plain text, one mail a person."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import Membership, Role, User
from accounts.texts import one_line
from webhooks.models import Endpoint


def untold() -> QuerySet[Endpoint]:
    """Endpoints that were switched off and whose administrators have not been told."""
    return Endpoint.objects.filter(switched_off_at__isnull=False, told_at__isnull=True)


def readers_of(endpoint: Endpoint) -> list[User]:
    """The administrators of its organization who have an address."""
    members = Membership.objects.filter(organization=endpoint.organization_id, role=Role.ADMIN, user__is_active=True)
    return [each.user for each in members.exclude(user__email="").select_related("user").order_by("pk")]


def mark_told(endpoint: Endpoint) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(told_at=now())


def switched_off(endpoint: Endpoint, reader: User) -> EmailMessage:
    name = one_line(endpoint.name)
    link = settings.BASE_URL + reverse("admin:webhooks_endpoint_change", args=[endpoint.pk])
    lines = [
        f"The webhook “{name}” of {one_line(endpoint.organization.name)} was switched off.",
        "",
        f"Reason:  {one_line(endpoint.switched_off_reason, 300)}",
        f"URL:     {one_line(endpoint.url, 300)}",
        "",
        "Nothing is sent to it now, and what happens meanwhile is not kept for it. What was waiting is sent when you",
        "switch it on again; what was given up can be replayed there:",
        link,
        "",
        f"You get this mail because you administer {one_line(endpoint.organization.name)}.",
    ]
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834: no vacation replies
    return EmailMessage(f"Webhook switched off: {name}", "\n".join([*lines, ""]), to=[reader.email], headers=headers)
