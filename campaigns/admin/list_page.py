"""The list of campaigns: what each is, where it stands, what it brought."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from accounts.admin.base import ChangeList, ChoiceFilter, RelatedFilter
from accounts.models import Edition
from campaigns.models import RUNNING, Campaign, Channel, State
from stats.listings import for_campaigns
from tags.models import Tag

PAUSED = "paused"
STATES: dict[str, tuple[str, Q]] = {  # value in the address -> (label, condition)
    State.DRAFT: ("Drafts", Q(state=State.DRAFT)),
    State.PENDING_APPROVAL: ("Waiting for approval", Q(state=State.PENDING_APPROVAL)),
    State.SCHEDULED: ("Scheduled", Q(state=State.SCHEDULED, paused=False)),
    State.SENDING: ("Sending", Q(state__in=RUNNING, paused=False)),
    PAUSED: ("Paused", Q(paused=True)),
    State.SENT: ("Sent", Q(state=State.SENT)),
    State.FAILED: ("Failed", Q(state=State.FAILED)),
    State.CANCELLED: ("Cancelled", Q(state=State.CANCELLED)),
}


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), label) for value, (label, _) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        chosen = STATES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class ChannelFilter(ChoiceFilter):
    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Channel.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> QuerySet[Campaign]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


class EditionFilter(RelatedFilter):
    title = "edition"
    parameter_name = "edition"
    model: ClassVar = Edition
    path: ClassVar = "edition"


class TagFilter(RelatedFilter):
    title = "tag"
    parameter_name = "tag"
    model: ClassVar = Tag
    path: ClassVar = "campaign_tags__tag"


class CampaignList(ChangeList):
    """A page of campaigns with the figures of each, in as many queries whatever the page's length."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attach_figures(self.result_list)


def attach_figures(campaigns: list[Campaign]) -> list[Campaign]:
    """Give each campaign its `report`, the figures of people, if it was started."""
    found = for_campaigns([campaign.pk for campaign in campaigns])
    for campaign in campaigns:
        campaign.report = found[campaign.pk].figures if campaign.pk in found else None  # type: ignore[attr-defined]
    return campaigns


def pills(rows: QuerySet[Campaign], chosen: str) -> list[dict[str, Any]]:
    """The states there are campaigns in, with how many, as links above the list."""
    counts = rows.order_by().aggregate(
        **{f"in_{value}": Count("pk", filter=condition) for value, (_, condition) in STATES.items()}
    )
    every = [{"label": "All", "value": "", "count": None, "current": not chosen}]
    return every + [
        {"label": label, "value": value, "count": counts[f"in_{value}"], "current": chosen == value}
        for value, (label, _) in STATES.items()
        if counts[f"in_{value}"] or chosen == value
    ]


def search_words(text: str) -> Q:
    """Every word has to be in the name, a tag or the subject."""
    found = Q()
    for word in text.split():
        found &= (
            Q(name__icontains=word)
            | Q(public_id__iexact=word)
            | Q(variants__email__subject__icontains=word)
            | Q(campaign_tags__tag__name__icontains=word)
        )
    return found


admin.site.empty_value_display = "–"
