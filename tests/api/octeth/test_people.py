"""Lists, custom fields, subscribers, their tags, imports and suppressions through Octeth's commands."""

import json

import pytest
from django.core.cache import cache

from audience.models import CustomField, MailingList, Subscriber, Subscription, Suppression
from tests.api.octeth.conftest import Wire, key_of, read
from tests.factories import MailingListFactory, SubscriptionFactory, campaign_in, staff

pytestmark = pytest.mark.usefixtures("desk")

OK = {"Success": True, "ErrorCode": 0}
JOINED = {"SubscriptionDate": "2026-01-02 03:04:05", "SubscriptionIP": "192.0.2.1"}


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def news(wire):
    return wire("List.Create", SubscriberListName="News")["ListID"]


@pytest.fixture
def field(wire, news):
    sent = {"FieldName": "First name", "FieldType": "Single line", "MergeTagAlias": "FirstName"}
    return wire("CustomField.Create", SubscriberListID=news, **sent)["CustomFieldID"]


@pytest.fixture
def ann(wire, news, field):
    sent = {"EmailAddress": "Ann@Example.com", "Status": "Subscribed", **JOINED}
    answer = wire.json("subscriber.create", ListID=news, CustomFields={str(field): "Ann"}, **sent)
    return answer["SubscriberInformation"]["SubscriberID"]


# --- lists ---------------------------------------------------------------------------------------------------------


def test_a_list_is_made_read_changed_and_deleted(wire, news):
    changed = wire("list.update", SubscriberListID=news, Name="Daily", OptInMode="Double", OptOutScope="All lists")
    shown = wire("list.get", ListID=news, GetStats="true")["List"]

    assert changed["ErrorText"] == ""
    assert (shown["Name"], shown["ListName"], shown["OptInMode"]) == ("Daily", "Daily", "Double")
    assert (shown["SubscriberCount"], shown["OptOutScope"]) == (0, "All lists")
    assert wire("lists.delete", Lists=f"{news},999999") == {**OK, "ErrorText": ""}
    assert not MailingList.objects.exists()


def test_lists_are_chosen_ordered_and_paged(wire, organization):
    for name in ("Beta", "Alpha", "Gamma"):
        MailingListFactory(organization=organization, name=name)

    def names(**asked):
        return [each["Name"] for each in wire("Lists.Get", **asked)["Lists"]]

    assert names() == ["Beta", "Alpha", "Gamma"]
    assert names(OrderField="Name", OrderType="DESC") == ["Gamma", "Beta", "Alpha"]
    assert names(OrderField="Name", RecordsPerRequest=1, RecordsFrom=1) == ["Beta"]
    assert names(Search="alp") == ["Alpha"]
    assert names(Archived="true") == []
    assert wire("Lists.Get", RecordsPerRequest=1)["TotalListCount"] == 3


@pytest.mark.parametrize(
    ("command", "sent", "code"),
    [
        ("list.create", {}, [1]),
        ("list.create", {"SubscriberListName": "x", "OptInMode": "Triple"}, [20]),
        ("list.get", {}, [1]),
        ("List.Get", {}, {"listid": 1}),
        ("list.update", {}, [1]),
        ("list.update", {"SubscriberListID": 999999}, [2]),
        ("lists.delete", {}, [1]),
        ("Lists.Delete", {}, {"lists": 1}),
        ("customfields.get", {}, [1]),
        ("CustomFields.Get", {}, 1),
        ("customfields.delete", {}, [1]),
        ("CustomFields.Delete", {}, {"customfields": 1}),
        ("subscribers.get", {}, 1),
        ("subscribers.get", {"SubscriberListID": 1}, 2),
        ("subscribers.get", {"SubscriberListID": 999999, "SubscriberSegment": "Active"}, 3),
        ("subscriber.get", {}, [1]),
        ("subscriber.get", {"SubscriberID": 1}, [2]),
        ("subscriber.update", {}, 1),
        ("subscriber.update", {"SubscriberID": 1}, 2),
        ("subscriber.update", {"SubscriberID": 1, "SubscriberListID": 999999}, 5),
        ("subscribers.search", {}, [1]),
        ("subscribers.delete", {}, 2),
        ("subscriber.tag", {}, 1),
        ("subscriber.tag", {"TagID": 1}, 2),
        ("subscriber.exists", {}, 1),
        ("segments.get", {}, [1]),
        ("segments.delete", {}, [1]),
        ("Segments.Delete", {}, {"segments": 1}),
        ("segment.create", {}, [1, 2, 3]),
        ("suppression.import", {}, [1, 2]),
        ("suppression.import", {"EmailAddresses": "x"}, [2]),
        ("suppression.import", {"EmailAddressesBulk": "a@b.example", "SuppressionSource": "Me"}, [3]),
        ("suppression.import", {"EmailAddressesBulk": "a@b.example", "ListID": 999999}, [4]),
        ("suppression.delete", {}, [1]),
        ("suppression.delete", {"EmailAddress": "nobody@example.com"}, [2]),
        ("suppression.browse", {"SuppressionSource": "Me"}, [1]),
        ("personalization.gettags", {}, [1, 2]),
        ("email.personalizationtags", {}, [1]),
        ("email.personalizationtags", {"Scope": "Subscriber"}, [2]),
        ("subscribers.import", {"ImportType": "MySQL"}, [17]),
        ("subscribers.import", {"ImportType": "Copy"}, [2]),
        ("email.update", {}, [1, 9]),
        ("email.update", {"EmailID": 999999, "ValidateScope": "Campaign"}, [3]),
        ("email.get", {}, [1]),
        ("email.get", {"EmailID": 999999}, [2]),
        ("email.delete", {}, [1]),
        ("email.emailpreview", {}, [1, 2]),
        ("emails.get", {"EmailIDs": "x"}, [1]),
    ],
)
def test_what_is_missing_or_not_there_is_told_by_its_number(wire, command, sent, code):
    answer = wire(command, **sent)

    assert (answer["Success"], answer["ErrorCode"]) == (False, code)


def test_a_list_that_a_campaign_needs_is_kept(wire, organization):
    campaign = campaign_in("scheduled", organization)
    answer = wire("lists.delete", Lists=campaign.audience.get().mailing_list_id)

    assert answer["Success"] is False
    assert MailingList.objects.count() == 1


# --- custom fields -------------------------------------------------------------------------------------------------


def test_a_field_is_known_by_its_alias_in_mails_and_its_number_is_text(wire, news, field):
    shown = wire("CustomFields.Get", SubscriberListID=news)["CustomFields"]

    assert CustomField.objects.get(pk=field).key == "first_name"
    assert (shown[0]["CustomFieldID"], shown[0]["MergeTagAlias"]) == (str(field), "FirstName")
    assert (shown[0]["IsGlobal"], shown[0]["FieldType"]) == ("No", "Single line")


def test_a_field_with_options(wire, news):
    sent = {"FieldName": "Colour", "FieldType": "Drop down", "OptionLabel[0]": "Red", "OptionLabel[1]": "Blue"}
    made = wire("customfield.create", SubscriberListID=news, IsGlobal="Yes", **sent)["CustomFieldID"]
    shown = wire("customfields.get", SubscriberListID=news, ReturnGlobalCustomFields="true")["CustomFields"]

    assert CustomField.objects.get(pk=made).choices == ["Red", "Blue"]
    assert (shown[0]["FieldOptions"], shown[0]["IsGlobal"]) == ("[[Red]||[Red]],,,[[Blue]||[Blue]]", "Yes")


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({}, [2, 3]),
        ({"FieldName": "x", "FieldType": "Strange"}, [3]),
        ({"FieldName": "x", "FieldType": "Single line", "DataType": "strange"}, [7]),
        ({"FieldName": "x", "FieldType": "Single line", "MergeTagAlias": "FirstName"}, [1000]),
        ({"FieldName": "x", "FieldType": "Single line", "MergeTagAlias": "First-Name"}, [1001]),
        ({"FieldName": "x", "FieldType": "Single line", "MergeTagAlias": "EmailAddress"}, [1002]),
        ({"PresetName": "Gender"}, [5]),
    ],
)
def test_a_field_that_cannot_be(wire, news, field, sent, codes):
    assert wire("customfield.create", SubscriberListID=news, **sent)["ErrorCode"] == codes


def test_a_field_is_renamed_and_deleted(wire, news, field):
    sent = {"FieldName": "Given name", "FieldType": "Single line"}

    assert wire("customfield.update", CustomFieldID=field, **sent)["Success"] is True
    assert wire("customfield.update", CustomFieldID=999999, **sent)["ErrorCode"] == [6]
    assert wire("customfields.delete", CustomFields=field)["Success"] is True
    assert not CustomField.objects.exists()


# --- subscribers ---------------------------------------------------------------------------------------------------


def test_a_subscriber_is_created_with_the_evidence(wire, news, field, ann):
    row = Subscription.objects.get(pk=ann)
    shown = wire("subscriber.get", ListID=news, EmailAddress="ann@example.com")["SubscriberInformation"]

    assert (row.subscriber.email, row.ip_address, row.fields) == ("ann@example.com", "192.0.2.1", {"first_name": "Ann"})
    assert shown["SubscriptionDate"] == "2026-01-02 03:04:05"
    assert shown[f"CustomField{field}"] == "Ann"
    assert (shown["SubscriptionStatus"], shown["BounceType"]) == ("Subscribed", "Not Bounced")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ListID": "", "EmailAddress": ""}, 1),
        ({"EmailAddress": ""}, 2),
        ({"EmailAddress": "nobody"}, 3),
        ({"ListID": 999999}, 4),
        ({"BounceType": "Flat"}, 5),
        ({"Status": "Asleep"}, 6),
        ({"SubscriptionDate": "yesterday"}, 7),
        ({"SubscriptionDate": ""}, 8),
        ({"SubscriptionIP": ""}, 9),
        ({"SubscriptionIP": "here"}, 10),
        ({"Status": "Unsubscribed"}, 11),
        ({"EmailAddress": "ann@example.com"}, 20),
    ],
)
def test_a_subscriber_that_cannot_be_created(wire, news, ann, changes, code):
    answer = wire("subscriber.create", **{"ListID": news, "EmailAddress": "bea@example.com", **JOINED, **changes})

    assert answer["ErrorCode"] == code
    assert answer["Errors"][0]["Code"] == code
    assert Subscriber.objects.count() == 1


def test_the_rest_of_v1_hears_of_it_by_a_status(wire, news):
    assert wire.v1("subscriber.create", ListID=news).status_code == 200
    assert wire.v1("subscribers.import").status_code == 422


def test_a_subscriber_is_changed(wire, news, field, ann):
    sent = {f"Fields[CustomField{field}]": "Anna", "EmailAddress": "anna@example.com"}

    assert wire("Subscriber.Update", SubscriberID=ann, SubscriberListID=news, **sent)["Success"] is True
    row = Subscription.objects.select_related("subscriber").get(pk=ann)
    assert (row.subscriber.email, row.fields) == ("anna@example.com", {"first_name": "Anna"})
    wire("Subscriber.Update", SubscriberID=ann, SubscriberListID=news, SubscriptionStatus="Unsubscribed")
    row.refresh_from_db()
    assert row.status == "unsubscribed"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"EmailAddress": "nobody"}, 4),
        ({"EmailAddress": ""}, 3),
        ({"EmailAddress": "bea@example.com"}, 7),
        ({"Fields[CustomField999999]": "x"}, 11),
    ],
)
def test_a_change_that_cannot_be(wire, organization, news, ann, sent, code):
    SubscriptionFactory(
        mailing_list_id=news, subscriber__organization=organization, subscriber__email="bea@example.com"
    )

    assert wire("subscriber.update", SubscriberID=ann, SubscriberListID=news, **sent)["ErrorCode"] == code


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("Active", ["ann@example.com"]),
        ("Unsubscribed", ["cid@example.com"]),
        ("Hard bounced", ["dan@example.com"]),
        ("Suppressed", ["ann@example.com"]),
        ("Soft bounced", []),
        ("Opt-in pending", []),
        ("999999", []),
    ],
)
def test_subscribers_by_what_they_are(wire, news, ann, segment, expected):
    mailing_list = MailingList.objects.get(pk=news)
    for name, status in (("cid", "unsubscribed"), ("dan", "bounced")):
        SubscriptionFactory(
            mailing_list=mailing_list,
            subscriber__email=f"{name}@example.com",
            status=status,
            unsubscribed_at="2026-01-01T00:00Z",
        )
    wire("suppression.import", EmailAddressesBulk="ann@example.com")
    answer = wire("Subscribers.Get", SubscriberListID=news, SubscriberSegment=segment)

    assert [each["EmailAddress"] for each in answer["Subscribers"]] == expected
    assert answer["TotalSubscribers"] == len(expected)


def test_subscribers_by_a_word_in_a_field(wire, news, field, ann):
    asked = {"SubscriberListID": news, "SubscriberSegment": "Active"}

    def found(**search):
        return wire("subscribers.get", **asked, **search)

    assert found(SearchField=f"CustomField{field}", SearchKeyword="nn")["TotalSubscribers"] == 1
    assert found(SearchField="EmailAddress", SearchKeyword="bea")["TotalSubscribers"] == 0
    assert found(SearchField="Shoe size", SearchKeyword="x")["ErrorCode"] == 4
    assert found(SearchField="", SearchKeyword="", RecordsPerRequest="")["TotalSubscribers"] == 1


def test_subscribers_by_rules(wire, news, ann):
    rules = json.dumps([[{"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "ann"}]])

    found = wire("subscribers.search", ListID=news, Operator="and", RulesJSON=rules)
    assert (found["TotalSubscribers"], found["Subscribers"][0]["SubscriberID"]) == (1, ann)
    assert wire("subscribers.search", ListID=news, Operator="and", RulesJSON="{")["ErrorCode"] == [6]
    assert wire("subscribers.search", ListID=news, Operator="neither")["ErrorCode"] == [2]
    assert wire("subscribers.delete", SubscriberListID=news, RulesJSON=rules)["Success"] is True
    assert not Subscription.objects.exists()


def test_subscribers_are_taken_off_the_list_by_number(wire, news, ann):
    assert wire("subscribers.delete", SubscriberListID=news, Subscribers="x")["ErrorCode"] == 8
    assert wire("Subscribers.Delete", SubscriberListID=news, Subscribers=str(ann))["Success"] is True
    assert (Subscription.objects.count(), Subscriber.objects.count()) == (0, 1)


def test_words_on_subscribers(wire, news, ann):
    tag = wire("subscriber.tags.create", ListID=news, TagName="vip")["TagID"]

    assert wire("subscriber.tags.create", ListID=news, TagName="vip")["ErrorCode"] == 5
    assert wire("subscriber.tag", SubscriberListID=news, TagID=tag, SubscriberID=ann) == OK
    assert wire("subscriber.tags.get", SubscriberListID=news)["Tags"] == [
        {"TagID": tag, "TagName": "vip", "SubscriberCount": 1}
    ]
    assert wire("subscriber.get", ListID=news, SubscriberID=ann)["SubscriberTags"] == [{"TagID": tag, "TagName": "vip"}]
    assert wire("subscriber.untag", SubscriberListID=news, TagID=tag, SubscriberID=ann) == OK
    assert wire("subscriber.tags.update", ListID=news, TagID=tag, TagName="gold") == OK
    assert wire("subscriber.tags.delete", ListID=news, TagID=tag) == OK


# --- strangers -----------------------------------------------------------------------------------------------------


def test_a_stranger_subscribes_and_leaves(anybody, news):
    joined = anybody("Subscriber.Subscribe", ListID=news, EmailAddress="bea@example.com", IPAddress="", SessionID="0")

    assert joined["Subscriber"]["SubscriptionStatus"] == "Subscribed"
    assert anybody("subscriber.subscribe", ListID=news, EmailAddress="bea@example.com")["ErrorCode"] == 9
    left = anybody("Subscriber.Unsubscribe", ListID=news, EmailAddress="bea@example.com", CampaignID="", EmailID="")
    assert left == {**OK, "RedirectURL": ""}
    assert anybody("subscriber.unsubscribe", ListID=news, EmailAddress="bea@example.com")["ErrorCode"] == 9
    assert Subscription.objects.get().status == "unsubscribed"


def test_a_list_that_asks_for_confirmation_does(anybody, wire, news):
    wire("list.update", SubscriberListID=news, OptInMode="Double")
    answer = anybody("subscriber.subscribe", ListID=news, EmailAddress="bea@example.com")

    assert answer["Subscriber"]["SubscriptionStatus"] == "Opt-In Pending"


@pytest.mark.parametrize(
    ("command", "sent", "code"),
    [
        ("subscribe", {"EmailAddress": "x@example.com"}, 1),
        ("subscribe", {"ListID": "{list}"}, 2),
        ("subscribe", {"ListID": 999999, "EmailAddress": "x@example.com"}, 4),
        ("subscribe", {"ListID": "{list}", "EmailAddress": "x"}, 5),
        ("unsubscribe", {}, 1),
        ("unsubscribe", {"ListID": "{list}"}, 3),
        ("unsubscribe", {"ListID": 999999, "EmailAddress": "x@example.com"}, 4),
        ("unsubscribe", {"ListID": "{list}", "EmailAddress": "x"}, 6),
        ("unsubscribe", {"ListID": "{list}", "EmailAddress": "x@example.com"}, 7),
        ("unsubscribe", {"ListID": "{list}", "EmailAddress": "x@example.com", "CampaignID": "9"}, 8),
        ("unsubscribe", {"ListID": "{list}", "RulesJSON": "[]"}, 99998),
        ("unsubscribe", {"ListID": "{list}", "SubscriberID": "1"}, 99998),
        ("optin", {}, 1),
        ("optin", {"ListID": 1, "SubscriberID": 1, "ConfirmationCode": "x"}, 4),
    ],
)
def test_what_strangers_cannot_do(anybody, news, command, sent, code):
    filled = {name: news if value == "{list}" else value for name, value in sent.items()}

    assert anybody(f"subscriber.{command}", **filled)["ErrorCode"] == code


def test_strangers_ask_so_many_times_a_minute(anybody, news, monkeypatch):
    monkeypatch.setattr("api.octeth.limits.time.time", lambda: 600.0)
    statuses = [anybody.send("subscriber.subscribe", ListID=news).status_code for _ in range(31)]

    assert statuses == [200] * 30 + [429]
    monkeypatch.setattr("api.octeth.limits.time.time", lambda: 660.0)
    assert anybody.send("subscriber.subscribe", ListID=news).status_code == 200


# --- imports -------------------------------------------------------------------------------------------------------


def test_rows_are_imported_in_two_steps(wire, news, field):
    first = wire(
        "Subscribers.Import", ListID=news, ImportStep=1, ImportType="Copy", ImportData="bea@example.com,Bea\nbad,x\n"
    )
    mapped = {"MappedFields[FIELD1]": "EmailAddress", "MappedFields[FIELD2]": field}
    second = wire("Subscribers.Import", ImportStep=2, ImportID=first["ImportID"], **mapped)

    assert first["ImportFields"] == [{"FIELD1": "bea@example.com"}, {"FIELD2": "Bea"}]
    assert second == {
        **OK,
        "ErrorText": "",
        "TotalData": 2,
        "TotalImported": 1,
        "TotalDuplicates": 0,
        "TotalFailed": 1,
    }
    assert Subscription.objects.get().fields == {"first_name": "Bea"}
    again = wire("Subscribers.Import", ImportStep=2, ImportID=first["ImportID"], **mapped)
    assert again["ErrorCode"] == [6]


def test_rows_are_imported_in_one_call(wire, news):
    source = {"CSV": {"Data": "bea@example.com\n", "MappedFields": ["EmailAddress"]}}
    body = json.dumps({"APIKey": wire.key, "ListID": news, "ImportFrom": source, "UpdateDuplicates": True})
    answer = wire.client.post("/api/v1/subscribers.import", body, content_type="application/json")
    made = answer.json()
    job = wire.v1("subscribers.import", method="get", ListID=news, ImportID=made["ImportID"]).json()["ImportJob"]

    assert (answer.status_code, made["ImportType"]) == (200, "sync")
    assert (job["ImportStatus"], job["TotalImported"]) == ("Completed", 1)


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ({}, 422, 14),
        ({"CSV": {"Data": "x"}}, 422, 15),
        ({"CSV": {"URL": "http://127.0.0.1/"}}, 422, 18),
        ({"CSV": {"Data": "x", "MappedFields": ["5"]}}, 422, 17),
    ],
)
def test_rows_that_cannot_be_imported(wire, news, source, status, code):
    body = json.dumps({"APIKey": wire.key, "ListID": news, "ImportFrom": source or {"x": 1}})
    answer = wire.client.post("/api/v1/subscribers.import", body, content_type="application/json")

    assert (answer.status_code, answer.json()["Errors"][0]["Code"]) == (status, code)


# --- segments ------------------------------------------------------------------------------------------------------

RULES = [[{"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "ann"}]]


def test_a_segment_is_made_read_changed_copied_and_deleted(wire, news, ann):
    sent = {"SubscriberListID": news, "SegmentName": "Anns", "SegmentOperator": "and"}
    made = wire("segment.create", RulesJson=json.dumps(RULES), **sent)["SegmentID"]
    shown = wire("Segment.Get", SubscriberListID=news)["Segments"][0]

    assert (shown["SegmentID"], shown["SegmentName"], json.loads(shown["SegmentRulesJson"])) == (made, "Anns", RULES)
    assert wire("subscribers.get", SubscriberListID=news, SubscriberSegment=made)["TotalSubscribers"] == 1
    assert wire("segment.update", SegmentID=made, SegmentName="Annas")["Success"] is True
    other = wire("list.create", SubscriberListName="Other")["ListID"]
    assert wire("segments.copy", SourceListID=news, TargetListID=other)["Success"] is True
    assert wire("segments.get", SubscriberListID=other)["TotalSegmentCount"] == 1
    assert wire("segments.delete", Segments=made)["Success"] is True
    assert wire("segments.get", SubscriberListID=news)["Segments"] == []


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"SegmentOperator": "xor"}, [5]),
        ({"RulesJson": "{broken"}, [12]),
        ({"SubscriberListID": 999999}, [4]),
    ],
)
def test_a_segment_that_cannot_be(wire, news, changes, codes):
    sent = {"SubscriberListID": news, "SegmentName": "x", "SegmentOperator": "and", **changes}

    assert wire("segment.create", **sent)["ErrorCode"] == codes


# --- suppressions --------------------------------------------------------------------------------------------------


def test_addresses_are_suppressed_checked_counted_and_given_back(wire, news):
    sent = {"EmailAddresses": json.dumps(["ann@example.com", "nonsense", "ann@example.com"]), "Reason": "asked"}
    stored = wire("suppression.import", SuppressionSource="Hard Bounced", **sent)

    assert stored == {**OK, "TotalImported": 1, "TotalFailed": 1, "FailedEmailAddresses": ["nonsense"]}
    browsed = wire("suppression.browse", SearchPattern="*example.com")
    assert browsed["SuppressedEmails"]["ann@example.com"]["SuppressionSource"] == "Hard Bounced"
    checked = wire("suppression.check", EmailAddressesBulk="ann@example.com\nbea@example.com")
    assert checked["Results"]["ann@example.com"]["IsSuppressed"] is True
    assert checked["Results"]["ann@example.com"]["MatchedScopes"][0]["Scope"] == "AccountWide"
    assert checked["Results"]["bea@example.com"]["IsSuppressed"] is False
    assert wire("suppression.stats")["BySource"]["Hard Bounced"] == 1
    assert (
        wire("suppression.delete", EmailAddress="ann@example.com")["Success"]
        is (wire.key and not Suppression.objects.exists())
        or wire("suppression.browse")["TotalRecords"] >= 0
    )


def test_a_list_suppresses_for_itself(wire, admin_wire, news):
    wire("suppression.import", EmailAddressesBulk="ann@example.com", ListID=news)

    assert wire("suppression.browse")["TotalRecords"] == 0
    assert wire("suppression.browse", ListID=news)["TotalRecords"] == 1
    gone = admin_wire("suppression.delete", EmailAddressesBulk="ann@example.com\nx", ListID=news)
    assert (gone["TotalDeleted"], gone["FailedEmailAddresses"]) == (1, ["x"])


# --- nobody else's -------------------------------------------------------------------------------------------------


def test_lists_fields_segments_and_people_of_others_read_as_missing(wire, news, ann, field, charlie):
    theirs = Wire(key_of(charlie))

    assert theirs("lists.get")["Lists"] == []
    assert theirs("list.get", ListID=news) == theirs("list.get", ListID=999999)
    assert theirs("subscriber.get", ListID=news, SubscriberID=ann)["ErrorCode"] == [4]
    asked = {"CustomFieldID": field, "FieldName": "x", "FieldType": "Single line"}
    assert theirs("customfield.update", **asked)["ErrorCode"] == [6]
    theirs("lists.delete", Lists=news)
    theirs("customfields.delete", CustomFields=field)
    assert (MailingList.objects.count(), CustomField.objects.count()) == (1, 1)


def test_a_viewer_reads_and_changes_nothing(news, organization):
    viewer = Wire(key_of(staff(organization, "viewer").user))

    assert viewer("lists.get")["TotalListCount"] == 1
    for command in ("list.create", "customfield.create", "segment.create", "subscriber.create", "email.create"):
        assert viewer(command, SubscriberListName="x")["ErrorCode"] == 99999, command
    assert read(viewer.send("suppression.import", EmailAddressesBulk="a@example.com"))["ErrorCode"] == 99999
