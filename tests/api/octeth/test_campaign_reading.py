"""Campaign.Get, Campaigns.Get and the reports beside them: every key, every filter, and what they cost."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audience.models import Subscription
from campaigns.models import Campaign, State
from delivery.models import Recipient
from stats.ingest import ingest
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import EmailFactory, MembershipFactory, OrganizationFactory, campaign_in, draft_campaign
from tests.stats.populations import click, hit
from tracking import spool
from tracking.spool import HitKind


def words(text):
    return text.split()


ALWAYS = words(
    "CampaignID RelOwnerUserID CampaignName Name CampaignStatus Status CampaignStatusReason RelEmailID ScheduleType "
    "SendDate SendTime SendTimeZone ScheduleRecDaysOfWeek ScheduleRecDaysOfMonth ScheduleRecMonths ScheduleRecHours "
    "ScheduleRecMinutes ScheduleRecSendMaxInstance ScheduleRecSentInstances CreateDateTime LastActivityDateTime "
    "SendProcessStartedOn SendProcessFinishedOn TotalRecipients TotalSent TotalFailed TotalDelivered TotalOpens "
    "UniqueOpens TotalClicks UniqueClicks TotalConversions UniqueConversions TotalForwards UniqueForwards "
    "TotalViewsOnBrowser UniqueViewsOnBrowser TotalUnsubscriptions TotalHardBounces TotalSoftBounces TotalSpamReports "
    "TotalRevenue HardBounceRatio SoftBounceRatio BenchmarkEmailsPerSecond ApprovalUserExplanation "
    "GoogleAnalyticsDomains PublishOnRSS S2SEnabled AutoResendEnabled AutoResendWaitDays AutoResendSubject "
    "AutoResendPreHeaderText OriginalCampaignID RulesJsonBundle RecipientLists RecipientSegments Options "
    "AutoResendCampaign SplitTest"
)
DAILY = words(
    "OpenStatistics ClickStatistics UnsubscriptionStatistics ForwardStatistics BrowserViewStatistics "
    "ConversionStatistics"
)
IN_STATISTICS = words(
    "BounceStatistics OverallClickPerformance OverallOpenPerformance OverallAccountClickPerformance "
    "OverallAccountOpenPerformance ClickPerformance OpenPerformance SubscribersOpened SubscribersClicked Statistics"
)


@pytest.fixture(scope="module")
def organization(shared_db):
    with shared_db():
        return OrganizationFactory(name="Morning Post", slug="morning-post")


@pytest.fixture(scope="module")
def bob(shared_db, organization):
    with shared_db():
        return MembershipFactory(organization=organization, user__username="bob", trusted=True).user


@pytest.fixture(scope="module")
def key(shared_db, bob):
    with shared_db():
        return key_of(bob)


@pytest.fixture
def wire(db, key):
    return Wire(key)


@pytest.fixture
def sent(db, organization, bob):
    """Sent to three, of whom the first opened and clicked, the second opened, and the third bounced."""
    campaign = campaign_in(State.SENT, organization)
    run = campaign.runs.get()
    run.planned = run.sent = 3
    run.save()
    for row in Subscription.objects.filter(mailing_list=campaign.audience.get().mailing_list).order_by("pk"):
        Recipient.objects.create(
            run=run,
            subscriber=row.subscriber,
            subscription=row,
            variant=campaign.variants.get(),
            address=row.subscriber.email,
            state="sent",
        )
    first, second, third = run.recipients.order_by("pk")
    for each in (hit(first), click(first), click(first, minutes=5), hit(second)):
        spool.append(each)
    spool.append(hit(third, HitKind.BOUNCED, data={"type": "hard", "code": "5.1.1"}))
    ingest()
    return campaign


# --- one -----------------------------------------------------------------------------------------------------------


def test_a_campaign_has_every_key_of_the_documents(wire, sent):
    answer = wire("campaign.get", CampaignID=sent.pk)
    shown = answer["Campaign"]

    assert answer["Success"] is True
    assert set(ALWAYS) <= shown.keys()
    assert not {*DAILY, *IN_STATISTICS, "Tags"} & shown.keys()
    counted = ("TotalSent", "TotalDelivered", "UniqueOpens", "TotalOpens", "UniqueClicks", "TotalClicks")
    assert [shown[name] for name in counted] == [3, 2, 2, 2, 1, 2]
    assert (shown["TotalHardBounces"], shown["HardBounceRatio"], shown["SoftBounceRatio"]) == (1, "33.33", "0.00")
    assert (shown["CampaignStatus"], shown["Status"]) == ("Sent", "Sent")
    assert answer["CampaignThroughput"].keys() == {"EmailsPerSecond", "Duration"}
    assert "ParentCampaign" not in shown


def test_statistics_come_by_day_at_the_top_and_within(wire, sent):
    shown = wire("campaign.get", CampaignID=sent.pk, RetrieveStatistics="true", StatisticsDays="2")["Campaign"]

    assert {*DAILY, *IN_STATISTICS} <= shown.keys()
    assert len(shown["OpenStatistics"]) == 2
    assert shown["Statistics"]["OpenStatistics"] == shown["OpenStatistics"]
    assert [row["count"] for row in shown["BounceStatistics"]] == [2, 1, 0]
    assert shown["OverallOpenPerformance"] == 100
    assert {row["Email"] for row in shown["SubscribersClicked"]} == {sent.runs.get().recipients.first().address}


@pytest.mark.parametrize(("days", "expected"), [("0", 1), ("x", 15), ("", 15), ("999", 365)])
def test_the_days_of_statistics_stay_within_bounds(wire, sent, days, expected):
    shown = wire("campaign.get", CampaignID=sent.pk, RetrieveStatistics=1, StatisticsDays=days)["Campaign"]

    assert len(shown["ClickStatistics"]) == expected


def test_domains_come_unless_they_are_not_wanted(wire, sent):
    with_domains = wire("campaign.get", CampaignID=sent.pk)["Campaign"]["RecipientDomains"]

    assert with_domains["example.com"]["TotalSent"] == 3
    assert "RecipientDomains" not in wire("campaign.get", CampaignID=sent.pk, RetrieveRecipientDomains="")["Campaign"]


def test_tags_are_names_with_their_numbers_beside(wire, sent):
    tag = wire("tag.create", Tag="Summer")["TagID"]
    wire("tag.assigntocampaigns", TagID=tag, CampaignIDs=sent.pk)
    shown = wire("campaign.get", CampaignID=sent.pk, RetrieveTags="true")["Campaign"]

    assert (shown["Tags"], shown["TagDetails"]) == (["Summer"], [{"TagID": tag, "Tag": "Summer"}])


def test_variations_have_their_metrics(wire, organization):
    campaign = draft_campaign(organization)
    emails = [EmailFactory(organization=organization).pk for _ in range(2)]
    variations = {"Variations": [{"EmailID": each, "Weight": 1} for each in emails]}
    wire.json("campaign.update", CampaignID=campaign.pk, ABTesting=variations)
    shown = wire("campaign.get", CampaignID=campaign.pk, SplitABTestStatistics=1, RetrieveStatistics=1)["Campaign"]

    rows = shown["Options"]["ABTesting"]["Variations"]
    assert [row["EmailID"] for row in rows] == emails
    assert {"TotalRecipient", "TotalSent", "TotalRevenue"} <= rows[0].keys()
    assert shown["OpenStatistics"]["ByVariation"].keys() == {str(each) for each in emails}


@pytest.mark.parametrize(
    ("sent", "code", "text"),
    [
        ({}, 1, "Required parameter 'campaignid' is missing."),
        ({"campaignid": "abc"}, 2, "The 'campaignid' parameter must be numeric."),
        ({"CampaignID": "999999"}, 2, "Campaign not found."),
        ({"CampaignID": "999999", "FailOnNotFound": "true"}, 3, "Campaign not found."),
    ],
)
@pytest.mark.parametrize("spelled", ["Campaign.Get", "campaign.get"])
def test_a_campaign_that_is_not_there_is_told_with_a_message(wire, spelled, sent, code, text):
    assert wire(spelled, **sent) == {"Success": False, "ErrorCode": code, "ErrorMessage": text}


def test_a_client_may_ask_for_nothing_instead_of_a_failure(wire):
    answer = wire("campaign.get", CampaignID="999999", FailOnNotFound="false")

    assert answer == {"Success": True, "ErrorCode": 0, "Campaign": []}


# --- many ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def several(shared_db, organization):
    names = {State.DRAFT: "Alpha", State.SCHEDULED: "Beta", State.SENDING: "Gamma", State.PENDING_APPROVAL: "Delta"}
    with shared_db():
        return {name: campaign_in(state, organization, name=name) for state, name in names.items()}


def names(answer):
    return [row["CampaignName"] for row in answer["Campaigns"]]


def test_all_campaigns_come_by_name(wire, several):
    answer = wire("Campaigns.Get")

    assert names(answer) == ["Alpha", "Beta", "Delta", "Gamma"]
    assert (answer["ErrorText"], answer["TotalCampaigns"]) == ("", 4)
    assert set(ALWAYS) <= answer["Campaigns"][0].keys()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"CampaignStatus": "Draft"}, ["Alpha"]),
        ({"CampaignStatus": "ready"}, ["Beta"]),
        ({"CampaignStatus": "Scheduled"}, ["Beta"]),
        ({"CampaignStatus": "Pending"}, ["Delta"]),
        ({"CampaignStatus": "Pending Approval"}, ["Delta"]),
        ({"CampaignStatus": "PendingApproval"}, ["Delta"]),
        ({"CampaignStatus": "Active"}, []),
        ({"ScheduleType": "Future"}, ["Beta", "Delta"]),
        ({"ScheduleType": "Immediate,Not Scheduled"}, ["Alpha", "Gamma"]),
        ({"SearchKeyword": "ELT"}, ["Delta"]),
        ({"SearchKeyword": "%"}, []),
        ({"SearchKeyword": "Good morn"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"SearchKeyowrd": "x"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"Tags": "999999"}, []),
        ({"Date_From": "2001-01-01", "Date_To": "2001-12-31"}, []),
        ({"Date_From": "2001-01-01", "Date_To": "9999-12-31"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"Date_From": "yesterday"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"OrderType": "DESC"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"OrderField": "CampaignName", "OrderType": "DESC"}, ["Gamma", "Delta", "Beta", "Alpha"]),
        ({"OrderField": "CampaignID"}, ["Alpha", "Beta", "Gamma", "Delta"]),
        ({"OrderField": "x; DROP TABLE", "OrderType": "DESC"}, ["Alpha", "Beta", "Delta", "Gamma"]),
        ({"RecordsPerRequest": 2, "RecordsFrom": 1}, ["Beta", "Delta"]),
        ({"RecordsFrom": 3}, ["Gamma"]),
        ({"CountOnly": "true"}, []),
    ],
)
def test_campaigns_are_chosen_ordered_and_paged(wire, several, asked, expected):
    assert names(wire("campaigns.get", **asked)) == expected


@pytest.mark.parametrize(
    "order",
    [
        *("CampaignStatus", "Duration", "SentRate", "DeliveryRate", "FailureRate", "Velocity", "Schedule"),
        *("sort-by-status", "sort-by-send-date", "TotalSent", "TotalRecipients", "SendDate"),
    ],
)
def test_every_order_there_is_gives_all_campaigns(wire, several, order):
    for way in ("ASC", "DESC"):
        assert sorted(names(wire("campaigns.get", OrderField=order, OrderType=way))) == sorted(several)


def test_columns_and_statistics_can_be_left_out_but_never_the_number(wire, several):
    row = wire("campaigns.get", ExcludeColumns="CampaignID, SendDate", RetrieveStatistics="false")["Campaigns"][0]

    assert "CampaignID" in row
    assert not {"SendDate", "TotalSent", "OpenStatistics"} & row.keys()


def test_sums_and_the_state_of_setup(wire, sent, several):
    answer = wire("campaigns.get", IncludeTotalRecipients=1, RetrieveSetupMeta=1, RecordsPerRequest=2)
    row = answer["Campaigns"][0]

    assert answer["AggregateSums"]["TotalSent"] == 3
    assert (row["EmailSubject"], row["HasHTMLContent"], row["AudienceListCount"]) == ("Good morning", True, 1)
    assert row["HasAudience"] is True


def test_campaigns_of_others_are_not_among_them(several, charlie):
    assert Wire(key_of(charlie))("campaigns.get")["Campaigns"] == []


@pytest.mark.parametrize("size", [0, 50])
def test_what_many_campaigns_cost_does_not_grow_with_them(wire, organization, several, size):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as found:
            answer = wire("campaigns.get", RetrieveTags=1, RecordsPerRequest=size)
        return len(found), len(answer["Campaigns"])

    queries()  # the first call notes that the key was used
    few = queries()
    for _ in range(3):
        draft_campaign(organization)

    assert queries() == (few[0], few[1] + 3)


def test_counts_by_status_and_by_drawer(wire, several, sent):
    answer = wire("campaigns.counts")

    assert answer["Counts"] == {
        "Draft": 1,
        "Ready": 1,
        "Sending": 1,
        "Paused": 0,
        "Pending Approval": 1,
        "Sent": 1,
        "Failed": 0,
        "Total": 5,
    }
    assert answer["Buckets"] == {
        "Sent": 1,
        "Outbox": 1,
        "Draft": 1,
        "Scheduled": 1,
        "Paused": 0,
        "Pending Approval": 1,
        "Failed": 0,
        "Total": 5,
    }


# --- the reports beside them -----------------------------------------------------------------------------------------


def test_links_and_who_clicked_them(wire, sent):
    by_link = wire("campaign.linkclicks.get", CampaignID=sent.pk)
    by_people = wire("campaign.linkclicks.get", CampaignID=sent.pk, GroupBy="Subscribers")

    assert (by_link["GroupBy"], by_link["TotalRecords"], by_link["Links"][0]["TotalClicks"]) == ("Links", 1, 2)
    assert (by_people["TotalRecords"], by_people["Subscribers"][0]["TotalClicks"]) == (1, 2)


@pytest.mark.parametrize(
    ("activity", "people", "extra"),
    [
        ("open", 2, {}),
        ("Click", 1, {"ActivityCount": 2}),
        ("bounce", 1, {"BounceType": "Hard"}),
        ("unsubscription", 0, {}),
        ("forward", 0, {}),
        ("conversion", 0, {}),
    ],
)
def test_who_did_what(wire, sent, activity, people, extra):
    answer = wire("campaign.recipients.activity.get", CampaignID=sent.pk, Activity=activity)

    assert (answer["TotalRecords"], len(answer["Recipients"])) == (people, people)
    assert all(extra.items() <= row.items() for row in answer["Recipients"])


@pytest.mark.parametrize("command", ["linkclicks", "recipients.activity", "abtest"])
def test_reports_of_what_is_not_there(wire, sent, command):
    command = f"campaign.{command}.get"
    assert wire(command, CampaignID="x", Activity="open")["ErrorCode"] == 2
    assert wire(command, CampaignID="999999", Activity="open")["ErrorCode"] == 3


def test_an_activity_that_is_none_is_refused(wire, sent):
    assert wire("campaign.recipients.activity.get", CampaignID=sent.pk, Activity="sleep")["ErrorCode"] == 4


def test_how_variations_did(wire, organization):
    campaign = draft_campaign(organization)
    plain = wire("campaign.abtest.get", CampaignID=campaign.pk)["ABTest"]
    emails = [EmailFactory(organization=organization).pk for _ in range(2)]
    variations = {"Variations": [{"EmailID": each, "Weight": 1} for each in emails]}
    wire.json("campaign.update", CampaignID=campaign.pk, ABTesting=variations)
    tested = wire("campaign.abtest.get", CampaignID=campaign.pk)

    assert plain == {"IsABTest": False, "Variations": [], "Winner": None}
    assert [row["EmailID"] for row in tested["ABTest"]["Variations"]] == emails
    assert tested["ABTest"]["Variations"][0]["Revenue"] == "0.00"
    assert (tested["AutoResend"], tested["ParentCampaign"]) == (None, None)


# --- whom it would reach ----------------------------------------------------------------------------------------------


def test_whom_a_draft_would_reach(wire, organization):
    campaign = draft_campaign(organization)
    answer = wire("campaign.recipients.get", CampaignID=campaign.pk)

    assert answer["TotalRecipients"] == len(answer["Recipients"]) == 3
    assert answer["Recipients"][0].keys() == {"SubscriberID", "EmailAddress", "FirstName", "LastName"}
    assert Subscription.objects.get(pk=answer["Recipients"][0]["SubscriberID"])
    page = wire("campaign.recipients.get", CampaignID=campaign.pk, RecordsFrom=1, RecordsPerRequest=1)
    assert page["Recipients"] == answer["Recipients"][1:2]
    assert wire("campaign.recipients.get", CampaignID=campaign.pk, OnlyTotal="true")["Recipients"] == []


@pytest.mark.parametrize(("asked", "code"), [({}, 1), ({"CampaignID": "x"}, 2), ({"CampaignID": "999999"}, 3)])
def test_whom_nothing_would_reach(wire, asked, code):
    assert wire("campaign.recipients.get", **asked)["ErrorCode"] == code


def test_what_was_sent_is_asked_about_elsewhere(wire, sent):
    assert wire("campaign.recipients.get", CampaignID=sent.pk) == {
        "Success": False,
        "ErrorCode": 4,
        "ErrorMessage": "This endpoint only works for unsent campaigns",
        "CampaignStatus": "Sent",
    }


def test_a_draft_without_an_audience_has_no_criteria(wire):
    made = wire("campaign.create", CampaignName="x")["CampaignID"]

    assert wire("campaign.recipients.get", CampaignID=made)["ErrorCode"] == 5


# --- split tests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({}, [1, 2, 4, 5]),
        ({"TestSize": 20}, [1, 4, 5]),
        ({"CampaignID": 999999, "TestSize": 20, "TestDuration": 24, "Winner": "highest_open_rate"}, [6]),
        ({"CampaignID": 1, "TestSize": 101, "TestDuration": 24, "Winner": "highest_open_rate"}, [2]),
        ({"CampaignID": 1, "TestSize": 20, "TestDuration": 0, "Winner": "highest_open_rate"}, [4]),
        ({"CampaignID": 1, "TestSize": 20, "TestDuration": 24, "Winner": "best"}, [5]),
        ({"CampaignID": 1, "TestSize": 20, "TestDuration": "9" * 18, "Winner": "highest_open_rate"}, [4]),
    ],
)
def test_a_split_test_that_cannot_be_lists_its_codes(wire, sent, codes):
    assert wire("splittest.create", **sent) == {"Success": False, "ErrorCode": codes}


@pytest.mark.parametrize(("duration", "winner"), [("24", "highest_open_rate"), ("86400", "Highest Open Rate")])
def test_hours_and_seconds_and_both_spellings_mean_the_same(wire, organization, duration, winner):
    campaign = draft_campaign(organization)
    emails = [EmailFactory(organization=organization).pk for _ in range(2)]
    variations = {"Variations": [{"EmailID": each, "Weight": 1} for each in emails]}
    wire.json("campaign.update", CampaignID=campaign.pk, ABTesting=variations)
    made = wire("splittest.create", CampaignID=campaign.pk, TestSize=20, TestDuration=duration, Winner=winner)
    shown = wire("campaign.get", CampaignID=campaign.pk)["Campaign"]["SplitTest"]

    assert made["Success"] is True
    assert shown == {
        "SplitTestID": made["SplitTestID"],
        "TestSize": 20,
        "TestDuration": 86400,
        "Winner": "highest open rate",
        "Status": "Planned",
    }


def test_a_campaign_that_has_begun_takes_no_split_test(wire, organization):
    campaign = campaign_in(State.SENDING, organization)
    sent = {"TestSize": 20, "TestDuration": 24, "Winner": "most unique clicks"}

    assert wire("splittest.create", CampaignID=campaign.pk, **sent)["ErrorCode"] == [6]
    assert Campaign.objects.get(pk=campaign.pk).state == State.SENDING
