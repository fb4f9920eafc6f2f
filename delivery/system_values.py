"""What the sender of a message knows and a person has no field for: list, campaign, organization, moment.

Languages of other products have tags for it; ours has none. Times are the organization's, as ISO texts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.timezone import now

from accounts.models import Organization, User
from audience.models import Subscription
from campaigns import archive
from campaigns.models import Campaign, CampaignRun

# Where a page can be shared, and what its address is called there.
SHARES = {
    "__share_on_twitter": ("https://twitter.com/intent/tweet", "url"),
    "__share_on_facebook": ("https://www.facebook.com/sharer/sharer.php", "u"),
}


class Joined(NamedTuple):
    """The list through which a person is reached, and since when."""

    list_number: int | None
    list_name: str
    at: datetime | None
    ip_address: str | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SystemValues:
    """`constant` is the same for everybody in a run."""

    constant: dict[str, Any]
    zone: ZoneInfo

    @classmethod
    def of(cls, run: CampaignRun) -> Self:
        """The run comes with its campaign and organization. The moment is when it began, so that a message that is
        rendered again says the same."""
        campaign = run.campaign
        constant = _of_campaign(campaign) | {"__run_id": _first_run(run)}
        return cls._made(campaign.organization, campaign.created_by, run.started_at, constant)

    @classmethod
    def of_draft(cls, organization: Organization, campaign: Campaign | None, *, author: User | None) -> Self:
        """As if it were sent now."""
        return cls._made(organization, author, now(), _of_campaign(campaign) if campaign else {})

    @classmethod
    def _made(cls, organization: Organization, author: User | None, moment: datetime, constant: dict[str, Any]) -> Self:
        zone = ZoneInfo(organization.timezone)
        about = {
            "__now": _local(moment, zone),
            "__organization_name": organization.name,
            "__organization_address": organization.postal_address,
            "__organization_timezone": organization.timezone,
            "__author_first_name": author.first_name if author else "",
            "__author_last_name": author.last_name if author else "",
            "__author_email": author.email if author else "",
            "__url_domain": urlsplit(settings.BASE_URL).hostname or "",
        }
        return cls(about | constant, zone)

    def values(self, joined: Joined, *, sender: str) -> dict[str, Any]:
        """For one recipient; `sender` is the envelope's."""
        return {
            **self.constant,
            "__list_id": joined.list_number,
            "__list_name": joined.list_name,
            "__subscribed_at": _local(joined.at, self.zone),
            "__subscribed_ip": joined.ip_address,
            "__confirmed_at": _local(joined.confirmed_at, self.zone),
            "__envelope_domain": sender.rpartition("@")[2],
        }


def joined_by(subscription: Subscription | None) -> Joined:
    """With its list; nothing of somebody who is on none."""
    if subscription is None:
        return Joined(None, "", None, None, None)
    of_list = subscription.mailing_list
    return Joined(
        of_list.pk, of_list.name, subscription.subscribed_at, subscription.ip_address, subscription.confirmed_at
    )


def _first_run(run: CampaignRun) -> int:
    """What a campaign's statistics are known by, also where a later run sends."""
    first = run if run.number == 1 else run.campaign.runs.order_by("number").first()
    return first.pk if first else run.pk


def _of_campaign(campaign: Campaign) -> dict[str, Any]:
    values: dict[str, Any] = {"__campaign_id": campaign.pk, "__campaign_name": campaign.name}
    page = archive.future_url(campaign)
    if page:
        values |= {name: f"{address}?{urlencode({key: page})}" for name, (address, key) in SHARES.items()}
    return values


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return moment.astimezone(zone).isoformat("T", "seconds") if moment else None
