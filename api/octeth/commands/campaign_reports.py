"""Who clicked what, and who did what (Campaign.LinkClicks.Get, Campaign.Recipients.Activity.Get). People only."""

from typing import Any

from django.db.models import F, QuerySet

from api.octeth.campaigns import campaign
from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, command
from api.octeth.rows import moment
from api.octeth.variations import amount
from campaigns.models import Campaign
from delivery.models import Recipient
from stats import people
from stats.links import links
from stats.people import Chosen

PAGE, LARGEST_PAGE = 25, 1000
# What a client calls an activity: who is meant, how often each did it, and when.
ACTIVITIES: dict[str, tuple[Chosen, str, str]] = {
    "open": (Chosen.OPENED, "human_opens", "human_read_at"),
    "click": (Chosen.CLICKED, "human_clicks", "last_clicked_at"),
    "bounce": (Chosen.BOUNCED, "", "bounced_at"),
    "unsubscription": (Chosen.UNSUBSCRIBED, "", "unsubscribed_at"),
    "forward": (Chosen.FORWARDED, "forwards", "forwarded_at"),
    "conversion": (Chosen.CONVERTED, "conversions", "converted_at"),
}
# Octeth knows no other type than these two.
BOUNCES = {"hard": "Hard", "soft": "Soft", "other": "Soft"}


def _campaign(call: Call) -> Campaign:
    if call.parameters.id("CampaignID") is None:
        raise Refused(2, text="The 'campaignid' parameter must be numeric.")
    try:
        return campaign(call)
    except Refused as refusal:
        raise Refused(3, text="Campaign not found or access denied") from refusal


def _page(call: Call) -> slice:
    given = call.parameters
    first = given.whole("RecordsFrom")
    size = min(LARGEST_PAGE, given.whole("RecordsPerRequest", PAGE) or LARGEST_PAGE)
    return slice(first, first + size)


@command("campaign.linkclicks.get", access=Access.EITHER, permission="Campaign.Get", shape=Shape.MESSAGE)
def link_clicks(call: Call) -> dict[str, Any]:
    found = _campaign(call)
    by_people = call.parameters.word("GroupBy").lower() == "subscribers"
    body: dict[str, Any] = {"CampaignID": found.pk, "GroupBy": "Subscribers" if by_people else "Links"}
    return body | (_clickers(found, call) if by_people else _links(found, call))


def _links(found: Campaign, call: Call) -> dict[str, Any]:
    """One row an address, whichever variations it stands in; those clicked most first."""
    clicks: dict[str, int] = {}
    for row in links(found, list(found.variants.all())):
        clicks[row.url] = clicks.get(row.url, 0) + row.clicks
    rows = sorted(((url, number) for url, number in clicks.items() if number), key=lambda each: (-each[1], each[0]))
    shown = [{"LinkTitle": url, "LinkURL": url, "TotalClicks": number} for url, number in rows[_page(call)]]
    return {"TotalRecords": len(rows), "Links": shown}


def _clickers(found: Campaign, call: Call) -> dict[str, Any]:
    rows = _with_subscription(people.recipients(found, Chosen.CLICKED)).order_by("-engagement__human_clicks", "pk")
    shown = [{**_who(row), "TotalClicks": row.engagement.human_clicks} for row in rows[_page(call)]]
    return {"TotalRecords": rows.count(), "Subscribers": shown}


@command("campaign.recipients.activity.get", access=Access.EITHER, permission="Campaign.Get", shape=Shape.MESSAGE)
def activity(call: Call) -> dict[str, Any]:
    found, word = _campaign(call), call.parameters.word("Activity").lower()
    if word not in ACTIVITIES:
        raise Refused(4, text=f"Activity is one of {', '.join(ACTIVITIES)}.")
    chosen, _, column = ACTIVITIES[word]
    keyword = call.parameters.word("SearchKeyword") or call.parameters.word("EmailAddress")
    rows = _with_subscription(people.recipients(found, chosen, search=keyword))
    rows = rows.order_by(F(f"engagement__{column}").desc(nulls_last=True), "-pk")
    shown = [_activity(row, word, found) for row in rows[_page(call)]]
    return {"CampaignID": found.pk, "Activity": word, "TotalRecords": rows.count(), "Recipients": shown}


def _with_subscription(rows: QuerySet[Recipient]) -> QuerySet[Recipient]:
    return rows.select_related("engagement", "subscription__mailing_list")


def _who(row: Recipient) -> dict[str, Any]:
    of_list = row.subscription
    return {
        "SubscriberID": of_list.pk if of_list else 0,
        "ListID": of_list.mailing_list_id if of_list else 0,
        "EmailAddress": row.address,
    }


def _activity(row: Recipient, word: str, found: Campaign) -> dict[str, Any]:
    _, count, column = ACTIVITIES[word]
    done = row.engagement
    body = _who(row) | {
        "ListName": row.subscription.mailing_list.name if row.subscription else "",
        "ActivityCount": max(1, getattr(done, count)) if count else 1,
        "LastActivityDate": moment(getattr(done, column), found.organization.timezone),
    }
    if word == "bounce":
        body["BounceType"] = BOUNCES.get(done.bounce_type, "Soft")
    if word == "conversion":
        body["TotalRevenue"] = amount(done.revenue_cents)
    return body
