"""Editions through the API."""

from datetime import UTC, date, datetime

import pytest
import time_machine

from tests.api.management.conftest import ROOT
from tests.factories import EditionFactory

EDITIONS = f"{ROOT}editions/"


@pytest.fixture
def edition(organization):
    return EditionFactory(organization=organization, name="Sunday", slug="sunday", timezone="Europe/Berlin")


@pytest.fixture
def address(edition):
    return f"{EDITIONS}{edition.public_id}/"


def test_an_edition_needs_a_name_and_an_organization(api, organization):
    organization.timezone = "Europe/Oslo"
    organization.save()

    response = api.post(EDITIONS, {"organization_id": organization.public_id, "name": "Sunday", "event_id": "evt_1"})

    shown = response.json()
    assert response.status_code == 201
    assert shown["id"].startswith("edi_")
    assert (shown["name"], shown["slug"], shown["timezone"]) == ("Sunday", "sunday", "Europe/Oslo")
    assert (shown["status"], shown["is_draft"], shown["is_archived"]) == ("no_dates", False, False)


def test_slugs_are_made_from_names_until_one_is_free(api, organization, edition):
    body = {"organization_id": organization.public_id, "name": "Sunday"}

    assert [api.post(EDITIONS, body).json()["slug"] for _ in range(2)] == ["sunday-2", "sunday-3"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "monday"}, "slug"),
        ({"slug": "no blanks"}, "slug"),
        ({"timezone": "Moon/Base"}, "timezone"),
        ({"end_date": "2026-01-01", "start_date": "2026-01-02"}, "end_date"),
        ({"default_country_code": "44"}, "default_country_code"),
        ({"default_language": "English"}, "default_language"),
        ({"from_name": "Sunday\nBcc: all@example.com"}, "from_name"),
        ({"from_email": "a@example.com\nBcc: all@example.com"}, "from_email"),
    ],
)
def test_what_cannot_be(api, organization, address, change, field):
    EditionFactory(organization=organization, slug="monday")

    response = api.patch(address, change)

    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_an_edition_does_not_move_to_another_organization(api, address, edition, charlie):
    elsewhere = charlie.memberships.get().organization

    response = api.patch(address, {"organization_id": elsewhere.public_id})

    assert response.status_code == 200
    edition.refresh_from_db()
    assert edition.organization_id != elsewhere.pk


def test_a_patch_leaves_the_rest(api, address, edition):
    response = api.patch(address, {"name": "Monday"})

    assert response.json()["name"] == "Monday"
    assert response.json()["slug"] == "sunday"


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        (None, None, "no_dates"),
        (date(2026, 6, 2), None, "upcoming"),
        (date(2026, 6, 1), None, "current"),
        (date(2026, 5, 1), date(2026, 6, 1), "current"),
        (None, date(2026, 6, 1), "current"),
        (date(2026, 5, 1), date(2026, 5, 31), "past"),
        (None, date(2026, 5, 31), "past"),
    ],
)
def test_the_status_follows_the_dates_and_the_filter_follows_the_status(api, organization, start, end, status):
    every = ["no_dates", "upcoming", "current", "past"]
    EditionFactory(organization=organization, start_date=start, end_date=end)

    with time_machine.travel(datetime(2026, 6, 1, 12, tzinfo=UTC)):
        found = {each: api.get(EDITIONS, {"status": each}).json()["results"] for each in every}

    assert {each: len(rows) for each, rows in found.items()} == {each: int(each == status) for each in every}
    assert found[status][0]["status"] == status


def test_today_is_today_in_the_editions_own_zone(api, organization):
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        EditionFactory(organization=organization, name=zone, timezone=zone, start_date=date(2026, 6, 2))

    with time_machine.travel(datetime(2026, 6, 1, 18, tzinfo=UTC)):
        current = api.get(EDITIONS, {"status": "current"}).json()["results"]
        upcoming = api.get(EDITIONS, {"status": "upcoming"}).json()["results"]

    assert [each["name"] for each in current] == ["Pacific/Auckland"]
    assert [each["name"] for each in upcoming] == ["America/Los_Angeles"]


def test_a_duplicate_is_a_draft_without_dates(api, address, edition):
    edition.start_date = date(2026, 6, 1)
    edition.save()

    response = api.post(f"{address}duplicate/")

    copy = response.json()
    assert response.status_code == 201
    assert copy["id"] != edition.public_id
    assert (copy["name"], copy["slug"]) == ("Copy of Sunday", "copy-of-sunday")
    assert (copy["start_date"], copy["status"], copy["is_draft"]) == (None, "no_dates", True)
    assert copy["timezone"] == "Europe/Berlin"


def test_a_healthcheck_says_what_is_missing(api, address, edition):
    body = api.get(f"{address}healthcheck/").json()

    assert body["healthy"] is False
    assert {each["field"] for each in body["problems"]} == {"from_email", "from_name"}
    api.patch(address, {"from_email": "post@news.example", "from_name": "Sunday"})
    assert api.get(f"{address}healthcheck/").json() == {"healthy": True, "problems": []}


def test_what_a_form_may_offer(api):
    body = api.get(f"{EDITIONS}field-choices/").json()

    assert "Europe/Berlin" in body["timezone"]
    assert "+44" in body["default_country_code"]
    assert body["status"] == ["upcoming", "current", "past", "no_dates"]


def test_filters_by_flag(api, organization):
    EditionFactory(organization=organization, name="old", is_archived=True)
    EditionFactory(organization=organization, name="new", is_draft=True)

    assert [e["name"] for e in api.get(EDITIONS, {"is_archived": "true"}).json()["results"]] == ["old"]
    assert [e["name"] for e in api.get(EDITIONS, {"is_draft": "true"}).json()["results"]] == ["new"]


@pytest.mark.parametrize("key", ["created", "modified", "start_date", "end_date", "name"])
def test_every_ordering(api, organization, key):
    EditionFactory(organization=organization, name="a", start_date=date(2026, 1, 1), end_date=date(2026, 2, 1))
    EditionFactory(organization=organization, name="b", start_date=date(2026, 3, 1), end_date=date(2026, 4, 1))

    assert [e["name"] for e in api.get(EDITIONS, {"ordering": key}).json()["results"]] == ["a", "b"]
    assert [e["name"] for e in api.get(EDITIONS, {"ordering": f"-{key}"}).json()["results"]] == ["b", "a"]


def test_editions_are_not_deleted(api, address):
    assert api.delete(address).status_code == 405


def test_a_page_costs_the_same_however_long_it_is(api, organization, django_assert_max_num_queries):
    EditionFactory.create_batch(20, organization=organization)
    api.get(EDITIONS)

    with django_assert_max_num_queries(3):
        assert len(api.get(EDITIONS).json()["results"]) == 20
