"""The frequency cap: who the organization has mailed lately, and is therefore left out of a campaign that asks for it.

Somebody counts as mailed when a campaign of the organization on the same channel was sent to them within the campaign's
`frequency_cap_hours`, when it is in doubt whether it was, or when they wait in a run that is being sent. What failed or
was skipped reached nobody and does not count.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.models import Organization
from audience.models import Subscriber
from campaigns.models import RUNNING, Campaign, CampaignEvent, CampaignRun, Channel
from delivery.models import Recipient

CAPPED = "capped"  # the skip reason
State = Recipient.State
# Runs that ended longer ago than this before the time looked at have nothing settled in it: workers give back what they
# hold within minutes of a cancelled campaign's end.
_SETTLES_WITHIN = timedelta(hours=24)


def mailed(
    organization: Organization, channel: str, *, hours: int, at: datetime, but: Collection[int] = ()
) -> QuerySet[Recipient] | None:
    """Recipients whose people a campaign of this cap leaves out at this moment; None when no run can have any.

    `but`: the run that asks, and others that do not count. Costs one query; the answer is to be part of another
    statement.
    """
    since = at - timedelta(hours=hours)
    runs = _runs(organization, channel, since).exclude(pk__in=but)
    found = list(runs.values_list("pk", "campaign__state"))
    if not found:
        return None
    settled = Q(run__in=[pk for pk, _ in found], state__in=[State.SENT, State.IN_DOUBT], settled_at__gte=since)
    waiting = Q(run__in=[pk for pk, state in found if state in RUNNING], state=State.PENDING)
    return Recipient.objects.filter(settled | waiting)


def _runs(organization: Organization, channel: str, since: datetime) -> QuerySet[CampaignRun]:
    """Runs that may have sent something since then: those that had not ended, and those with a doubt decided since."""
    decided = CampaignEvent.objects.filter(campaign=OuterRef("campaign"), verb="resolve_in_doubt", at__gte=since)
    recent = Q(finished_at=None) | Q(finished_at__gte=since - _SETTLES_WITHIN) | Q(Exists(decided))
    return CampaignRun.objects.of(organization).filter(recent, campaign__channel=channel, frozen_at__isnull=False)


def would_cap(campaign: Campaign, person: Subscriber, *, at: datetime) -> Recipient | None:
    """The message because of which the campaign would leave the person out now; None: it would not."""
    hours = campaign.frequency_cap_hours
    rows = mailed(campaign.organization, campaign.channel, hours=hours, at=at) if hours else None
    return None if rows is None else _latest(rows.filter(subscriber=person))


def capped_by(recipient: Recipient) -> Recipient | None:
    """The message because of which this person was left out, the latest of several; None where it cannot be told.

    What was waiting then may have been sent, or have failed, since.
    """
    run = recipient.run
    hours = run.campaign.frequency_cap_hours
    if not hours or run.frozen_at is None:
        return None
    frozen = Recipient.objects.filter(
        subscriber=recipient.subscriber_id,
        run__campaign__organization=run.campaign.organization_id,
        run__campaign__channel=run.campaign.channel,
        run__frozen_at__lt=run.frozen_at,
    ).exclude(run=run)
    since = run.frozen_at - timedelta(hours=hours)
    waiting_or_later = Q(settled_at=None) | Q(settled_at__gte=since)
    return _latest(frozen.filter(waiting_or_later).exclude(state=State.SKIPPED, settled_at__lt=run.frozen_at))


def _latest(rows: QuerySet[Recipient]) -> Recipient | None:
    return rows.select_related("run__campaign").order_by(F("settled_at").desc(nulls_last=True), "-pk").first()


def wait_for_others(organization: Organization, channel: str, *, capped: bool) -> None:
    """Until the end of this transaction, fix no audience beside one that asks who was mailed lately.

    Recipients that another freeze is still writing cannot be seen, so two freezes at once could both take a person. A
    freeze with a cap therefore runs alone among those of its organization and channel; freezes without one run beside
    each other. SQLite lets one writer in at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    lock = "pg_advisory_xact_lock" if capped else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(hashtextextended(%s, 0))", [_name(organization, channel)])


def hold_off(organization: Organization) -> bool:
    """Until the end of this transaction, let no audience of the organization be fixed; False where one is right now.

    Those who hold off take turns. The locks of one that is done go one after the other, so that the next, who has its
    turn, may find one of them still there for a moment.
    """
    if connection.vendor != "postgresql":
        return True
    names = [_name(organization, channel) for channel in Channel.values]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"hold off {organization.pk}"])
        for _ in range(5):
            if _all_ours(cursor, names):
                return True
            sleep(0.02)
    return False


def _all_ours(cursor: Any, names: Sequence[str]) -> bool:
    lock = "SELECT bool_and(pg_try_advisory_xact_lock(hashtextextended(name, 0))) FROM unnest(%s::text[]) AS name"
    cursor.execute(lock, [names])
    return bool(cursor.fetchone()[0])


def _name(organization: Organization, channel: str) -> str:
    return f"freeze {organization.pk} {channel}"
