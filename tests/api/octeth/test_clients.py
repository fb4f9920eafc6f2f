"""What real clients send, call by call, and what each of them reads in the answer."""

import json

import pytest
from django.core.cache import cache
from django.test import Client

from audience.models import Subscription
from campaigns.models import Campaign
from tests.api.octeth.conftest import key_of
from tests.factories import MailingListFactory, SubscriptionFactory, draft_campaign


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def news(organization, bob):
    found = MailingListFactory(organization=organization, name="News")
    SubscriptionFactory(mailing_list=found, subscriber__email="ann@example.com")
    return found


def get(query):
    """A GET whose address nobody encoded."""
    return json.loads(b"".join(Client().get(f"/api.php?{query}")))


def post(**form):
    return json.loads(b"".join(Client().post("/api.php", form)))


def test_sureiya_in_python_by_forms(news):
    login = {"RememberMe": "true", "DisableCaptcha": "true", "SessionID": "", "ResponseFormat": "JSON"}
    refused = post(Command="User.Login", Username="bob", Password="wrong", **login)
    session = post(Command="User.Login", Username="bob", Password="correct horse", **login)["SessionID"]
    found = post(
        Command="Subscribers.Get",
        SessionID=session,
        SubscriberListID=news.pk,
        OrderField="SubscriptionDate",
        OrderType="DESC",
        RecordsPerRequest=50,
        SearchField="",
        SearchKeyword="",
        SubscriberSegment="Active",
    )

    assert refused["ErrorCode"][0] in {1, 2, 3, 4, 5, 99998, 99999}
    assert session.isalnum()
    assert found["Success"] is True
    assert found["TotalSubscribers"] == 1


def test_1a65_in_php_by_addresses_that_repeat_themselves(news, bob):
    key = key_of(bob)

    def call(command, query=""):
        head = f"Command={command}&ResponseFormat=JSONCommand={command}&ResponseFormat=JSON"
        return get(f"{head}{query}&ApiKey={key}")

    found = call("Subscriber.Get", f"&ListID={news.pk}&EmailAddress=ann@example.com")
    assert found["SubscriberInformation"]["SubscriberID"] == Subscription.objects.get().pk
    assert (
        call("Subscriber.Subscribe", f"&ListID={news.pk}&EmailAddress=bea@example.com&IPAddress=1234")["Success"]
        is True
    )
    letter = call("Email.Create")["EmailID"]
    body = "&HTMLContent=<p>Hello</p>&FromName=Post&FromEmail=post@news.example&Subject=Hello&Mode=Empty"
    assert call("Email.Update", f"{body}&EmailID={letter}&ValidateScope=Campaign")["Success"] is True


def test_cubica_in_php_with_brackets_encoded(news, bob):
    row = Subscription.objects.get()
    body = f"Command=Subscriber.Update&APIKey={key_of(bob)}&SubscriberID={row.pk}&SubscriberListID={news.pk}"
    body += "&EmailAddress=ann%40example.com&Fields%5BCustomField999%5D=x"
    answer = Client().post("/api.php", body, content_type="application/x-www-form-urlencoded").json()

    assert answer["ErrorCode"] == 11
    assert isinstance(answer["ErrorCustomFieldIDs"], str)


def test_bendells_in_php_with_every_parameter_there_is(organization, bob):
    campaign = draft_campaign(organization)
    names = "SendDate SendTime SendTimeZone ScheduleRecDaysOfWeek ScheduleRecHours ApprovalUserExplanation"
    empty = "".join(f"&{name}=" for name in names.split())
    query = f"SessionID=0&APIKey={key_of(bob)}&ResponseFormat=JSON&CampaignID={campaign.pk}"

    assert get(f"{query}&Command=Campaign.Update&CampaignName=Late summer{empty}&ScheduleType=")["Success"] is True
    assert Campaign.objects.get().name == "Late summer"
    listed = get(f"{query}&Command=Campaigns.Get&SearchKeyowrd=x&CampaignStatus=All&RecordsPerRequest=5")
    assert listed["TotalCampaigns"] == 1


def test_wordpress_without_a_credential(news):
    joined = get(f"ResponseFormat=JSON&Command=Subscriber.Subscribe&ListID={news.pk}&EmailAddress=bea@example.com")
    left = get(f"ResponseFormat=JSON&Command=Subscriber.Unsubscribe&ListID={news.pk}&EmailAddress=bea@example.com")

    assert (joined["Success"], joined["Subscriber"]["SubscriptionStatus"]) == (True, "Subscribed")
    assert left["Success"] is True


def test_wordpress_reads_lists_and_fields(news, bob):
    session = get("Command=User.Login&Username=bob&Password=correct horse")["SessionID"]
    lists = get(f"Command=Lists.Get&SessionID={session}&OrderField=Name&OrderType=ASC")["Lists"]
    query = f"SubscriberListID={news.pk}&OrderField=CustomFieldID&OrderType=ASC"
    fields = get(f"Command=CustomFields.Get&SessionID={session}&{query}")

    assert [(each["ListID"], each["Name"]) for each in lists] == [(news.pk, "News")]
    assert fields["CustomFields"] == []


def test_chocksy_in_php_takes_codes_for_keys(news, bob):
    key = key_of(bob)
    listed = post(
        Command="Campaigns.Get",
        APIKey=key,
        OrderField="CampaignStatus",
        OrderType="ASC",
        RecordsFrom=0,
        RecordsPerRequest=10,
        RetrieveTags="true",
        SearchKeyword="",
        Status="All",
    )

    assert listed["Campaigns"] == []
    assert post(Command="Campaign.Create", APIKey=key, CampaignName="")["ErrorCode"] == 1
    assert isinstance(post(Command="List.Create", APIKey=key, SubscriberListName="Other")["ListID"], int)


def test_roempro_in_ruby_logs_in_again_when_its_session_has_ended(bob):
    ended = post(command="user.current", sessionid="gone", responseformat="JSON")
    refused = post(command="user.login", username="bob", password="wrong", disablecaptcha="true")

    assert ended["ErrorCode"] == 99998
    assert ", ".join(refused["ErrorText"]) == "Invalid login information"


def test_leeva_on_a_telephone_says_yes_and_no(organization, bob):
    campaign = draft_campaign(organization)
    shown = post(Command="Campaign.Get", APIKey=key_of(bob), CampaignID=campaign.pk, RetrieveStatistics="YES")[
        "Campaign"
    ]

    assert isinstance(shown["OpenStatistics"], dict)
    assert [row["count"] for row in shown["BounceStatistics"]] == [0, 0, 0]
    assert shown["SplitTest"] is False
