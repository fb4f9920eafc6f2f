"""Every request that Octeth's documents of campaigns print, with their reply: version 5.6, then the current one.

Numbers in `{}` are those of this world; a reply has at least the keys that are printed, and exactly those where it is a
refusal. A type stands for any value of it.
"""

import json

import pytest

from accounts import sessions
from accounts.models import Membership
from campaigns.models import State
from tests.api.octeth.conftest import Wire, key_of, read
from tests.factories import EmailFactory, MailingListFactory, campaign_in, draft_campaign

OK = {"Success": True, "ErrorCode": 0}
TEXT = {**OK, "ErrorText": ""}


def no(code, **more):
    return {"Success": False, "ErrorCode": code, **more}


BUNDLE = {
    "operator": "or",
    "criteria": [
        {
            "list_id": "{list}",
            "operator": joined,
            "rules": [
                {"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": value}
                for value in values
            ],
        }
        for joined, values in (("and", ("user1", ".net")), ("or", ("@test", "@gmail")))
    ],
}
NOT_SENT = "Campaign is not in Sent or Failed status. Only completed or failed campaigns can have their failed recipients retried."  # noqa: E501

IN_5_6 = [
    ("Campaign.Approve", {"CampaignID": "{pending}"}, OK),
    ("Campaign.Approve", {}, no(1)),
    ("Campaign.Cancel", {"CampaignID": "{scheduled}"}, OK),
    ("Campaign.Cancel", {}, no(1)),
    ("Campaign.Copy", {"CampaignID": "{sent}"}, {**OK, "NewCampaignID": int}),
    ("Campaign.Copy", {}, no([1], ErrorText=["Invalid source campaign"])),
    ("Campaign.Create", {"CampaignName": "Summer Sale Campaign"}, {**OK, "CampaignID": int}),
    ("Campaign.Create", {}, no(1)),
    (
        "Campaign.Get",
        {"campaignid": "{sent}", "retrievestatistics": "true", "retrievetags": "true"},
        {
            **OK,
            "Campaign": {
                "CampaignID": int,
                "Name": "Summer Sale",
                "Status": "Sent",
                "TotalSent": int,
                "TotalHardBounces": int,
                "TotalSoftBounces": int,
                "HardBounceRatio": "0.00",
                "SoftBounceRatio": "0.00",
                "Statistics": {"OpenStatistics": dict, "ClickStatistics": dict},
                "Tags": ["Sale", "Summer"],
            },
            "CampaignThroughput": {"EmailsPerSecond": (int, float)},
        },
    ),
    ("Campaign.Get", {}, no(1, ErrorMessage="Required parameter 'campaignid' is missing.")),
    ("Campaign.Pause", {"CampaignID": "{sending}"}, OK),
    ("Campaign.Pause", {}, no(1)),
    ("Campaign.Resume", {"CampaignID": "{sending}"}, OK),
    ("Campaign.Resume", {}, no(1)),
    ("Campaign.Update", {"CampaignID": "{draft}", "CampaignStatus": "Ready", "CampaignName": "New Campaign Name"}, OK),
    ("Campaign.Update", {}, no(1)),
    ("Campaign.Update", {"CampaignID": "{draft}", "RulesJsonBundle": BUNDLE}, OK),
    (
        "Campaigns.Get",
        {
            "RecordsPerRequest": "10",
            "RecordsFrom": "0",
            "CampaignStatus": "Scheduled",
            "SearchKeyword": "Summer",
            "OrderField": "CampaignName",
            "OrderType": "ASC",
            "RetrieveTags": "true",
            "Tags": "{summer},{sale},3000",
            "RetrieveStatistics": "true",
        },
        {
            **TEXT,
            "Campaigns": [{"CampaignID": int, "CampaignName": "Summer Sale", "CampaignStatus": "Ready"}],
            "TotalCampaigns": 1,
        },
    ),
    ("Campaigns.Delete", {"Campaigns": "{draft},{scheduled},3000"}, TEXT),
    ("Campaigns.Delete", {}, no({"campaigns": 1})),
]
CURRENT = [
    ("campaign.cancel", {"CampaignID": "{future}"}, OK),
    ("campaign.cancel", {}, no([1])),
    ("campaign.copy", {"CampaignID": "{sent}"}, {**OK, "NewCampaignID": int}),
    ("campaign.copy", {"CampaignID": 1_000_000}, no([1], ErrorText=["Invalid source campaign"])),
    ("campaign.create", {"CampaignName": "Summer Sale 2025"}, {**OK, "CampaignID": int}),
    ("campaign.create", {}, no([1])),
    (
        "campaign.get",
        {"CampaignID": "{sent}", "RetrieveStatistics": True, "RetrieveRecipientDomains": True},
        {
            **OK,
            "Campaign": {
                "CampaignID": int,
                "CampaignName": "Summer Sale",
                "CampaignStatus": "Sent",
                **dict.fromkeys(("TotalRecipients", "TotalSent", "TotalOpens", "UniqueOpens"), int),
                **dict.fromkeys(("TotalClicks", "UniqueClicks"), int),
            },
            "CampaignThroughput": {"EmailsPerSecond": (int, float), "Duration": int},
        },
    ),
    ("campaign.get", {"CampaignID": 1_000_000}, no(2, ErrorMessage="Campaign not found.")),
    ("campaign.pause", {"CampaignID": "{sending}"}, OK),
    ("campaign.pause", {"CampaignID": "{draft}"}, no(3)),
    (
        "campaign.recipients.get",
        {"CampaignID": "{draft}", "OnlyTotal": False},
        {
            **OK,
            "CampaignID": int,
            "TotalRecipients": 1,
            "Recipients": [{"SubscriberID": int, "EmailAddress": str, "FirstName": str, "LastName": str}],
        },
    ),
    (
        "campaign.recipients.get",
        {"CampaignID": "{sent}"},
        no(4, ErrorMessage="This endpoint only works for unsent campaigns", CampaignStatus="Sent"),
    ),
    ("campaign.resume", {"CampaignID": "{sending}"}, OK),
    ("campaign.resume", {"CampaignID": "{sending}"}, no(3)),
    (
        "campaign.update",
        {
            "CampaignID": "{draft}",
            "CampaignName": "Updated Summer Sale",
            "CampaignStatus": "Ready",
            "ScheduleType": "Future",
            "SendDate": "2035-06-15",
            "SendTime": "10:00:00",
            "SendTimeZone": "America/New_York",
        },
        OK,
    ),
    ("campaign.update", {"CampaignID": "{draft}", "ScheduleType": "Future"}, no(6)),
    (
        "campaigns.archive.geturl",
        {"TagID": "{summer}", "TemplateURL": "https://example.com/archive-template"},
        {**OK, "URL": str},
    ),
    ("campaigns.archive.geturl", {"TagID": 1_000_000}, no(2)),
    (
        "campaigns.get",
        {
            "CampaignStatus": "Sent",
            "Date_From": "2025-01-01",
            "Date_To": "2099-12-31",
            "RecordsPerRequest": 50,
            "RecordsFrom": 0,
            "OrderField": "SendDate",
            "OrderType": "DESC",
            "RetrieveStatistics": True,
        },
        {
            **TEXT,
            "Campaigns": [
                {
                    "CampaignID": int,
                    "CampaignName": "Summer Sale",
                    "CampaignStatus": "Sent",
                    "SendDate": str,
                    **dict.fromkeys(("TotalRecipients", "TotalSent", "TotalOpens", "UniqueOpens"), int),
                }
            ],
            "TotalCampaigns": 1,
        },
    ),
    (
        "tags.get",
        {},
        {
            **TEXT,
            "TotalTagCount": 2,
            "Tags": [{"TagID": int, "Tag": each, "RelOwnerUserID": int} for each in ("Sale", "Summer")],
        },
    ),
    ("tag.create", {"Tag": "summer-campaign"}, {**TEXT, "TagID": int}),
    ("tag.create", {"Tag": "summer-campaign"}, no(2)),
    ("tag.update", {"TagID": "{sale}", "Tag": "summer-promotion"}, TEXT),
    ("tag.update", {}, no([1, 2])),
    ("tag.assigntocampaigns", {"TagID": "{sale}", "CampaignIDs": "{draft},{sending},3000"}, TEXT),
    ("tag.assigntocampaigns", {}, no([1, 2])),
    ("tag.unassignfromcampaigns", {"TagID": "{sale}", "CampaignIDs": "{draft},{sending},3000"}, TEXT),
    ("tag.unassignfromcampaigns", {}, no([1, 2])),
    ("tags.delete", {"Tags": "{sale},{summer},3000"}, TEXT),
    ("tags.delete", {}, no([1])),
    (
        "splittest.create",
        {"CampaignID": "{tested}", "TestSize": 20, "TestDuration": 24, "Winner": "highest_open_rate"},
        {**OK, "SplitTestID": int},
    ),
    ("splittest.create", {"TestDuration": 24, "Winner": "highest_open_rate"}, no([1, 2])),
    ("campaigns.delete", {"Campaigns": "{draft},{future},3000"}, TEXT),
    ("campaigns.delete", {}, no([1])),
]
RETRY = [
    (
        "{failed}",
        {
            **TEXT,
            "RetriedCount": 2,
            "BatchesCreated": 1,
            "Message": "2 failed recipients queued for retry in 1 batch(es).",
        },
    ),
    ("{failed}", no(3, ErrorText=NOT_SENT)),
]


@pytest.fixture
def world(organization, admin_wire):
    """The numbers of what the requests name."""
    made = {
        "list": MailingListFactory(organization=organization).pk,
        "pending": campaign_in(State.PENDING_APPROVAL, organization).pk,
        "scheduled": campaign_in(State.SCHEDULED, organization).pk,
        "future": campaign_in(State.SCHEDULED, organization, name="Summer Sale").pk,
        "sending": campaign_in(State.SENDING, organization).pk,
        "sent": campaign_in(State.SENT, organization, name="Summer Sale").pk,
        "draft": draft_campaign(organization, people=1).pk,
        "tested": draft_campaign(organization).pk,
    }
    for name in ("Summer", "Sale"):
        made[name.lower()] = admin_wire("tag.create", Tag=name)["TagID"]
        ids = f"{made['sent']},{made['future']}"
        admin_wire("tag.assigntocampaigns", TagID=made[name.lower()], CampaignIDs=ids)
    emails = [EmailFactory(organization=organization).pk for _ in range(2)]
    variations = {"Variations": [{"EmailID": each, "Weight": 1} for each in emails]}
    admin_wire.json("campaign.update", CampaignID=made["tested"], ABTesting=variations)
    return made


def filled(value, world):
    """With the numbers of this world; one that stands alone is a number in JSON."""
    match value:
        case str():
            written = value.format(**world) if "{" in value else value
            return int(written) if written != value and written.isdigit() else written
        case dict():
            return {name: filled(inner, world) for name, inner in value.items()}
        case list():
            return [filled(inner, world) for inner in value]
    return value


def fits(found, printed):
    """Whether the reply has what is printed, key for key and type for type."""
    match printed:
        case type() | tuple():
            return isinstance(found, printed)
        case dict():
            return isinstance(found, dict) and all(
                name in found and fits(found[name], printed[name]) for name in printed
            )
        case list():
            return len(found) == len(printed) and all(fits(*pair) for pair in zip(found, printed, strict=True))
    return found == printed and type(found) is type(printed)


def differing(samples, send, world):
    """The samples whose reply is another one. A refusal has no other keys than those that are printed."""
    for command, sent, printed in samples:
        reply = send(command, filled(sent, world))
        if not fits(reply, printed) or (printed["Success"] is False and reply.keys() != printed.keys()):
            yield command, sent, reply


@pytest.mark.parametrize("as_json", [False, True])
def test_version_5_6_is_answered_as_it_prints(alice, world, as_json):
    """Its requests are forms, and JSON, with a session that means nothing beside the key."""
    client = Wire(key_of(alice)).client
    credentials = {"SessionID": "exampleSessionId", "APIKey": key_of(alice)}

    def send(command, sent):
        body = {**credentials, "Command": command, **sent}
        if as_json:
            return read(client.post("/api.php", json.dumps(body), content_type="application/json"))
        return read(client.post("/api.php", {k: json.dumps(v) if isinstance(v, dict) else v for k, v in body.items()}))

    assert list(differing(IN_5_6, send, world)) == []


@pytest.mark.parametrize("path", ["/api.php", "/api/v1/"])
def test_the_current_documents_are_answered_as_they_print(alice, world, path):
    session = sessions.issue(Membership.objects.get(user=alice))
    client = Wire().client

    def send(command, sent):
        body = json.dumps({"Command": command, "SessionID": session, **sent})
        address = path if path.endswith("php") else path + command
        return read(client.post(address, body, content_type="application/json"))

    assert list(differing(CURRENT, send, world)) == []


def test_retrying_is_answered_as_it_is_printed(alice, failed):
    client = Wire(key_of(alice))
    samples = [("admin.campaign.retryfailed", {"CampaignID": number}, printed) for number, printed in RETRY]

    def send(command, sent):
        body = json.dumps({"Command": command, "APIKey": client.key, **sent})
        return read(client.client.post(f"/api/v1/{command}", body, content_type="application/json"))

    assert list(differing(samples, send, {"failed": failed.pk})) == []
