"""Whom a campaign addresses: the selection of its parts, less those its frequency cap leaves out.

One statement gives each person with the reason that keeps them out, if any. A freeze inserts from it and an estimate
counts it, so both say the same.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import Organization
from audience import selection
from audience.models import Subscriber, Subscription
from audience.selection import Part
from campaigns.models import Campaign, CampaignRun
from delivery import capping
from delivery.capping import CAPPED
from delivery.models import Recipient

# Joins and sorts of a million people fit into this much; more is written to disk piece by piece.
_WORK_MEMORY = "64MB"
# From so many people on, reading whole tables beats looking people up.
_MANY = 50_000
# Seconds: what an estimate takes to be worth keeping, and for how long it is kept.
_LONG, _KEPT = 1.0, 60
_CAPPED = """
SELECT chosen.id, chosen.subscription_id, chosen.address,
       CASE WHEN chosen.skip_reason = '' AND lately.subscriber_id IS NOT NULL THEN '{capped}'
            ELSE chosen.skip_reason END AS skip_reason{zone}
FROM ({audience}) AS chosen
LEFT JOIN (SELECT DISTINCT mailed.subscriber_id FROM ({mailed}) AS mailed) AS lately
    ON lately.subscriber_id = chosen.id
"""
_COUNTED = """
SELECT skip_reason, COUNT(*) AS people FROM ({audience}) AS chosen
GROUP BY skip_reason ORDER BY people DESC, skip_reason
"""
_REACHED = """
SELECT id, subscription_id, address FROM ({audience}) AS chosen
WHERE skip_reason = '' ORDER BY subscription_id, id
"""
_AT_A_TIME = 2000


@dataclass(frozen=True, kw_only=True)
class Again:
    """People of an earlier run, to be sent to once more: addressed by the subscriptions through which they were.

    `variants`: which variant each gets, by the one they had; where it is empty, they are dealt as usual.
    """

    run: CampaignRun
    recipients: QuerySet[Recipient]
    variants: Mapping[int, int] = field(default_factory=dict)


# Asked whom a campaign addresses in place of lists and segments; None: nobody else. Other rooms put their answers here
# when their app starts.
ADDRESSED: list[Callable[[Campaign], Again | None]] = []


@dataclass(frozen=True, kw_only=True)
class Audience:
    """What is asked for, saved in a campaign or not. `cap_hours`: leave out who was mailed within so many hours."""

    organization: Organization
    parts: Sequence[Part]
    channel: str
    cap_hours: int | None = None
    again: Again | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`people` in the audience; `mailable` of them would get it; `skipped` are the others, by reason, most first.

    `excluded` people were meant by a list or segment and kept out by another: they are not in the audience.
    """

    people: int = 0
    mailable: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    excluded: int = 0


def of(campaign: Campaign) -> Audience:
    parts = [Part(each.mailing_list_id, each.segment_id, each.excluded) for each in campaign.audience.all()]
    return Audience(
        organization=campaign.organization,
        parts=parts,
        channel=campaign.channel,
        cap_hours=campaign.frequency_cap_hours,
        again=next((again for ask in ADDRESSED if (again := ask(campaign)) is not None), None),
    )


def people_of(audience: Audience) -> Any:
    """As `selection.select`: everybody of the audience, with what keeps them out but the cap."""
    if audience.again is None:
        return selection.select(audience.organization, audience.parts, channel=audience.channel)
    return selection.select_through(audience.organization, _ways(audience.again), channel=audience.channel)


def sql(
    audience: Audience, *, at: datetime, but: CampaignRun | None = None, zones: Collection[str] = ()
) -> tuple[str, list[Any]]:
    """A statement of rows (id, subscription_id, address, skip_reason), one for each person of the audience.

    `skip_reason` is '' for people who may be sent to, one of `selection.SKIP_REASONS`, or `capped`: mailed within the
    cap before `at` by another run than `but`. With `zones`, each row also has which of these (as written) the person's
    `zone` is, '' where it is none.
    """
    people, columns = people_of(audience), ["id", "subscription_id", "address", "skip_reason"]
    if zones:
        key = audience.organization.timezone_field
        value = selection.value_of(key, row="way__", person="")
        people, columns = people.annotate(zone=selection.spelled(value, zones)), [*columns, "zone"]
    chosen, parameters = _compiled(people.order_by().values(*columns))
    mailed = _mailed(audience, at, but)
    if mailed is None:
        return chosen, parameters
    lately, more = _compiled(mailed.order_by().values("subscriber_id"))
    zone = ", chosen.zone" if zones else ""
    return _CAPPED.format(capped=CAPPED, audience=chosen, mailed=lately, zone=zone), [*parameters, *more]


def at_most(audience: Audience) -> int:
    """A number the audience is not larger than, far cheaper than to count it."""
    if audience.again is None:
        return selection.at_most(audience.organization, audience.parts)
    return audience.again.recipients.count()


def at_most_by_zone(audience: Audience, zones: Collection[str]) -> dict[str, int]:
    """The same for each of these zones (as written), and as '' for people with none of them."""
    if audience.again is None:
        rows, people = selection.meant(audience.organization, audience.parts)
    else:
        rows, people = _ways(audience.again), Subscriber.objects.none()
    return selection.at_most_by(rows, people, audience.organization.timezone_field, zones)


def _ways(again: Again) -> QuerySet[Subscription]:
    rows = Subscription.objects.kept()  # nobody is reached through a list that is being deleted
    return rows.filter(pk__in=again.recipients.order_by().values("subscription_id"))


def _mailed(audience: Audience, at: datetime, but: CampaignRun | None) -> QuerySet[Any] | None:
    """What is sent again does not leave people out because it was sent to them before."""
    if not audience.cap_hours:
        return None
    besides = [run.pk for run in (but, audience.again and audience.again.run) if run]
    return capping.mailed(audience.organization, audience.channel, hours=audience.cap_hours, at=at, but=besides)


def _compiled(rows: QuerySet[Any, Any]) -> tuple[str, list[Any]]:
    statement, parameters = rows.query.get_compiler(connection=connection).as_sql()
    return statement, list(parameters)


def estimate(audience: Audience) -> Estimate:
    """Who would get it if it went out now.

    An answer that took long is kept for a minute, so that pages that ask again and again do not count a million people
    each time; what took no time is always counted anew.
    """
    if audience.again is None and not any(not part.excluded for part in audience.parts):
        return Estimate()
    key = _key(audience)
    if (kept := cache.get(key)) is not None:
        return Estimate(**kept)
    began = monotonic()
    counted = _count(audience)
    if monotonic() - began > _LONG:
        cache.set(key, asdict(counted), timeout=_KEPT)
    return counted


def _key(audience: Audience) -> str:
    """The same as long as the same is asked: lists, segments with their rules, channel and cap."""
    asked = people_of(audience).order_by().values("pk")
    said = [
        audience.organization.public_id,
        audience.channel,
        audience.cap_hours,
        *map(str, _compiled(asked)),
        audience.parts,
    ]
    return f"estimate-{hashlib.sha256(repr(said).encode()).hexdigest()}"


def _count(audience: Audience) -> Estimate:
    with planned_for_many():
        expect(at_most(audience))
        statement, parameters = sql(audience, at=now())
        with connection.cursor() as cursor:
            cursor.execute(_COUNTED.format(audience=statement), parameters)
            skipped = dict(cursor.fetchall())
        excluded = excluded_people(audience)
    mailable = skipped.pop("", 0)
    return Estimate(people=mailable + sum(skipped.values()), mailable=mailable, skipped=skipped, excluded=excluded)


class Reached(NamedTuple):
    """Somebody who would get it, and through which subscription; None where a segment of everybody means them."""

    subscriber_id: int
    subscription_id: int | None
    address: str


def reached(audience: Audience, *, first: int = 0, limit: int | None = None) -> Iterator[Reached]:
    """Everybody who would get it if it went out now, by subscription; a few thousand at a time are in memory."""
    if not any(not part.excluded for part in audience.parts):
        return
    with planned_for_many():
        statement, parameters = sql(audience, at=now())
        page = _REACHED.format(audience=statement) + (f" LIMIT {int(limit)}" if limit is not None else "")
        page += f" OFFSET {int(first)}" if first else ""
        if first and limit is None and connection.vendor == "sqlite":
            page = page.replace(" OFFSET", " LIMIT -1 OFFSET")
        with connection.cursor() as cursor:
            cursor.execute(page, parameters)
            while rows := cursor.fetchmany(_AT_A_TIME):
                yield from (Reached(*row) for row in rows)


def excluded_people(audience: Audience) -> int:
    """How many are meant by an included part and kept out by an excluded one."""
    if not any(part.excluded for part in audience.parts):
        return 0
    return selection.excluded(audience.organization, audience.parts).count()


@contextmanager
def planned_for_many() -> Iterator[None]:
    """A transaction for statements over whole audiences.

    PostgreSQL's default of 4 MB would let it write every join to disk and look up suppressions one by one; and to
    compile the statement's hundred expressions takes it longer than they take to run.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'; SET LOCAL jit = off")
        yield


def expect(people: int) -> None:
    """Tell the planner that the rest of this transaction is about so many people, where that is many.

    PostgreSQL cannot guess how many come out of "each person's best subscription", takes it for 200, and would look up
    each of a million by its key.
    """
    if people >= _MANY and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_nestloop = off")
