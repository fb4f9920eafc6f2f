"""Which campaigns a request may name, with all that an answer shows of them."""

from typing import Any

from django.db.models import Q, QuerySet

from api.greenarrow.errors import InvalidRequest, NotFound
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call
from api.greenarrow.vocabulary import STARTED_WORDS, WORDS, state_filter
from audience.models import MailingList
from campaigns.models import Campaign, CampaignRun

SHOWN = ("variants__email", "audience__segment__mailing_lists", "audience__mailing_list")


def of_organization(call: Call) -> QuerySet[Campaign]:
    rows = Campaign.objects.of(call.organization).kept().select_related("organization", "dispatch__mailing_list")
    return rows.prefetch_related(*SHOWN)


def of_list(rows: QuerySet[Campaign], mailing_list: MailingList) -> QuerySet[Campaign]:
    """Made in this list, or by another program and addressed to it."""
    addressed = Q(audience__mailing_list=mailing_list) | Q(
        audience__mailing_list=None, audience__segment__mailing_lists=mailing_list
    )
    elsewhere = Q(dispatch__isnull=True) | Q(dispatch__mailing_list=None)
    wanted = Q(dispatch__mailing_list=mailing_list) | (elsewhere & Q(audience__excluded=False) & addressed)
    return rows.filter(pk__in=Campaign.objects.filter(wanted).values("pk"))


def named(call: Call) -> Campaign:
    """The campaign of the address: by its id, in its list where one is named, or by the id of its statistics.

    Raises NotFound.
    """
    rows = of_organization(call)
    if "stat" in call.path:
        runs = CampaignRun.objects.filter(pk=call.id("stat"), campaign__organization=call.organization)
        campaign = rows.filter(pk__in=runs.values("campaign")).first()
    else:
        if "list" in call.path:
            rows = of_list(rows, the_list(call))
        campaign = rows.filter(pk=call.id("campaign")).first()
    if campaign is None:
        raise NotFound("campaign not found")
    return campaign


def held(call: Call) -> Campaign:
    """The campaign of the address, to be changed: of two who change it at once, one comes after the other, and reads
    what the first has written. Raises NotFound."""
    Campaign.objects.select_for_update().filter(pk=named(call).pk).first()
    return named(call)


def again(call: Call, campaign: Campaign) -> Campaign:
    """As it is in the database now."""
    return of_organization(call).get(pk=campaign.pk)


def the_list(call: Call) -> MailingList:
    """Raises NotFound."""
    rows = MailingList.objects.filter(organization=call.organization, pk=call.id("list"))
    found = rows.select_related("organization").first()
    if found is None:
        raise NotFound("mailing list not found")
    return found


def filtered(call: Call, rows: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """By `state`, `started_at__start` and `started_at__end`, bounds included. Raises InvalidRequest."""
    given = Given(call.params, call.zone, call.now)
    start, end = given.moment("started_at__start"), given.moment("started_at__end")
    if given.problems:
        raise InvalidRequest(", ".join(given.problems))
    words = _words(call.params)
    if start or end:
        words = [word for word in words or WORDS if word in STARTED_WORDS] or ["none of them"]
        rows = rows.filter(started_at__isnull=False)
    if start:
        rows = rows.filter(started_at__gte=start)
    if end:
        rows = rows.filter(started_at__lte=end)
    if words:
        chosen = Q()
        for word in words:
            chosen |= state_filter(word)
        rows = rows.filter(chosen)
    return rows.order_by("pk")


def _words(params: Any) -> list[str]:
    words = [word.strip() for word in str(params.get("state", "")).split(",") if word.strip()]
    if unknown := [word for word in words if word not in WORDS]:
        raise InvalidRequest(f"state must be one of {', '.join(WORDS)}, not {unknown[0][:50]}")
    return words
