"""One person's page: what is known, which lists they are on, what keeps them out, and what happened."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.admin.desk import desk, row_of
from accounts.admin.pages import page, row_number, to
from accounts.permissions import Permission
from audience import suppressions
from audience.admin.person_history import SHOWN, history
from audience.models import CustomField, MailingList, Subscriber, Subscription, Suppression
from campaigns.models import Campaign
from delivery.reasons import Reason, Why, reason_for

Status = Subscription.Status
TONES = {
    Status.SUBSCRIBED: "green",
    Status.UNCONFIRMED: "blue",
    Status.UNSUBSCRIBED: "",
    Status.BOUNCED: "red",
    Status.COMPLAINED: "red",
}
PILLS = tuple(zip(SHOWN, ("Everything", "Campaigns", "Opens and clicks", "Consent"), strict=True))
CAMPAIGNS_OFFERED = 100
GOT = {Why.SENT, Why.WOULD_GET, Why.WAITING}


def badge(row: Subscription) -> str:
    tone = TONES[Status(row.status)]
    return f" bs-badge--{tone}" if tone else ""


def person_of(request: HttpRequest, pk: int, permission: Permission = Permission.READ) -> Subscriber:
    return row_of(request, Subscriber.objects.select_related("organization"), pk, permission, "person")


def person_page(request: HttpRequest, pk: int) -> HttpResponse:
    person, at = person_of(request, pk), desk(request)
    rows = person.subscriptions.kept().select_related("mailing_list").prefetch_related("tagged__tag")
    subscriptions = [(row, badge(row)) for row in rows]
    show = request.GET.get("show", "")
    return page(
        request,
        "admin/audience/subscriber/person.html",
        title=str(person),
        crumbs=[("Subscribers", to("audience_subscriber_changelist"))],
        person=person,
        known=_known(person),
        subscriptions=subscriptions,
        leavable=sum(row.status in (Status.SUBSCRIBED, Status.UNCONFIRMED) for row, _ in subscriptions),
        has_bounced=any(row.status == Status.BOUNCED for row, _ in subscriptions),
        joinable=MailingList.objects.of(person.organization).exclude(pk__in=[r.mailing_list_id for r in rows]).exists(),
        suppressed=_suppressed(person),
        history=history(person, show=show if show in SHOWN else "", before=request.GET.get("before", "")),
        show=show,
        pills=PILLS,
        campaigns=_campaigns(person),
        reason=_reason(request, person),
        may_edit=at.may(Permission.UPDATE, person.organization_id),
        may_erase=at.may(Permission.DELETE, person.organization_id),
    )


def _known(person: Subscriber) -> list[tuple[str, Any]]:
    """The organization's fields with this person's values; what nothing is known for is left out."""
    fields = CustomField.objects.of(person.organization).filter(mailing_list=None)
    values = [(field.name, person.fields.get(field.key)) for field in fields]
    return [(name, _spoken(value)) for name, value in values if value not in (None, "")]


def _spoken(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _suppressed(person: Subscriber) -> list[Suppression]:
    """Everything that keeps campaigns from this person, in whatever scope."""
    addresses = [address for address in (person.email, person.phone) if address]
    found = suppressions.look_up(person.organization, addresses)
    return [row for one in found for row in one.suppressions]


# --- one campaign --------------------------------------------------------------------------------------------------


def _campaigns(person: Subscriber) -> list[Campaign]:
    """To ask about; the latest."""
    rows = Campaign.objects.of(person.organization).kept().order_by("-pk")
    return list(rows.only("pk", "name")[:CAMPAIGNS_OFFERED])


def _reason(request: HttpRequest, person: Subscriber) -> dict[str, Any] | None:
    """Why they did or did not get the campaign that is asked about."""
    wanted = row_number(request.GET.get("campaign"))
    campaign = Campaign.objects.of(person.organization).kept().filter(pk=wanted).first() if wanted else None
    if campaign is None:
        return None
    reason: Reason = reason_for(campaign, person)
    return {"campaign": campaign, "sentence": reason.sentence, "got": reason.why in GOT, "now": reason.as_of_now}
