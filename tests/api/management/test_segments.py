"""Segments, lists and tags through the API."""

import csv
import json
from datetime import UTC, datetime

import pytest

from audience import segments
from audience.criteria import cel
from audience.errors import TooSlow
from audience.models import Segment
from campaigns import drafts
from tests.api.management.conftest import ROOT
from tests.conftest import acting
from tests.factories import (
    EditionFactory,
    MailingListFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
    campaign_in,
    draft_campaign,
)

SEGMENTS = f"{ROOT}segments/"


@pytest.fixture
def segment(organization):
    return SegmentFactory(organization=organization, name="Everybody")


@pytest.fixture
def address(segment):
    return f"{SEGMENTS}{segment.public_id}/"


def test_a_segment_is_made_and_counted(api, organization):
    mailing_list = MailingListFactory(organization=organization)
    SubscriptionFactory.create_batch(2, mailing_list=mailing_list)
    SubscriberFactory(organization=organization)
    body = {
        "organization_id": organization.public_id,
        "name": "Readers",
        "mailing_list_ids": [mailing_list.public_id],
        "condition": "",
    }

    made = api.post(SEGMENTS, body)
    counted = api.post(f"{SEGMENTS}{made.json()['id']}/recalculate/").json()

    assert made.status_code == 201
    assert made.json()["status"] == "pending"
    assert (counted["status"], counted["user_count"]) == ("completed", 2)
    assert counted["last_calculated"] is not None
    assert counted["mailing_list_ids"] == [mailing_list.public_id]
    assert (counted["condition"], counted["definition"]) == ("", {})
    assert (counted["communication_type"], counted["communication_channel"]) == ("marketing", "any")


def test_a_segment_made_for_one_campaign_is_shown_at_its_address_only(api, organization, segment):
    made_for_one = SegmentFactory(organization=organization, is_ad_hoc=True)

    listed = api.get(SEGMENTS).json()["results"]
    shown = api.get(f"{SEGMENTS}{made_for_one.public_id}/")

    assert [each["id"] for each in listed] == [segment.public_id]
    assert (shown.status_code, shown.json()["id"]) == (200, made_for_one.public_id)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"condition": "user.email ="}, "condition"),
        ({"condition": "user.fields.shoes == 'x'"}, "condition"),
        ({"condition": "has(user.phone)", "definition": {"field": "email", "operator": "is_empty"}}, "condition"),
        ({"definition": {"nonsense": 1}}, "definition"),
        ({"definition": "everybody"}, "definition"),
        ({"definition": [{"type": "shoe_size"}]}, "definition"),
        ({"definition": {"a": ["\x00"]}}, "definition"),
        ({"communication_channel": "fax"}, "communication_channel"),
        ({"mailing_list_ids": ["lst_x"]}, "mailing_list_ids"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be(api, address, change, field):
    response = api.patch(address, change)

    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_rules_choose_people(api, address, organization):
    organization.custom_fields.create(key="town", name="Town")
    SubscriberFactory(organization=organization, fields={"town": "Ulm"})
    SubscriberFactory(organization=organization, fields={"town": "Rome"})
    rules = {"match": "all", "rules": [{"field": "fields.town", "operator": "is", "value": "Ulm"}]}

    changed = api.patch(address, {"definition": rules})
    counted = api.post(f"{address}recalculate/").json()

    assert changed.status_code == 200
    assert (changed.json()["definition"], changed.json()["condition"]) == (rules, 'user.fields.town == "Ulm"')
    assert (counted["status"], counted["user_count"]) == ("completed", 1)


def test_rules_about_what_is_not_there_are_refused(api, address, segment):
    rules = {"match": "all", "rules": [{"field": "fields.town", "operator": "is", "value": "Ulm"}]}

    response = api.patch(address, {"definition": rules, "name": "Ulm"})

    assert response.status_code == 400
    assert "town" in response.json()["definition"][0]
    segment.refresh_from_db()
    assert (segment.name, segment.rules) == ("Everybody", {})


def test_conditions_are_refused_with_the_place_and_change_nothing(api, address, segment):
    response = api.patch(address, {"condition": "has(user.phone) && user.shoes > 5", "name": "Walkers"})

    assert response.status_code == 400
    (problem,) = response.json()["condition"]
    assert problem.startswith("At character 25: A user has")
    segment.refresh_from_db()
    assert (segment.name, segment.rules) == ("Everybody", {})


CONDITION = 'user.fields["town"] ==  "Ulm"'
ULM = {"match": "all", "rules": [{"field": "fields.town", "operator": "is", "value": "Ulm"}]}


@pytest.fixture
def towns(organization):
    """Somebody in Ulm, somebody in Rome."""
    organization.custom_fields.create(key="town", name="Town")
    for town in ("Ulm", "Rome"):
        SubscriberFactory(organization=organization, email=f"{town.lower()}@example.com", fields={"town": town})


def test_a_condition_chooses_people_and_is_given_back_as_it_was_written(api, organization, towns):
    body = {"organization_id": organization.public_id, "name": "Ulm", "condition": CONDITION}

    made = api.post(SEGMENTS, body)
    counted = api.post(f"{SEGMENTS}{made.json()['id']}/recalculate/").json()

    assert made.status_code == 201
    assert (counted["condition"], counted["definition"], counted["user_count"]) == (CONDITION, ULM, 1)


def test_rules_that_were_chosen_in_the_editor_are_said_as_a_condition(api, address, segment, towns, bob):
    api.patch(address, {"condition": CONDITION})
    segment.refresh_from_db()
    drafts.edit_segment(segment, by=acting(bob), name="Ulm", rules=ULM)
    assert api.get(address).json()["condition"] == CONDITION

    drafts.edit_segment(
        segment, by=acting(bob), rules={"match": "not", "rules": [{"field": "phone", "operator": "is_not_empty"}]}
    )

    assert api.get(address).json()["condition"] == "!has(user.phone)"


def test_what_was_read_can_be_sent_back_with_either_changed(api, address, towns):
    api.patch(address, {"condition": CONDITION})
    shown = api.get(address).json()

    assert api.patch(address, shown).json()["condition"] == CONDITION
    changed = api.patch(address, shown | {"condition": "!has(user.phone)"}).json()
    assert changed["definition"]["match"] == "not"
    changed = api.patch(address, changed | {"definition": ULM}).json()
    assert (changed["definition"], changed["condition"]) == (ULM, 'user.fields.town == "Ulm"')
    changed = api.patch(address, {"condition": ""}).json()
    assert (changed["definition"], changed["condition"]) == ({}, "")


@pytest.mark.parametrize(
    ("definition", "count"),
    [
        ([], 2),
        ([{"type": "custom_field", "operator": "is_not", "custom_field": {"name": "town"}, "value": "Ulm"}], 1),
        ({"type": "any", "clauses": [{"type": "email_address", "operator": "starts_with", "value": "u"}]}, 1),
    ],
)
def test_a_greenarrow_definition_is_read_too(api, address, towns, definition, count, segment):
    changed = api.patch(address, {"definition": definition})

    assert changed.status_code == 200
    assert api.post(f"{address}recalculate/").json()["user_count"] == count
    segment.refresh_from_db()
    assert (segment.written_in, json.loads(segment.written_as)) == ("greenarrow", definition)


def test_a_condition_may_name_fields_of_the_segments_lists_only(api, address, organization):
    lists = MailingListFactory.create_batch(2, organization=organization)
    organization.custom_fields.create(key="shoe", name="Shoe", mailing_list=lists[0])
    change = {"condition": "has(user.fields.shoe)"}

    assert api.patch(address, change | {"mailing_list_ids": [lists[1].public_id]}).status_code == 400
    assert api.patch(address, change | {"mailing_list_ids": [lists[0].public_id]}).status_code == 200


# --- what can be asked about rules -------------------------------------------------------------------------------


def test_the_context_says_what_conditions_can_be_about(api, organization, towns):
    shown = api.get(f"{SEGMENTS}context/", {"organization_id": organization.public_id}).json()

    named = {each["name"]: each for each in shown["variables"]}
    assert named["user.fields.town"] == {"name": "user.fields.town", "title": "Town", "type": "string", "choices": []}
    assert named["user.created"]["type"] == "timestamp"
    assert "subscribed" in named["user.status"]["choices"]
    assert shown["operators"]


def test_every_example_of_the_context_is_understood(api, organization):
    shown = api.get(f"{SEGMENTS}context/", {"organization_id": organization.public_id}).json()

    for each in shown["functions"]:
        cel.parse(each["example"])


def test_the_context_of_a_list_has_its_fields(api, organization):
    lists = MailingListFactory.create_batch(2, organization=organization)
    organization.custom_fields.create(key="shoe", name="Shoe", mailing_list=lists[0])

    def fields(*mailing_lists):
        ids = ",".join(each.public_id for each in mailing_lists)
        about = {"organization_id": organization.public_id, "mailing_list_ids": ids}
        return {each["name"] for each in api.get(f"{SEGMENTS}context/", about).json()["variables"]}

    assert "user.fields.shoe" in fields(*lists)
    assert "user.fields.shoe" not in fields(lists[1])


def test_the_context_needs_an_organization_of_the_caller(api, charlie):
    other = charlie.memberships.get().organization

    assert api.get(f"{SEGMENTS}context/").json() == {"organization_id": ["This field is required."]}
    assert api.get(f"{SEGMENTS}context/", {"organization_id": other.public_id}).status_code == 400


def test_rules_are_checked_without_being_stored(viewer_api, organization, towns):
    def checked(**body):
        return viewer_api.post(f"{SEGMENTS}validate/", {"organization_id": organization.public_id, **body})

    assert checked(condition=CONDITION).json() == {
        "condition": CONDITION,
        "definition": ULM,
        "sentence": "Town is “Ulm”",
    }
    assert checked(definition=ULM).json()["condition"] == 'user.fields.town == "Ulm"'
    assert checked(condition="").json() == {"condition": "", "definition": {}, "sentence": ""}
    refused = checked(condition="user.fields.town ==")
    assert refused.status_code == 400
    assert refused.json() == {
        "condition": [
            "At character 20: Here the condition ends, but expected user., a text, a number, or a parenthesis."
        ]
    }
    assert list(checked(definition={"field": "shoes", "operator": "is"}).json()) == ["definition"]
    assert not Segment.objects.exists()


def test_some_of_its_people(api, address, organization):
    SubscriberFactory.create_batch(5, organization=organization)

    first = api.get(f"{address}sample/", {"size": 3}).json()

    assert len(first["results"]) == 3
    assert first["results"][0].keys() == {"id", "email", "phone"}
    assert api.get(f"{address}sample/", {"size": 3}).json() == first
    assert api.get(f"{address}sample/", {"size": 0}).status_code == 400


def test_a_sample_that_takes_too_long_is_no_fault_of_the_request(api, address, monkeypatch):
    def slow(*args, **kwargs):
        raise TooSlow("It takes longer than 10 seconds to find out.")

    monkeypatch.setattr(segments, "sample_of", slow)

    response = api.get(f"{address}sample/")

    assert (response.status_code, response.json()) == (503, {"detail": "It takes longer than 10 seconds to find out."})


def test_why_somebody_is_in_it_or_not(api, address, organization, towns, charlie):
    api.patch(address, {"condition": f"{CONDITION} || has(user.phone)"})

    def explained(person):
        return api.get(f"{address}explain/", {"subscriber_id": person.public_id})

    ulm, rome = organization.subscribers.order_by("pk")
    answer = explained(ulm).json()
    (way,) = answer["ways"]
    assert (answer["is_in"], way["mailing_list_id"]) == (True, None)
    assert [(part["sentence"], part["holds"]) for part in way["rules"]["parts"]] == [
        ("Town is “Ulm”", True),
        ("Phone is not empty", False),
    ]
    assert explained(rome).json()["is_in"] is False
    stranger = SubscriberFactory(organization=charlie.memberships.get().organization)
    assert list(explained(stranger).json()) == ["subscriber_id"]


def test_why_is_said_for_each_subscription(api, address, organization):
    lists = MailingListFactory.create_batch(2, organization=organization)
    person = SubscriberFactory(organization=organization)
    for mailing_list, status in zip(lists, ("subscribed", "bounced"), strict=True):
        SubscriptionFactory(mailing_list=mailing_list, subscriber=person, status=status)
    api.patch(
        address, {"condition": 'user.status == "bounced"', "mailing_list_ids": [each.public_id for each in lists]}
    )

    answer = api.get(f"{address}explain/", {"subscriber_id": person.public_id}).json()

    assert answer["is_in"] is True
    assert [(way["mailing_list_id"], way["rules"]["holds"]) for way in answer["ways"]] == [
        (lists[0].public_id, False),
        (lists[1].public_id, True),
    ]


def test_rules_that_no_condition_can_say_have_none(api, address):
    rules = {"match": "all", "rules": [{"field": "suppressed", "operator": "is", "value": True}]}

    changed = api.patch(address, {"definition": rules}).json()

    assert (changed["definition"], changed["condition"]) == (rules, None)
    assert api.patch(address, changed).status_code == 200


def test_a_change_of_lists_reaches_the_campaigns_that_use_it(api, address, segment, organization):
    campaign = campaign_in("scheduled", organization, audience=[drafts.Part(segment=segment)])
    mailing_list = MailingListFactory(organization=organization)

    response = api.patch(address, {"mailing_list_ids": [mailing_list.public_id]})

    assert response.status_code == 200
    assert campaign.events.latest("pk").reason == "The segment Everybody was changed."


def test_a_list_of_another_organization_does_not_exist(client, bob, charlie, segment, address):
    other = charlie.memberships.get().organization
    bob.memberships.create(organization=other, role="admin")
    foreign = MailingListFactory(organization=other)
    client.force_login(bob)

    response = client.patch(address, {"mailing_list_ids": [foreign.public_id]}, content_type="application/json")

    assert response.status_code == 400
    assert response.json() == {"mailing_list_ids": [f'Invalid pk "{foreign.public_id}" - object does not exist.']}


def test_only_what_is_stuck_is_reset(api, address, segment):
    refused = api.post(f"{address}reset/")
    Segment.objects.filter(pk=segment.pk).update(status="processing")
    done = api.post(f"{address}reset/")

    assert refused.status_code == 409
    assert refused.json() == {"detail": "A segment that is draft does not need a reset."}
    assert done.json()["status"] == "draft"


def test_its_people_as_csv(api, address, organization):
    SubscriberFactory(organization=organization, email="a@example.com")

    response = api.get(f"{address}export/")

    heading, row = csv.reader(response.getvalue().decode("utf-8-sig").splitlines())
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response.headers["Content-Disposition"]
    assert heading == ["id", "email", "phone"]
    assert row[1:] == ["a@example.com", ""]


def test_a_segment_in_use_is_not_deleted(api, address, segment, organization):
    campaign_in("scheduled", organization, name="Spring", audience=[drafts.Part(segment=segment)])

    response = api.delete(address)

    assert response.status_code == 409
    assert response.json() == {"detail": "The segment Everybody is used by the campaign Spring, which is not over yet."}


def test_a_segment_nobody_uses_is_deleted(api, address):
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_filters(api, organization):
    edition = EditionFactory(organization=organization)
    SegmentFactory(organization=organization, name="a", edition=edition, communication_channel="sms", status="failed")
    SegmentFactory(organization=organization, name="b", communication_type="transactional")

    def found(**parameters):
        return [each["name"] for each in api.get(SEGMENTS, parameters).json()["results"]]

    assert found(edition_id=edition.public_id) == ["a"]
    assert found(communication_channel="sms") == ["a"]
    assert found(communication_type="transactional") == ["b"]
    assert found(status="failed") == ["a"]
    assert found(search="B") == ["b"]
    assert found(ordering="-name") == ["b", "a"]


@pytest.mark.parametrize("key", ["created", "modified", "name", "user_count", "last_calculated"])
def test_every_ordering(api, organization, key):
    for name, day in (("a", 1), ("b", 2)):
        moment = datetime(2026, 5, day, tzinfo=UTC)
        segment = SegmentFactory(organization=organization, name=name, user_count=day)
        Segment.objects.filter(pk=segment.pk).update(created_at=moment, modified_at=moment, last_calculated_at=moment)

    assert [each["name"] for each in api.get(SEGMENTS, {"ordering": key}).json()["results"]] == ["a", "b"]
    assert [each["name"] for each in api.get(SEGMENTS, {"ordering": f"-{key}"}).json()["results"]] == ["b", "a"]


def test_a_viewer_may_look_but_not_touch(viewer_api, address):
    assert viewer_api.get(address).status_code == 200
    for act in ("recalculate/", "reset/"):
        assert viewer_api.post(address + act).status_code == 403
    assert viewer_api.delete(address).status_code == 403


def test_a_page_costs_the_same_however_long_it_is(api, organization, django_assert_max_num_queries):
    for segment in SegmentFactory.create_batch(20, organization=organization):
        segment.mailing_lists.add(MailingListFactory(organization=organization))
    api.get(SEGMENTS)

    with django_assert_max_num_queries(4):
        assert len(api.get(SEGMENTS).json()["results"]) == 20


# --- lists and tags ----------------------------------------------------------------------------------------------


def test_lists_to_choose_from(api, organization):
    mailing_list = MailingListFactory(organization=organization, name="Weekly")

    (shown,) = api.get(f"{ROOT}mailing-lists/", {"search": "week"}).json()["results"]

    assert (shown["id"], shown["name"]) == (mailing_list.public_id, "Weekly")
    assert api.get(f"{ROOT}mailing-lists/{mailing_list.public_id}/").json() == shown


def test_tags_to_choose_from(api, organization):
    draft_campaign(organization, tags=["spring", "sale"])

    shown = api.get(f"{ROOT}tags/", {"ordering": "name"}).json()["results"]

    assert [tag["name"] for tag in shown] == ["sale", "spring"]
    assert shown[0]["id"].startswith("tag_")
