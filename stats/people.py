"""Who did what: the recipients behind the figures."""

from django.db import models
from django.db.models import Q, QuerySet

from campaigns.models import Campaign
from delivery.models import Recipient

State = Recipient.State


class Chosen(models.TextChoices):
    """Which recipients of a campaign to look at; the words are those of the figures."""

    ALL = "", "Everybody"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    IN_DOUBT = "in_doubt", "In doubt"
    PENDING = "pending", "Waiting"
    OPENED = "opened", "Opened"
    NOT_OPENED = "not_opened", "Sent, not opened"
    CLICKED = "clicked", "Clicked"
    NOT_CLICKED = "not_clicked", "Sent, not clicked"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"


_CONDITIONS: dict[str, Q] = {
    Chosen.ALL: Q(),
    **{state.value: Q(state=state) for state in State},
    Chosen.OPENED: Q(engagement__read_at__isnull=False),
    Chosen.NOT_OPENED: Q(state=State.SENT, engagement__read_at__isnull=True),
    Chosen.CLICKED: Q(engagement__clicked_at__isnull=False),
    Chosen.NOT_CLICKED: Q(state=State.SENT, engagement__clicked_at__isnull=True),
    Chosen.UNSUBSCRIBED: Q(engagement__unsubscribed_at__isnull=False),
    Chosen.BOUNCED: Q(engagement__bounced_at__isnull=False),
    Chosen.COMPLAINED: Q(engagement__complained_at__isnull=False),
}


def recipients(
    campaign: Campaign,
    chosen: str = Chosen.ALL,
    *,
    link_position: int | None = None,
    variant_id: int | None = None,
    search: str = "",
) -> QuerySet[Recipient]:
    """Recipients of all runs of a campaign, each with subscriber, variant and (where there is one) engagement.

    `link_position`: only those who clicked this link. `search`: a part of the address. Raises ValueError for a choice
    that is not in `Chosen`.
    """
    rows = Recipient.objects.filter(_CONDITIONS[Chosen(chosen)], run__campaign=campaign)
    if link_position is not None:
        rows = rows.filter(clicked_links__link_position=link_position)
    if variant_id is not None:
        rows = rows.filter(variant=variant_id)
    if search:
        rows = rows.filter(address__icontains=search)
    return rows.select_related("subscriber", "variant", "run", "engagement").order_by("pk")
