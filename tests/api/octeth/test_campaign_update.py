"""Campaign.Update: each code in its order, and what becomes of the campaign."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from api.octeth.vocabulary import status
from campaigns import recurring
from campaigns.models import Campaign, ScheduleType, State
from splittests.models import AutoResend
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import EmailFactory, MailingListFactory, SegmentFactory, campaign_in, draft_campaign

pytestmark = pytest.mark.usefixtures("desk")

OK = {"Success": True, "ErrorCode": 0}
FUTURE = {
    "ScheduleType": "Future",
    "SendDate": "2099-06-15",
    "SendTime": "10:00:00",
    "SendTimeZone": "America/New_York",
}
RECURSIVE = {
    "ScheduleType": "Recursive",
    "ScheduleRecDaysOfWeek": "1,3",
    "ScheduleRecDaysOfMonth": "",
    "ScheduleRecMonths": "0",
    "ScheduleRecHours": "9",
    "ScheduleRecMinutes": "0,30",
    "ScheduleRecSendMaxInstance": "0",
}


@pytest.fixture
def draft(organization, bob):
    return draft_campaign(organization)


@pytest.fixture
def update(wire, draft):
    """Update the draft, and see what it is afterwards."""

    def send(**changes):
        answer = wire("Campaign.Update", CampaignID=draft.pk, **changes)
        draft.refresh_from_db()
        return answer

    return send


def refused(code):
    return {"Success": False, "ErrorCode": code}


# --- codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "zone"), [("0001-01-01", "Asia/Tokyo"), ("9999-12-31", "America/New_York")])
def test_a_day_that_not_every_zones_clock_can_show_is_none(update, day, zone):
    assert update(ScheduleType="Future", SendDate=day, SendTime="00:00", SendTimeZone=zone) == refused(6)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"CampaignStatus": "Active"}, 3),
        ({"CampaignStatus": "Sent"}, 3),
        ({"RelEmailID": "999999"}, 4),
        ({"RelEmailID": "abc"}, 4),
        ({"ScheduleType": "Sometimes"}, 5),
        ({"ScheduleType": "Future"}, 6),
        ({"ScheduleType": "Future", "SendDate": "0000-00-00"}, 6),
        ({"ScheduleType": "Future", "SendDate": "2099-02-30"}, 6),
        ({"ScheduleType": "Future", "SendDate": "2099-06-15"}, 7),
        ({"ScheduleType": "Future", "SendDate": "2099-06-15", "SendTime": "25:00"}, 7),
        ({**FUTURE, "SendTimeZone": "Mars"}, 13),
        ({**RECURSIVE, "SendTimeZone": "Mars"}, 13),
        ({"AutoResendEnabled": "true"}, 14),
        ({"AutoResendEnabled": "true", "AutoResendWaitDays": "x"}, 14),
        ({"AutoResendEnabled": "true", "AutoResendWaitDays": "2"}, 15),
        ({"AutoResendEnabled": "true", "AutoResendWaitDays": "2", "AutoResendSubject": "Again"}, 16),
        (
            {
                "AutoResendEnabled": "1",
                "AutoResendWaitDays": 2,
                "AutoResendSubject": "Again",
                "AutoResendPreHeaderText": "x",
            }
            | RECURSIVE,
            26,
        ),
        ({"ABTesting": "x"}, 17),
        ({"ABTesting": '{"Variations":"x"}'}, 18),
        ({"ABTesting": "{}", "RelEmailID": "999999"}, 4),
    ],
)
def test_what_is_wrong_is_told_by_its_number_and_changes_nothing(update, draft, sent, code):
    before = Campaign.objects.values().get(pk=draft.pk)

    assert update(CampaignName="Changed", **sent) == refused(code)
    assert Campaign.objects.values().get(pk=draft.pk) == before


def test_a_recurrence_lists_what_is_missing_one_after_the_other(update):
    sent = {"ScheduleType": "Recursive"}
    steps = [
        ("ScheduleRecDaysOfWeek", 8),
        ("ScheduleRecMonths", 9),
        ("ScheduleRecHours", 10),
        ("ScheduleRecMinutes", 11),
        ("ScheduleRecSendMaxInstance", 12),
    ]
    for name, code in steps:
        assert update(**sent) == refused(code)
        sent[name] = RECURSIVE[name]
    assert update(**sent) == OK


@pytest.mark.parametrize(
    ("name", "wrong", "code"),
    [
        ("ScheduleRecDaysOfWeek", "9", 8),
        ("ScheduleRecDaysOfMonth", "32", 8),
        ("ScheduleRecMonths", "13", 9),
        ("ScheduleRecHours", "24", 10),
        ("ScheduleRecMinutes", "60", 11),
        ("ScheduleRecSendMaxInstance", "x", 12),
    ],
)
def test_numbers_no_calendar_has_are_as_missing(update, name, wrong, code):
    assert update(**{**RECURSIVE, name: wrong}) == refused(code)


@pytest.mark.parametrize(
    ("variations", "code"),
    [
        ([(1, 1)], 21),
        ([(1, 1)] * 6, 22),
        ([(1, None), (1, 1)], 23),
        ([(1, 0), (1, 1)], 24),
        ([(0, 1), (1, 1)], 24),
        ([("x", 1), (1, 1)], 24),
        ([(999999, 1), (1, 1)], 19),
    ],
)
def test_variations_that_cannot_be_are_told_by_their_number(update, organization, variations, code):
    email = EmailFactory(organization=organization)
    rows = [
        {"EmailID": email.pk if found == 1 else found} | ({"Weight": weight} if weight is not None else {})
        for found, weight in variations
    ]

    assert update(ABTesting=json.dumps({"Variations": rows})) == refused(code)


def test_a_share_below_one_in_a_hundred_is_refused(update, organization):
    emails = [EmailFactory(organization=organization) for _ in range(2)]
    rows = [{"EmailID": email.pk, "Weight": weight} for email, weight in zip(emails, (1, 1000), strict=True)]

    assert update(ABTesting=json.dumps({"Variations": rows})) == refused(25)


def test_an_email_of_somebody_else_is_no_email(update, charlie, draft):
    theirs = EmailFactory(organization=charlie.memberships.get().organization)
    rows = json.dumps({"Variations": [{"EmailID": theirs.pk, "Weight": 1}] * 2})

    assert update(RelEmailID=theirs.pk) == refused(4)
    assert update(ABTesting=rows) == refused(19)


def test_a_time_in_the_past_is_refused_where_the_setting_says_so(update, settings):
    past = {**FUTURE, "SendDate": "2025-06-15"}

    assert update(**past) == OK
    settings.OCTETH_REFUSE_PAST_TIMES = True
    assert update(**past) == refused(27)


# --- what is written ---------------------------------------------------------------------------------------------


def test_a_schedule_waits_in_the_draft_for_the_status(update, draft):
    assert update(**FUTURE) == OK
    assert (draft.state, draft.schedule_type, draft.schedule_tz) == (State.DRAFT, "future", "America/New_York")
    assert draft.scheduled_at == datetime(2099, 6, 15, 14, tzinfo=UTC)

    assert update(CampaignStatus="Ready") == OK
    assert draft.state == State.SCHEDULED


def test_everything_at_once_schedules_the_campaign(update, draft):
    assert update(CampaignName="Summer Sale", CampaignStatus="Ready", **FUTURE) == OK
    assert (draft.name, draft.state, status(draft)) == ("Summer Sale", State.SCHEDULED, "Ready")


def test_an_old_label_of_a_zone_is_understood_and_said_again(update, wire, draft):
    update(**{**FUTURE, "SendTimeZone": "(GMT-03:00) Brasilia"})

    assert draft.schedule_tz == "America/Sao_Paulo"
    assert wire("campaign.get", CampaignID=draft.pk)["Campaign"]["SendTimeZone"] == "(GMT-03:00) Brasilia"


def test_a_recurrence_is_kept_and_scheduled(update, wire, draft):
    assert update(CampaignStatus="Ready", SendTimeZone="Europe/Berlin", **RECURSIVE) == OK
    assert (draft.state, draft.schedule_type) == (State.SCHEDULED, ScheduleType.RECURSIVE)
    kept = recurring.of(draft)
    assert (kept.days_of_week, kept.months, kept.hours, kept.minutes) == ((1, 3), (), (9,), (0, 30))
    shown = wire("campaign.get", CampaignID=draft.pk)["Campaign"]
    assert shown["ScheduleType"] == "Recursive"
    assert (shown["ScheduleRecDaysOfWeek"], shown["ScheduleRecMonths"]) == ("1,3", "0")
    assert shown["ScheduleRecSentInstances"] == 0


def test_zero_among_the_days_means_every_day(update, draft):
    update(**{**RECURSIVE, "ScheduleRecDaysOfWeek": "0", "ScheduleRecDaysOfMonth": "1"})

    assert (recurring.of(draft).days_of_week, recurring.of(draft).days_of_month) == ((), ())


def test_immediate_starts_only_with_the_status(update, draft):
    assert update(ScheduleType="Immediate") == OK
    assert draft.state == State.DRAFT
    assert update(CampaignStatus="Ready") == OK
    assert (draft.state, draft.schedule_type) == (State.SCHEDULED, ScheduleType.IMMEDIATE)


@pytest.mark.parametrize("form", ["brackets", "object", "text"])
def test_variations_come_in_three_forms_and_are_stored_alike(wire, organization, draft, form):
    emails = [EmailFactory(organization=organization) for _ in range(2)]
    rows = [{"EmailID": email.pk, "Weight": weight} for email, weight in zip(emails, (1, 3), strict=True)]
    match form:
        case "brackets":
            sent = {
                f"ABTesting[Variations][{at}][{name}]": value
                for at, row in enumerate(rows)
                for name, value in row.items()
            }
            answer = wire("Campaign.Update", CampaignID=draft.pk, **sent)
        case "object":
            answer = wire.json("campaign.update", CampaignID=draft.pk, ABTesting={"Variations": rows})
        case _:
            answer = wire("Campaign.Update", CampaignID=draft.pk, ABTesting=json.dumps({"variations": rows}))
    shown = wire("campaign.get", CampaignID=draft.pk)["Campaign"]

    assert answer == OK
    assert shown["RelEmailID"] == 0
    assert shown["Options"]["ABTesting"]["Variations"] == [
        {"EmailID": emails[0].pk, "Weight": 1, "Distribution": 25},
        {"EmailID": emails[1].pk, "Weight": 3, "Distribution": 75},
    ]


def test_an_empty_value_takes_the_variations_away(update, organization, draft):
    emails = [EmailFactory(organization=organization) for _ in range(2)]
    update(ABTesting=json.dumps({"Variations": [{"EmailID": each.pk, "Weight": 1} for each in emails]}))

    assert update(ABTesting="", RelEmailID=emails[1].pk) == OK
    assert [each.email for each in draft.variants.all()] == [emails[1]]


def test_the_audience_is_replaced_and_exclusions_stand_beside_it(update, organization, draft):
    first, second = (MailingListFactory(organization=organization) for _ in range(2))
    segment = SegmentFactory(organization=organization)

    update(
        RecipientListsAndSegments=f"{first.pk}:{segment.pk}, {second.pk}:0", Exclude_RecipientListsAndSegments=first.pk
    )
    parts = {(part.mailing_list, part.segment, part.excluded) for part in draft.audience.all()}
    assert parts == {(first, segment, False), (second, None, False), (first, None, True)}

    update(RecipientListsAndSegments=str(second.pk), Exclude_RecipientListsAndSegments="")
    assert {(part.mailing_list, part.excluded) for part in draft.audience.all()} == {(second, False)}


def test_lists_of_somebody_else_and_segments_that_are_gone_mean_nobody(update, organization, draft, charlie):
    theirs = MailingListFactory(organization=charlie.memberships.get().organization)
    mine = MailingListFactory(organization=organization)

    update(RecipientListsAndSegments=f"{theirs.pk}:0,{mine.pk}:999999,{mine.pk}")

    assert [(part.mailing_list, part.segment) for part in draft.audience.all()] == [(mine, None)]


def test_a_bundle_stands_above_the_lists_and_is_said_again_as_it_was_written(update, wire, organization, draft):
    mine = MailingListFactory(organization=organization)
    text = json.dumps({"operator": "or", "criteria": [{"list_id": mine.pk, "operator": "and", "rules": []}]})

    assert update(RulesJsonBundle=text, RecipientListsAndSegments="1:0") == OK
    assert update(RulesJsonBundle=text) == OK
    shown = wire("campaign.get", CampaignID=draft.pk)["Campaign"]
    assert (shown["RulesJsonBundle"], shown["RecipientSegments"]) == (text, [])


def test_a_bundle_that_cannot_be_read_is_kept_and_means_nobody(update, wire, draft):
    assert update(RulesJsonBundle="{broken") == OK
    answer = wire("campaign.recipients.get", CampaignID=draft.pk)
    assert answer["ErrorCode"] == 5
    assert wire("campaign.get", CampaignID=draft.pk)["Campaign"]["RulesJsonBundle"] == "{broken"


def test_a_resend_is_planned_kept_and_called_off(update, wire, draft):
    plan = {"AutoResendEnabled": "true", "AutoResendWaitDays": "2", "AutoResendSubject": "Once more"}

    assert update(**plan, AutoResendPreHeaderText="In case you missed it") == OK
    shown = wire("campaign.get", CampaignID=draft.pk)["Campaign"]
    assert (shown["AutoResendEnabled"], shown["AutoResendWaitDays"], shown["AutoResendSubject"]) == (
        True,
        2,
        "Once more",
    )
    assert wire("campaign.abtest.get", CampaignID=draft.pk)["AutoResend"]["Status"] == "scheduled"
    assert update(**RECURSIVE) == refused(26)
    assert update(AutoResendEnabled="false") == OK
    assert wire("campaign.get", CampaignID=draft.pk)["Campaign"]["AutoResendEnabled"] is False


def test_a_resend_needs_no_preheader_where_the_setting_says_so(update, settings):
    settings.OCTETH_PREHEADER_REQUIRED = False

    assert update(AutoResendEnabled="true", AutoResendWaitDays="2", AutoResendSubject="Once more") == OK


def test_what_happens_to_links_and_archive_is_kept(update, wire, draft):
    update(S2SEnabled="true", PublishOnRSS="Enabled", GoogleAnalyticsDomains="example.com")
    shown = wire("campaign.get", CampaignID=draft.pk)["Campaign"]

    assert (draft.tracks_conversions, draft.is_public) == (True, True)
    assert (shown["S2SEnabled"], shown["PublishOnRSS"]) == (True, "Enabled")
    assert shown["GoogleAnalyticsDomains"] == "example.com"
    assert draft.analytics_domains == "example.com"
    assert update(GoogleAnalyticsDomains="https://example.com/shop", S2SEnabled="false") == refused(3)
    assert (draft.analytics_domains, draft.tracks_conversions) == ("example.com", True)
    update(GoogleAnalyticsDomains="")
    assert wire("campaign.get", CampaignID=draft.pk)["Campaign"]["GoogleAnalyticsDomains"] == ""


# --- who may, and when -------------------------------------------------------------------------------------------


def test_who_is_not_trusted_waits_for_an_approver_and_is_told_of_success(dora, organization):
    campaign = draft_campaign(organization)

    assert Wire(key_of(dora))("campaign.update", CampaignID=campaign.pk, CampaignStatus="Ready", **FUTURE) == OK
    campaign.refresh_from_db()
    assert status(campaign) == "Pending Approval"


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.FAILED])
def test_what_goes_out_keeps_content_audience_and_schedule(wire, organization, state):
    campaign = campaign_in(state, organization)
    other = MailingListFactory(organization=organization)

    assert wire("campaign.update", CampaignID=campaign.pk, RecipientListsAndSegments=other.pk) == refused(3)
    assert wire("campaign.update", CampaignID=campaign.pk, **FUTURE) == refused(3)
    same = campaign.audience.get().mailing_list_id
    assert (
        wire("campaign.update", CampaignID=campaign.pk, RecipientListsAndSegments=f"{same}:0", CampaignName="New") == OK
    )


def test_a_scheduled_campaign_is_moved(wire, organization):
    campaign = campaign_in(State.SCHEDULED, organization)

    assert wire("campaign.update", CampaignID=campaign.pk, SendDate="2099-01-01", SendTime="08:00") == OK
    campaign.refresh_from_db()
    assert campaign.scheduled_at == datetime(2099, 1, 1, 8, tzinfo=UTC)
    assert wire("campaign.update", CampaignID=campaign.pk, CampaignStatus="Draft") == OK
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_ready_without_content_or_audience_is_only_called_ready(wire):
    made = wire("campaign.create", CampaignName="Empty")["CampaignID"]

    assert wire("campaign.update", CampaignID=made, ScheduleType="Immediate", CampaignStatus="Ready") == OK
    campaign = Campaign.objects.get(pk=made)
    assert (campaign.state, status(campaign)) == (State.DRAFT, "Ready")


def test_sending_starts_at_once_what_may_go_out(update, draft):
    assert update(CampaignStatus="Sending") == OK
    assert status(draft) == "Sending"
    assert draft.started_at - now() < timedelta(minutes=1)


# --- as real clients send it ---------------------------------------------------------------------------------------


def test_a_client_that_sends_every_parameter_mostly_empty(wire, organization):
    made = wire("Campaign.Create", CampaignName="Summer")["CampaignID"]
    lists = [MailingListFactory(organization=organization).pk for _ in range(2)]
    email = EmailFactory(organization=organization)
    both = ",".join(f"{each}:0" for each in lists)
    sent = {
        "CampaignName": "Summer",
        "GoogleAnalyticsDomains": "",
        "PublishOnRSS": "Disabled",
        "RecipientListsAndSegments": both,
        "Recipients": both,
        "RelEmailID": email.pk,
        **dict.fromkeys(
            ("ScheduleRecDaysOfMonth", "ScheduleRecDaysOfWeek", "ScheduleRecHours", "ScheduleRecMinutes"), ""
        ),
        "ScheduleRecMonths": "",
        "ScheduleRecSendMaxInstance": "0",
        "ScheduleType": "Not Scheduled",
        **dict.fromkeys(("SendDate", "SendDateAndTime", "SendTime"), ""),
        "SendTimeZone": "(GMT-03:00) Brasilia",
    }
    wire.client.cookies["PHPSESSID"] = "0"

    assert wire("Campaign.Update", CampaignID=made, **sent) == OK
    campaign = Campaign.objects.get(pk=made)
    assert (status(campaign), campaign.audience.count(), campaign.variants.get().email) == ("Draft", 2, email)


def test_a_client_that_sends_command_and_format_twice_in_the_address(wire, organization):
    made = wire("Campaign.Create", CampaignName="Summer")["CampaignID"]
    email, mailing_list = EmailFactory(organization=organization), MailingListFactory(organization=organization)
    query = (
        "Command=Campaign.Update&ResponseFormat=JSONCommand=Campaign.Update&ResponseFormat=JSON"
        f"&CampaignID={made}&RelEmailID={email.pk}&RecipientListsAndSegments={mailing_list.pk}:0&ScheduleType=Immediate"
        f"&ApiKey={wire.key}"
    )

    assert wire.client.get(f"/api.php?{query}").json() == OK
    assert Campaign.objects.get(pk=made).state == State.DRAFT


def shown(wire, campaign):
    return wire("campaign.get", CampaignID=campaign.pk)["Campaign"]


def test_why_a_status_was_written_is_told_again(wire, update, draft, organization):
    update(CampaignStatus="Ready", CampaignStatusReason="Looked\nat twice")
    sending = campaign_in(State.SENDING, organization)
    wire("campaign.update", CampaignID=sending.pk, CampaignStatus="Paused", CampaignStatusReason="Out of stock")

    assert shown(wire, draft)["CampaignStatusReason"] == "Looked at twice"
    assert shown(wire, sending)["CampaignStatusReason"] == "Out of stock"
    wire("campaign.resume", CampaignID=sending.pk)
    assert shown(wire, sending)["CampaignStatusReason"] == ""


def test_a_resend_of_a_campaign_that_is_the_callers_says_so(wire, update, draft, organization):
    original = draft_campaign(organization)
    update(OriginalCampaignID=str(original.pk))
    assert shown(wire, draft)["OriginalCampaignID"] == original.pk
    for unknown in ("abc", "999999"):
        assert update(OriginalCampaignID=unknown) == OK
        assert shown(wire, draft)["OriginalCampaignID"] == original.pk


@pytest.fixture
def resent(organization):
    """A campaign that went out once more, and what went out."""
    original, child = campaign_in(State.SENT, organization, name="First"), draft_campaign(organization, name="Again")
    Campaign.objects.filter(pk=child.pk).update(original=original)
    planned = {"enabled": True, "wait_days": 3, "subject": "Again"}
    AutoResend.objects.create(campaign=original, child=child, made_at=now(), **planned)
    return original, child


def test_a_campaign_and_its_resend_name_each_other(wire, resent):
    original, child = resent
    names = [
        [each["CampaignName"] for each in wire("campaigns.get", **asked)["Campaigns"]]
        for asked in ({}, {"Include_AutoResend": "1"})
    ]

    assert names == [["First"], ["Again", "First"]]
    assert shown(wire, original)["AutoResendCampaign"]["CampaignID"] == child.pk
    assert "ParentCampaign" not in shown(wire, original)
    assert shown(wire, child)["ParentCampaign"]["CampaignID"] == original.pk
    assert shown(wire, child)["OriginalCampaignID"] == original.pk
    assert wire("campaign.abtest.get", CampaignID=original.pk)["AutoResend"]["Status"] == "completed"
    assert wire("campaigns.delete", Campaigns=original.pk)["Success"] is True
    assert not Campaign.objects.kept().exists()


def test_what_is_fixed_may_be_sent_again_as_it_is(wire, resent):
    original, _ = resent
    part = original.audience.get()
    same = {
        "RelEmailID": original.variants.get().email_id,
        "RecipientListsAndSegments": f"{part.mailing_list_id}:0",
        "ScheduleType": "Immediate",
        "CampaignStatus": "Sent",
    }
    plan = {"AutoResendEnabled": "1", "AutoResendWaitDays": 3, "AutoResendSubject": "Again"}
    AutoResend.objects.update(preheader="x")

    assert wire("campaign.update", CampaignID=original.pk, AutoResendPreHeaderText="x", **plan, **same) == OK
    assert wire("campaign.update", CampaignID=original.pk, AutoResendPreHeaderText="y", **plan) == refused(3)
    cancelled = campaign_in(State.CANCELLED, original.organization)
    assert wire("campaign.update", CampaignID=cancelled.pk, AutoResendEnabled="false") == OK
    assert AutoResend.objects.count() == 1
