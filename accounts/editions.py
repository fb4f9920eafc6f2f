"""Editions over time and from one another: which are on now, what one still lacks, a copy of one."""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify

from accounts.models import Edition, Organization
from accounts.public_ids import new_public_id


class EditionStatus(StrEnum):
    """Where an edition's dates lie, seen from today in its own time zone."""

    UPCOMING = "upcoming"
    CURRENT = "current"
    PAST = "past"
    NO_DATES = "no_dates"


def status(edition: Edition, at: datetime) -> EditionStatus:
    """The first and the last day belong to the edition; one without an end goes on."""
    today = at.astimezone(ZoneInfo(edition.timezone)).date()
    if edition.start_date is None and edition.end_date is None:
        return EditionStatus.NO_DATES
    if edition.start_date is not None and today < edition.start_date:
        return EditionStatus.UPCOMING
    if edition.end_date is not None and today > edition.end_date:
        return EditionStatus.PAST
    return EditionStatus.CURRENT


def in_status(editions: QuerySet[Edition], wanted: str, at: datetime) -> QuerySet[Edition]:
    """Those whose `status` is this one. Today differs from zone to zone, so there is one condition for each zone."""
    if wanted == EditionStatus.NO_DATES:
        return editions.filter(start_date=None, end_date=None)
    chosen = Q(pk__in=[])
    for zone in editions.order_by().values_list("timezone", flat=True).distinct():
        today = at.astimezone(ZoneInfo(zone)).date()
        upcoming, past = Q(start_date__gt=today), Q(end_date__lt=today)
        dated = ~Q(start_date=None, end_date=None)
        # an edge that is not set is no edge, where a bare negation would drop the row for its NULL
        begun = Q(start_date=None) | Q(start_date__lte=today)
        current = dated & begun & (Q(end_date=None) | Q(end_date__gte=today))
        by_status = {"upcoming": upcoming, "past": begun & past, "current": current}
        chosen |= Q(timezone=zone) & by_status[wanted]
    return editions.filter(chosen)


def shortcomings(edition: Edition) -> dict[str, str]:
    """What an edition lacks before campaigns of it can go out well, by field."""
    found = {}
    if not edition.from_email:
        found["from_email"] = "New emails of this edition have no sender address."
    if not edition.from_name:
        found["from_name"] = "New emails of this edition have no sender name."
    if edition.is_draft:
        found["is_draft"] = "This edition is still a draft."
    if edition.is_archived:
        found["is_archived"] = "This edition is archived."
    return found


def duplicate(edition: Edition) -> Edition:
    """The same settings under a new name and slug; dates stay behind, since a copy is for another time."""
    with transaction.atomic():
        twin = Edition.objects.get(pk=edition.pk)
        twin.pk, twin.public_id = None, new_public_id("edi")
        twin.name = f"Copy of {edition.name}"[:255]
        twin.slug = free_slug(edition.organization, twin.name)
        twin.start_date = twin.end_date = None
        twin.is_draft, twin.is_archived = True, False
        twin.save(force_insert=True)
    return twin


def free_slug(organization: Organization, name: str) -> str:
    """A slug made from this name that no edition of the organization has."""
    stem = slugify(name)[:90] or "edition"
    taken = set(Edition.objects.of(organization).filter(slug__startswith=stem).values_list("slug", flat=True))
    numbered = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)
