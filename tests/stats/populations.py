"""Runs with people who got their mail, and the hits they send back."""

from datetime import UTC, datetime, timedelta

from audience.models import Subscriber
from campaigns.models import CampaignRun
from delivery.models import Recipient
from tests.factories import draft_campaign
from tracking.spool import Hit, HitKind

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def a_run(people=3, *, number=1, campaign=None, **campaign_values):
    """A run all of whose recipients were sent to; no lifecycle, since nothing here asks about it."""
    campaign = campaign or draft_campaign(people=0, **campaign_values)
    run = CampaignRun.objects.create(campaign=campaign, number=number, planned=people, sent=people)
    variant = campaign.variants.first()
    organization = campaign.organization
    already = Subscriber.objects.of(organization).count()
    subscribers = Subscriber.objects.bulk_create(
        Subscriber(organization=organization, email=f"reader{already + n}@{organization.slug}.example")
        for n in range(people)
    )
    Recipient.objects.bulk_create(
        Recipient(
            run=run,
            subscriber=each,
            variant=variant,
            address=each.email,
            state="sent",
        )
        for each in subscribers
    )
    return run


def hit(recipient, kind=HitKind.OPENED, *, minutes=0, **about):
    """Of a person, unless `about` says another user agent."""
    about = {"user_agent": BROWSER} | about
    at = NINE + timedelta(minutes=minutes)
    return Hit(str(kind), recipient.run_id, recipient.pk, recipient.subscriber_id, at, **about)


def click(recipient, position=1, *, minutes=0, url="", **about):
    url = url or f"https://example.com/{position}"
    return hit(recipient, HitKind.CLICKED, minutes=minutes, link_position=position, url=url, **about)
