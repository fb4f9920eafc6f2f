"""Campaign.Recipients.Get: whom an unsent campaign would reach."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from api.octeth import audiences, vocabulary
from api.octeth.campaigns import campaigns
from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, command
from audience.criteria.octeth import parse_bundle
from audience.criteria.octeth.errors import UnknownList
from audience.errors import InvalidRules
from audience.models import Subscriber, Subscription
from campaigns.models import Campaign
from delivery import audiences as whom

UNSENT = ("Draft", "Ready", "Pending Approval")
NOT_FOUND = "Campaign not found or access denied"
ONLY_UNSENT = "This endpoint only works for unsent campaigns"
AT_A_TIME = 1000
NO_CRITERIA = "Campaign has no recipient criteria"


@command("campaign.recipients.get", access=Access.EITHER, permission="Campaign.Get", shape=Shape.MESSAGE)
def recipients_get(call: Call) -> dict[str, Any]:
    found = _unsent(call)
    audience = whom.of(found)
    _require_criteria(call, found)
    total = whom.estimate(audience).mailable
    people = [] if call.parameters.flag("OnlyTotal") else _recipients(call, audience)
    return {"CampaignID": found.pk, "TotalRecipients": total, "Recipients": people}


def _unsent(call: Call) -> Campaign:
    given = call.parameters
    if not given.word("CampaignID"):
        raise Refused(1, text="Required parameter 'campaignid' is missing.")
    if given.id("CampaignID") is None:
        raise Refused(2, text="The 'campaignid' parameter must be numeric.")
    found = campaigns(call).filter(pk=given.whole("CampaignID")).first()
    if found is None:
        raise Refused(3, text=NOT_FOUND)
    if vocabulary.status(found) not in UNSENT:
        raise Refused(4, text=ONLY_UNSENT, extra={"CampaignStatus": vocabulary.status(found)})
    return found


def _require_criteria(call: Call, found: Campaign) -> None:
    """A bundle is read again: a list it names may be gone since."""
    bundle = audiences.bundle_of(found)
    if bundle is not None:
        try:
            parse_bundle(bundle.written_as, organization=call.organization)
        except UnknownList as refusal:
            raise Refused(6, text=str(refusal)) from refusal
        except InvalidRules as refusal:
            raise Refused(5, text=str(refusal)) from refusal
    elif not found.audience.filter(excluded=False).exists():
        raise Refused(5, text=NO_CRITERIA)


def _recipients(call: Call, audience: whom.Audience) -> Iterator[dict[str, Any]]:
    """By the id of their subscriptions, which is what clients know as the subscriber's."""
    given = call.parameters
    people = whom.reached(audience, first=given.whole("RecordsFrom"), limit=given.whole("RecordsPerRequest") or None)
    while some := list(islice(people, AT_A_TIME)):
        fields = _fields(some)
        yield from (_row(each, fields[each.subscriber_id]) for each in some)


def _fields(people: list[whom.Reached]) -> dict[int, dict[str, Any]]:
    """By person, the values of the organization's fields and, above them, those of the list."""
    found = dict(Subscriber.objects.filter(pk__in=[each.subscriber_id for each in people]).values_list("pk", "fields"))
    rows = Subscription.objects.filter(pk__in=[each.subscription_id for each in people if each.subscription_id])
    for subscriber_id, of_list in rows.values_list("subscriber_id", "fields"):
        found[subscriber_id] = {**found[subscriber_id], **of_list}
    return found


def _row(person: whom.Reached, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "SubscriberID": person.subscription_id or 0,
        "EmailAddress": person.address,
        "FirstName": _name(fields, "firstname", "first_name"),
        "LastName": _name(fields, "lastname", "last_name"),
    }


def _name(fields: Mapping[str, Any], *keys: str) -> str:
    return next((str(fields[key]) for key in keys if fields.get(key)), "")
