"""Campaigns with what their representation shows, in a number of queries that does not grow with their number."""

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from campaigns.models import Campaign, CampaignAudience, CampaignRun, Variant


def shown() -> QuerySet[Campaign]:
    """Campaigns nobody has deleted, with their organization, edition, audience, tags, content and totals."""
    parts = CampaignAudience.objects.select_related("mailing_list", "segment")
    return (
        Campaign.objects.kept()
        .select_related("organization", "edition", "recurrence")
        .prefetch_related("tags", Prefetch("audience", parts))  # type: ignore[misc]  # taggit hides its relation
        .annotate(
            email_public_id=_of_first_variant("email__public_id"),
            sms_text=_of_first_variant("sms_body"),
            sent_count=_over_runs("sent"),
            failed_count=_over_runs("failed"),
        )
    )


def _of_first_variant(column: str) -> Subquery:
    return Subquery(Variant.objects.filter(campaign=OuterRef("pk")).order_by("position").values(column)[:1])


def _over_runs(column: str) -> Coalesce:
    runs = CampaignRun.objects.filter(campaign=OuterRef("pk")).order_by().values("campaign")
    return Coalesce(Subquery(runs.annotate(total=Sum(column)).values("total")), 0)
