"""Who did what: the recipients behind the figures."""

from django.db import models
from django.db.models import Q, QuerySet

from campaigns.models import Campaign
from delivery.models import Recipient
from stats.models import BounceType

State = Recipient.State


class Chosen(models.TextChoices):
    """Which recipients of a campaign to look at; the words are those of the figures."""

    ALL = "", "Everybody"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    IN_DOUBT = "in_doubt", "In doubt"
    PENDING = "pending", "Waiting"
    RECEIPTS = "receipts", "Arrived, by their receipt"
    OPENED = "opened", "Opened"
    NOT_OPENED = "not_opened", "Sent, not opened"
    PRIVACY_OPENED = "privacy_opened", "Opened by a privacy proxy"
    CLICKED = "clicked", "Clicked"
    NOT_CLICKED = "not_clicked", "Sent, not clicked"
    VIEWED = "viewed", "Viewed in the browser"
    CONVERTED = "converted", "Converted"
    FORWARDED = "forwarded", "Forwarded"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    BOUNCED_HARD = "bounced_hard", "Bounced for good"
    BOUNCED_SOFT = "bounced_soft", "Bounced for now"
    BOUNCED_OTHER = "bounced_other", "Bounced otherwise"
    COMPLAINED = "complained", "Complained"


BY_PROGRAMS = {Chosen.OPENED, Chosen.NOT_OPENED, Chosen.CLICKED, Chosen.NOT_CLICKED, Chosen.VIEWED}


def _did(column: str) -> Q:
    return Q(**{f"engagement__{column}__isnull": False})


def _bounced(kind: str) -> Q:
    return _did("bounced_at") & Q(engagement__bounce_type=kind)


_CONDITIONS: dict[str, Q] = {
    Chosen.ALL: Q(),
    **{state.value: Q(state=state) for state in State},
    Chosen.RECEIPTS: _did("delivered_at"),
    Chosen.OPENED: _did("human_read_at"),
    Chosen.NOT_OPENED: Q(state=State.SENT, engagement__human_read_at__isnull=True),
    Chosen.PRIVACY_OPENED: _did("privacy_opened_at"),
    Chosen.CLICKED: _did("human_clicked_at"),
    Chosen.NOT_CLICKED: Q(state=State.SENT, engagement__human_clicked_at__isnull=True),
    Chosen.VIEWED: _did("human_viewed_at"),
    Chosen.CONVERTED: _did("converted_at"),
    Chosen.FORWARDED: _did("forwarded_at"),
    Chosen.UNSUBSCRIBED: _did("unsubscribed_at"),
    Chosen.BOUNCED: _did("bounced_at"),
    Chosen.BOUNCED_HARD: _bounced(BounceType.HARD),
    Chosen.BOUNCED_SOFT: _bounced(BounceType.SOFT),
    Chosen.BOUNCED_OTHER: _bounced(BounceType.OTHER),
    Chosen.COMPLAINED: _did("complained_at"),
}
_RAW_CONDITIONS: dict[str, Q] = {
    Chosen.OPENED: _did("read_at"),
    Chosen.NOT_OPENED: Q(state=State.SENT, engagement__read_at__isnull=True),
    Chosen.CLICKED: _did("clicked_at"),
    Chosen.NOT_CLICKED: Q(state=State.SENT, engagement__clicked_at__isnull=True),
    Chosen.VIEWED: _did("viewed_at"),
}


def recipients(
    campaign: Campaign,
    chosen: str = Chosen.ALL,
    *,
    raw: bool = False,
    link_position: int | None = None,
    variant_id: int | None = None,
    run: int | None = None,
    domain: str = "",
    search: str = "",
) -> QuerySet[Recipient]:
    """Recipients of all runs of a campaign, each with subscriber, variant and (where there is one) engagement.

    Who opened or clicked are people who did, or with `raw` also those in whose name a program did. `link_position`:
    only those who clicked this link. `run`: only those of the run with this number. `domain`: only addresses there.
    `search`: a part of the address. Raises ValueError for a choice that is not in `Chosen`.
    """
    choice = Chosen(chosen)
    condition = _RAW_CONDITIONS.get(choice, _CONDITIONS[choice]) if raw else _CONDITIONS[choice]
    rows = Recipient.objects.filter(condition, run__campaign=campaign)
    if link_position is not None:
        rows = rows.filter(_clicked_link(link_position, raw=raw))
    if variant_id is not None:
        rows = rows.filter(variant=variant_id)
    if run is not None:
        rows = rows.filter(run__number=run)
    if domain:
        rows = rows.filter(address__iendswith=f"@{domain}")
    if search:
        rows = rows.filter(address__icontains=search)
    return rows.select_related("subscriber", "variant", "run", "engagement").order_by("pk")


def _clicked_link(position: int, *, raw: bool) -> Q:
    clicked = Q(clicked_links__link_position=position)
    return clicked if raw else clicked & Q(clicked_links__human_clicked_at__isnull=False)
