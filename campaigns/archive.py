"""The archive: emails that were sent and that anybody may read, of an organization or of one of its tags.

What is in it: campaigns by email in state sent that say `is_public` and that nobody has deleted, of an organization
that is active. What a campaign said is that of its last run. Where it had several variants, that is the one that a
split test sent to the rest; where nothing was chosen, the first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import Organization
from campaigns.models import Campaign, CampaignTag, Channel, ContentSnapshot, State
from campaigns.querysets import CampaignQuerySet
from content.compile import Contents
from content.errors import ContentError
from content.publication import Headline, headline, public_copy
from tags.models import Tag

PAGE = 20
# Asked which variant counts of campaigns (by id) that have several, by campaign id and for their last run; rooms that
# know put their function here when their app starts.
CHOSEN: list[Callable[[Iterable[int]], dict[int, int]]] = []
UNTITLED = "Without a subject"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotInArchive(Exception):
    """There is no such thing to be read."""


@dataclass(frozen=True)
class Entry:
    """A campaign as lists and feeds show it. Its name is for those who made it; its subject is what was sent."""

    campaign: Campaign
    said: Headline

    @property
    def url(self) -> str:
        return _absolute("archive_campaign", self.campaign.organization.slug, self.campaign.public_id)

    @property
    def at(self) -> datetime:
        return self.campaign.finished_at or self.campaign.created_at


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What is listed together: all of an organization, or what carries one of its tags."""

    organization: Organization
    tag: Tag | None = None

    @classmethod
    def of(cls, name: str) -> Self:
        """By the organization's slug or public id. Raises NotInArchive."""
        named = Organization.objects.filter(Q(slug=name) | Q(public_id=name), is_active=True)
        organization = named.first()
        if organization is None:
            raise NotInArchive
        return cls(organization=organization)

    @classmethod
    def of_tag(cls, number: int) -> Self:
        """Raises NotInArchive."""
        tag = Tag.objects.select_related("organization").filter(pk=number, organization__is_active=True).first()
        if tag is None:
            raise NotInArchive
        return cls(organization=tag.organization, tag=tag)

    @property
    def url(self) -> str:
        return _absolute("archive_tag", self.tag.pk) if self.tag else _absolute("archive", self.organization.slug)

    @property
    def feed_url(self) -> str:
        if self.tag:
            return _absolute("archive_tag_feed", self.tag.pk)
        return _absolute("archive_feed", self.organization.slug)

    def campaigns(self) -> CampaignQuerySet:
        rows = published().filter(organization=self.organization)
        if self.tag is None:
            return rows
        return rows.filter(pk__in=CampaignTag.objects.filter(tag=self.tag).values("content_object"))

    def page(self, before: str = "", *, size: int = PAGE) -> tuple[list[Entry], str]:
        """The newest entries, or those after the place `before`; and the place of the next page, "" at the end.

        Raises NotInArchive for a place that no page gave.
        """
        rows = self.campaigns().select_related("organization").order_by("-finished_at", "-pk")
        found = list(_behind(rows, before)[: size + 1])
        more = _place(found[size - 1]) if len(found) > size else ""
        return _entries(found[:size]), more


def published() -> CampaignQuerySet:
    """The campaigns that are in the archive."""
    rows = Campaign.objects.kept().in_state(State.SENT)
    return rows.filter(is_public=True, channel=Channel.EMAIL, organization__is_active=True)


def is_published(campaign: Campaign) -> bool:
    """The same of one campaign, whose organization is at hand."""
    is_there = campaign.deleted_at is None and campaign.organization.is_active
    return campaign.is_public and campaign.state == State.SENT and campaign.channel == Channel.EMAIL and is_there


def url_of(campaign: Campaign) -> str | None:
    """The page of a campaign that is in the archive, for anybody."""
    if not is_published(campaign):
        return None
    return _absolute("archive_campaign", campaign.organization.slug, campaign.public_id)


def url_of_tag(tag: Tag) -> str:
    """The page of what carries this tag, for anybody; it may be empty."""
    return Shelf(organization=tag.organization, tag=tag).url


def future_url(campaign: Campaign) -> str | None:
    """Where its page will be once it is sent, if it is to be public: readers share it from the mail."""
    return _absolute("archive_campaign", campaign.organization.slug, campaign.public_id) if campaign.is_public else None


def copy_of(name: str, public_id: str) -> Contents:
    """What anybody may read of a campaign. Raises NotInArchive, also for what cannot be shown without a person."""
    campaign = published().filter(Q(organization__slug=name) | Q(organization__public_id=name), public_id=public_id)
    said = _last_words(ContentSnapshot.objects.filter(run__campaign__in=campaign))
    content = next(iter(said.values()), None)
    if content is None:
        raise NotInArchive
    try:
        return public_copy(ContentSnapshot.objects.get(pk=content.pk), content.known_fields)
    except ContentError as broken:
        raise NotInArchive from broken


# --- lists -------------------------------------------------------------------------------------------------------


def _entries(campaigns: Sequence[Campaign]) -> list[Entry]:
    found = ContentSnapshot.objects.filter(run__campaign__in=[each.pk for each in campaigns])
    said = _last_words(found)
    return [Entry(each, _headline(said.get(each.pk))) for each in campaigns]


def _last_words(found: QuerySet[ContentSnapshot]) -> dict[int, ContentSnapshot]:
    """What counts of each campaign, by its id: of the last run the variant that was chosen, else the first."""
    light = found.select_related("run").defer("html", "text", "sms_body")  # bodies stay where they are
    contents = list(light.order_by("run__number", "-variant__position"))
    first = {content.run.campaign_id: content for content in contents}
    several = {each.run.campaign_id for each in contents if each.variant_id != first[each.run.campaign_id].variant_id}
    chosen = {key: pk for ask in CHOSEN if several for key, pk in ask(several).items()}
    best = [each for each in contents if each.variant_id == chosen.get(each.run.campaign_id)]
    return first | {each.run.campaign_id: each for each in best if each.run_id == first[each.run.campaign_id].run_id}


def _headline(content: ContentSnapshot | None) -> Headline:
    try:
        said = headline(content, content.known_fields) if content else Headline("", "")
    except ContentError:  # it cannot do without somebody's values
        said = Headline("", "")
    return Headline(said.subject or UNTITLED, said.summary)


def _place(campaign: Campaign) -> str:
    finished_at = campaign.finished_at or EPOCH
    return f"{(finished_at - EPOCH) // timedelta(microseconds=1)}-{campaign.pk}"


def _behind(rows: CampaignQuerySet, place: str) -> CampaignQuerySet:
    if not place:
        return rows
    moment, _, pk = place.partition("-")
    try:
        at = EPOCH + int(moment) * timedelta(microseconds=1)
        older = Q(finished_at__lt=at) | Q(finished_at=at, pk__lt=int(pk))
    except (ValueError, OverflowError) as nowhere:
        raise NotInArchive from nowhere
    return rows.filter(older, finished_at__lte=at)


def _absolute(name: str, *parts: object) -> str:
    return settings.BASE_URL + reverse(name, args=parts)
