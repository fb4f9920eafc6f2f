"""Segments, lists and tags through the API."""

import csv
from datetime import UTC, datetime

import pytest

from audience.models import Segment
from campaigns import drafts
from tests.api.management.conftest import ROOT
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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"condition": "user.email == 'a'"}, "condition"),
        ({"definition": {"nonsense": 1}}, "definition"),
        ({"definition": []}, "definition"),
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
    assert (changed.json()["definition"], changed.json()["condition"]) == (rules, None)
    assert (counted["status"], counted["user_count"]) == ("completed", 1)


def test_rules_about_what_is_not_there_are_refused(api, address, segment):
    rules = {"match": "all", "rules": [{"field": "fields.town", "operator": "is", "value": "Ulm"}]}

    response = api.patch(address, {"definition": rules, "name": "Ulm"})

    assert response.status_code == 400
    assert "town" in response.json()["definition"][0]
    segment.refresh_from_db()
    assert (segment.name, segment.rules) == ("Everybody", {})


def test_conditions_are_refused_in_words_that_help(api, address):
    response = api.patch(address, {"condition": "user.phone != ''"})

    assert response.json() == {
        "condition": ["Conditions are not understood yet: leave it empty to mean everybody on mailing_list_ids."]
    }


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
    assert api.post(f"{ROOT}mailing-lists/", {}).status_code == 405


def test_tags_to_choose_from(api, organization):
    draft_campaign(organization, tags=["spring", "sale"])

    shown = api.get(f"{ROOT}tags/", {"ordering": "name"}).json()["results"]

    assert [tag["name"] for tag in shown] == ["sale", "spring"]
    assert shown[0]["id"].startswith("tag_")
