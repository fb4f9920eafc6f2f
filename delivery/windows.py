"""When messages of a campaign may leave: quiet hours by the clock of a batch's people, and until they expire."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from campaigns import local_times
from campaigns.models import Campaign
from delivery.models import QuietHours

EXPIRED = "expired"  # the skip reason


@dataclass(frozen=True, kw_only=True)
class Window:
    """Of one batch, looked at once when it is claimed: nobody asks again for each message.

    `opens_at`: it is quiet until then; None: it may be sent. `closes_at`: when whoever sends it has to stop; None:
    never. `is_over`: its people are not to get it any more.
    """

    opens_at: datetime | None = None
    closes_at: datetime | None = None
    is_over: bool = False


def window(campaign: Campaign, *, zone: str, expires_at: datetime | None, at: datetime) -> Window:
    """`zone`: the batch's, '' for people whose clocks nobody asked for. Costs one query."""
    if expires_at is not None and expires_at <= at:
        return Window(is_over=True)
    hours = hours_of(campaign)
    if hours is None:
        return Window(closes_at=expires_at)
    quiet = hours.on_the_clock_of(zone or local_times.home_of(campaign))
    changes_at = quiet.changes_at(at)
    if quiet.holds(at):
        return Window(opens_at=changes_at)
    return Window(closes_at=min(changes_at, expires_at or changes_at))


def hours_of(campaign: Campaign) -> QuietHours | None:
    """The quiet hours that hold for it: its edition's, else its organization's."""
    whose = Q(edition=None) if campaign.edition_id is None else Q(edition=None) | Q(edition=campaign.edition_id)
    found = QuietHours.objects.filter(whose, organization=campaign.organization_id, channel=campaign.channel)
    return found.order_by(F("edition").desc(nulls_last=True)).first()
