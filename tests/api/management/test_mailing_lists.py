"""`mailing-lists/` and `custom-fields/`, over REST."""

import pytest

from api.management.numbers import numbered_id
from audience import fields as custom_fields
from audience.models import CustomField, MailingList, Subscriber
from campaigns import removals
from campaigns.errors import Locked, NotAllowed
from tests.api.management.conftest import ROOT
from tests.factories import (
    EditionFactory,
    MailingListFactory,
    SegmentFactory,
    SubscriptionFactory,
    draft_campaign,
    staff,
)

LISTS = f"{ROOT}mailing-lists/"
FIELDS = f"{ROOT}custom-fields/"


@pytest.fixture
def body(organization):
    return {"organization_id": organization.public_id, "name": "Weekly"}


@pytest.fixture
def weekly(organization):
    return MailingListFactory(organization=organization, name="Weekly")


def address(mailing_list):
    return f"{LISTS}{mailing_list.public_id}/"


# --- lists -------------------------------------------------------------------------------------------------------


def test_a_list_is_made_and_changed(api, body):
    made = api.post(LISTS, body | {"opt_in": "double", "confirmation_subject": "Please confirm"})
    changed = api.patch(f"{LISTS}{made.json()['id']}/", {"name": "Weekly letter", "is_public": True})

    assert (made.status_code, changed.status_code) == (201, 200)
    shown = {name: changed.json()[name] for name in ("name", "opt_in", "confirmation_subject", "is_public")}
    assert shown == {
        "name": "Weekly letter",
        "opt_in": "double",
        "confirmation_subject": "Please confirm",
        "is_public": True,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\u2028b"}, "name"),
        ({"opt_in": "triple"}, "opt_in"),
        ({"confirmation_subject": "a\nBcc: b@example.com"}, "confirmation_subject"),
    ],
)
def test_a_list_that_cannot_be_is_not_made(api, body, changes, field):
    answer = api.post(LISTS, body | changes)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not MailingList.objects.exists()


def test_an_edition_of_another_organization_is_refused(api, body):
    foreign = EditionFactory()

    answer = api.post(LISTS, body | {"edition_id": foreign.public_id})

    assert list(answer.json()) == ["edition_id"]


def test_an_empty_list_is_deleted(api, weekly):
    assert api.delete(address(weekly)).status_code == 204
    assert not MailingList.objects.exists()


def test_a_list_with_people_is_deleted_only_when_asked_and_the_people_stay(api, weekly):
    SubscriptionFactory(mailing_list=weekly)

    refused = api.delete(address(weekly))
    deleted = api.delete(f"{address(weekly)}?with_people=true")

    assert (refused.status_code, deleted.status_code) == (409, 204)
    assert "1 people are on the list" in refused.json()["detail"]
    assert Subscriber.objects.count() == 1


def test_a_list_that_a_campaign_names_is_kept(api, organization):
    mailing_list = draft_campaign(organization).audience.get().mailing_list

    answer = api.delete(f"{address(mailing_list)}?with_people=true")

    assert answer.status_code == 409
    assert "names the list" in answer.json()["detail"]


def test_a_list_that_a_segment_names_is_kept_since_the_segment_would_mean_everybody(organization, weekly):
    SegmentFactory(organization=organization).mailing_lists.add(weekly)

    with pytest.raises(Locked, match="segment"):
        removals.delete_list(weekly, by=staff(organization), with_people=True)


def test_who_may_only_read_deletes_no_list(organization, weekly):
    with pytest.raises(NotAllowed):
        removals.delete_list(weekly, by=staff(organization, "viewer"))


def test_people_on_a_list_are_counted_by_status(api, weekly):
    SubscriptionFactory.create_batch(2, mailing_list=weekly)
    SubscriptionFactory(mailing_list=weekly, status="bounced")

    stats = api.get(f"{address(weekly)}stats/").json()

    assert (stats["total"], stats["by_status"]["subscribed"], stats["by_status"]["bounced"]) == (3, 2, 1)


# --- fields ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in CustomField.Kind.values if kind not in custom_fields.HAVE_CHOICES])
def test_a_field_of_every_kind_is_made(api, organization, kind):
    answer = api.post(FIELDS, {"organization_id": organization.public_id, "key": "first_seen", "kind": kind})

    assert answer.status_code == 201
    assert (answer.json()["kind"], answer.json()["name"]) == (kind, "First seen")
    assert api.get(f"{FIELDS}{answer.json()['id']}/").json() == answer.json()


@pytest.mark.parametrize("kind", sorted(custom_fields.HAVE_CHOICES))
def test_choices_are_made_and_changed(api, organization, kind):
    given = {"organization_id": organization.public_id, "key": "plan", "kind": kind, "choices": ["Free", "Plus"]}
    made = api.post(FIELDS, given).json()

    changed = api.patch(f"{FIELDS}{made['id']}/", {"choices": ["Free", "Plus", "Max"], "key": "other", "kind": "text"})

    assert (changed.json()["choices"], changed.json()["key"]) == (["Free", "Plus", "Max"], "plan")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"key": "Bad key"}, "key"),
        ({"key": "email"}, "key"),
        ({"key": "plan", "kind": "choice"}, "choices"),
        ({"key": "plan", "kind": "choice", "choices": ["a", "A"]}, "choices"),
        ({"key": "plan", "choices": ["a"]}, "choices"),
        ({"key": "plan", "kind": "colour"}, "kind"),
        ({"key": "town"}, "key"),
    ],
)
def test_a_field_that_cannot_be_is_not_made(api, organization, changes, field):
    CustomField.objects.create(organization=organization, key="town", name="Town")

    answer = api.post(FIELDS, {"organization_id": organization.public_id} | changes)

    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert CustomField.objects.count() == 1


def test_choices_are_not_all_taken_away(api, organization):
    field = custom_fields.create(organization, key="plan", kind="choice", choices=["Free"])

    answer = api.patch(f"{FIELDS}{numbered_id('fld', field.pk)}/", {"choices": []})

    assert (answer.status_code, list(answer.json())) == (400, ["choices"])


def test_fields_are_found_and_deleted(api, organization, weekly):
    custom_fields.create(organization, key="town")
    custom_fields.create(organization, key="size", kind="number", mailing_list=weekly)

    def found(query):
        return [row["key"] for row in api.get(f"{FIELDS}?{query}").json()["results"]]

    assert found("ordering=key") == ["size", "town"]
    assert found("scope=list") == found(f"mailing_list_id={weekly.public_id}") == found("kind=number") == ["size"]
    assert found("search=TOW") == found("scope=organization") == ["town"]
    (size,) = api.get(f"{FIELDS}?kind=number").json()["results"]
    assert api.delete(f"{FIELDS}{size['id']}/").status_code == 204
    assert found("") == ["town"]
