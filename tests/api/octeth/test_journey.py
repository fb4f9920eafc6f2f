"""From nothing to statistics without touching the admin: the fourteen steps of the vendor's own walk, by real SMTP."""

import json
import re
from email import message_from_bytes, policy

import pytest
from django.core.cache import cache

from campaigns import tasks as clock
from delivery.models import InboxMessage
from stats.ingest import ingest
from tests.acceptance.conftest import inbox  # noqa: F401 - a fixture
from tests.api.octeth.conftest import Wire
from tests.stats.populations import BROWSER
from tests.tracking.test_endpoints import ask

RULES = [[{"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "@example.com"}]]


@pytest.fixture
def client(transactional_db, bob):
    """A program that knows a name and a password."""
    cache.clear()
    wire = Wire()
    session = wire("User.Login", Username="bob", Password="correct horse")["SessionID"]

    def call(command, **parameters):
        answer = wire(command, SessionID=session, **parameters)
        assert answer["Success"] is True, (command, answer)
        return answer

    return call


def test_a_client_goes_from_login_to_statistics(client, worker, inbox, settings):  # noqa: F811 - that fixture
    settings.TOO_SOON_SECONDS = 0  # this reader clicks faster than people do
    news = client("List.Create", SubscriberListName="News")["ListID"]
    field = {"FieldName": "First name", "FieldType": "Single line", "MergeTagAlias": "FirstName"}
    field = client("CustomField.Create", SubscriberListID=news, **field)["CustomFieldID"]
    for name in ("ann", "bea"):
        client("Subscriber.Subscribe", ListID=news, EmailAddress=f"{name}@example.com", **{f"CustomField{field}": name})
    letter = client("Email.Create")["EmailID"]
    client(
        "Email.Update",
        EmailID=letter,
        ValidateScope="Campaign",
        Mode="Empty",
        FromName="Post",
        FromEmail="post@news.example",
        Subject="Hello %Subscriber:FirstName%",
        HTMLContent="<p><a href='https://example.com/story'>Read</a> <a href='%Link:Unsubscribe%'>Leave</a></p>",
        PlainContent="Read: https://example.com/story %Link:Unsubscribe%",
    )
    segment = {"SegmentName": "Everybody", "SegmentOperator": "and", "RulesJson": json.dumps(RULES)}
    segment = client("Segment.Create", SubscriberListID=news, **segment)["SegmentID"]
    campaign = client("Campaign.Create", CampaignName="June")["CampaignID"]
    client("Campaign.Update", CampaignID=campaign, RelEmailID=letter, RecipientListsAndSegments=f"{news}:{segment}")
    assert client("Campaign.Recipients.Get", CampaignID=campaign, OnlyTotal="true")["TotalRecipients"] == 2
    client("Email.EmailPreview", EmailID=letter, EmailAddress="desk@news.example", CampaignID=campaign)

    client("Campaign.Update", CampaignID=campaign, ScheduleType="Immediate", CampaignStatus="Ready")
    clock.start_due()

    mails = InboxMessage.objects.filter(recipient__endswith="@example.com")
    assert sorted(mails.values_list("subject", flat=True)) == ["Hello ann", "Hello bea"]
    click(mails.get(subject="Hello ann"))
    client("Subscriber.Unsubscribe", ListID=news, EmailAddress="bea@example.com", CampaignID=campaign)
    client("Suppression.Import", EmailAddressesBulk="bea@example.com")
    ingest()
    shown = client("Campaign.Get", CampaignID=campaign, RetrieveStatistics="true")["Campaign"]
    assert (shown["CampaignStatus"], shown["TotalSent"], shown["UniqueClicks"]) == ("Sent", 2, 1)


def click(mail):
    """As a person does."""
    message = message_from_bytes(bytes(mail.raw), policy=policy.default)
    html = message.get_body(("html",)).get_content()
    path = re.search(r"https?://[^/]+(/c/[^\"'\s]+)", html).group(1)
    status, headers, _ = ask(path, HTTP_USER_AGENT=BROWSER, REMOTE_ADDR="192.0.2.9")
    assert (status, headers["Location"]) == (302, "https://example.com/story")
