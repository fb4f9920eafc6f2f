"""Parameters of the campaign list."""

import django_filters
from django.db.models import QuerySet

from api.management import vocabulary
from api.management.filters import OwnedFilters, Words, moment, ordering
from campaigns.models import Campaign, CampaignTag, Channel
from tags.models import folded


class CampaignFilters(OwnedFilters):
    channel = django_filters.ChoiceFilter(choices=Channel.choices, label="Delivery channel")
    status = django_filters.ChoiceFilter(
        choices=list(vocabulary.LABELS.items()), method="of_status", label="Current campaign status"
    )
    edition_id = django_filters.CharFilter("edition__public_id", label="Only of this edition.")
    search = django_filters.CharFilter("name", "icontains", label="Search by campaign name")
    tags = Words(method="tagged", label="Tags, comma separated: campaigns that have any of them.")
    created_after = moment("created_at", "gte", "Created at this time or later.")
    created_before = moment("created_at", "lt", "Created before this time.")
    scheduled_after = moment("scheduled_at", "gte", "Scheduled for this time or later.")
    scheduled_before = moment("scheduled_at", "lt", "Scheduled for before this time.")
    include = django_filters.ChoiceFilter(
        choices=[("stats", "Statistics")], method="with_more", label="What to add to each campaign."
    )
    ordering = ordering(
        created="created_at",
        modified="modified_at",
        name="name",
        scheduled_at="scheduled_at",
        total_recipients="total_recipients",
    )

    def of_status(self, queryset: QuerySet[Campaign], name: str, value: str) -> QuerySet[Campaign]:
        return queryset.filter(vocabulary.status_filter(value))

    def tagged(self, queryset: QuerySet[Campaign], name: str, value: list[str]) -> QuerySet[Campaign]:
        wanted = [folded(each) for each in value if each.strip()]
        tagged = CampaignTag.objects.filter(tag__folded__in=wanted).values("content_object")
        return queryset.filter(pk__in=tagged) if wanted else queryset

    def with_more(self, queryset: QuerySet[Campaign], name: str, value: str) -> QuerySet[Campaign]:
        return queryset  # the view adds it to the rows of the page
