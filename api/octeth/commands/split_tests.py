"""SplitTest.Create, and how variations did."""

from decimal import Decimal
from typing import Any

from api.octeth import campaign_details, vocabulary
from api.octeth.callers import Caller
from api.octeth.campaigns import campaign as one_campaign
from api.octeth.campaigns import campaigns
from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, command
from api.octeth.variations import Metrics, amount, metrics, rates
from campaigns.errors import CampaignError, NotReady
from campaigns.models import Campaign
from splittests import planning
from splittests.models import AutoResend, SplitTest

REQUIRED = {"CampaignID": 1, "TestSize": 2, "TestDuration": 4, "Winner": 5}
WINNERS = {"highest open rate": SplitTest.Metric.OPENED, "most unique clicks": SplitTest.Metric.CLICKED}
# One document counts the wait in hours, another in seconds. 3,599 hours are five months, 3,600 seconds one hour.
SHORTEST_IN_SECONDS = 3600
LONGEST_WAIT = 32_767  # of any unit; in minutes beyond, hours are near enough


@command("splittest.create", permission="Campaign.Create", shape=Shape.LIST, writes=True)
def create(call: Call) -> dict[str, Any]:
    """A second test takes the place of the first. Once sending has begun there is none."""
    call.require(*REQUIRED, codes=REQUIRED)
    settings = {**_size(call), **_wait(call), "metric": _metric(call)}
    found = campaigns(call).select_for_update(of=("self",)).filter(pk=call.parameters.whole("CampaignID")).first()
    if found is None:
        raise Refused(6)
    try:
        test = planning.replan(found, by=call.by, **planning.AS_THEY_STAND, **settings)
    except NotReady as refusal:
        raise Refused(4 if "wait" in refusal.problems else 2) from refusal
    except CampaignError as refusal:
        raise Refused(6) from refusal
    return {"SplitTestID": test.pk}


def _size(call: Call) -> dict[str, Any]:
    size = call.parameters.whole("TestSize")
    if not 1 <= size <= 100:
        raise Refused(2)
    return {"share_percent": Decimal(size)}


def _wait(call: Call) -> dict[str, Any]:
    written = call.parameters.whole("TestDuration")
    if written < 1:
        raise Refused(4)
    if written < SHORTEST_IN_SECONDS:
        return {"wait": written, "wait_unit": SplitTest.Unit.HOURS}
    minutes = -(-written // 60)
    if written % 3600 and minutes <= LONGEST_WAIT:
        return {"wait": minutes, "wait_unit": SplitTest.Unit.MINUTES}
    hours = -(-written // 3600)
    if hours > LONGEST_WAIT:
        raise Refused(4)
    return {"wait": hours, "wait_unit": SplitTest.Unit.HOURS}


def _metric(call: Call) -> str:
    word = " ".join(call.parameters.word("Winner").lower().replace("_", " ").replace("-", " ").split())
    if word not in WINNERS:
        raise Refused(5)
    return WINNERS[word]


# --- how they did ------------------------------------------------------------------------------------------------


@command("campaign.abtest.get", access=Access.EITHER, permission="Campaign.Get", shape=Shape.MESSAGE)
def get(call: Call) -> dict[str, Any]:
    if call.parameters.id("CampaignID") is None:
        raise Refused(2, text="The 'campaignid' parameter must be numeric.")
    try:
        found = one_campaign(call)
    except Refused as refusal:
        raise Refused(3, text="Campaign not found.") from refusal
    measured = list(metrics(found).values())
    related = campaign_details.resends(found, call.who)
    return {
        "CampaignID": found.pk,
        "ABTest": _test(measured),
        "AutoResend": _resend(found, call.who),
        "ParentCampaign": related.get("ParentCampaign"),
    }


def _test(measured: list[Metrics]) -> dict[str, Any]:
    """The winner is the variation with the highest open rate, whether or not it was sent to anybody else."""
    is_test = len(measured) > 1
    best = max(measured, key=lambda each: each.figures.open_rate) if is_test else None
    return {
        "IsABTest": is_test,
        "Variations": [_row(each) for each in measured] if is_test else [],
        "Winner": _named(best) if best and best.figures.sent else None,
    }


def _named(measured: Metrics) -> dict[str, Any]:
    email = measured.variant.email
    return {"EmailID": email.pk if email else 0, "EmailName": email.title if email else ""}


def _row(measured: Metrics) -> dict[str, Any]:
    email, found = measured.variant.email, measured.figures
    return {
        **_named(measured),
        "Subject": email.subject if email else "",
        "FromName": email.from_name if email else "",
        "FromEmail": email.from_email if email else "",
        "ContentType": vocabulary.content_type(email),
        "TotalRecipients": found.total_recipients,
        "TotalSent": found.sent,
        "TotalFailed": found.failed,
        "UniqueOpens": found.opened,
        "UniqueClicks": found.clicked,
        "Unsubscriptions": found.unsubscribed,
        "Revenue": amount(found.revenue_cents),
        **rates(found),
    }


def _resend(found: Campaign, caller: Caller) -> dict[str, Any] | None:
    child = campaign_details.resends(found, caller)["AutoResendCampaign"]
    if child:
        parent = campaign_details.brief(found)
        return {"Status": "completed", **child, **_uplift(child, parent)}
    plan = AutoResend.objects.filter(campaign=found, enabled=True).first()
    if plan is None:
        return None
    waits = {"WaitDays": plan.wait_days, "Subject": plan.subject, "PreHeaderText": plan.preheader}
    return {"Status": "scheduled", **waits}


def _uplift(child: dict[str, Any], parent: dict[str, Any]) -> dict[str, float]:
    pairs = {"OpenUplift": "UniqueOpens", "ClickUplift": "UniqueClicks"}
    return {name: round(100 * child[of] / parent[of], 2) if parent[of] else 0.0 for name, of in pairs.items()}
