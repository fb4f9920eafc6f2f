"""Finding campaigns: filters, order, pages, and what a page costs."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from api.management.pagination import Pages
from campaigns.models import Campaign
from tests.api.management.conftest import ROOT
from tests.factories import EditionFactory, campaign_in, draft_campaign

LIST = f"{ROOT}campaigns/"


def names(response):
    assert response.status_code == 200, response.content
    return [campaign["name"] for campaign in response.json()["results"]]


def at(campaign, **columns):
    Campaign.objects.filter(pk=campaign.pk).update(**columns)


# --- filters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("draft", {"draft", "pending_approval"}),
        ("scheduled", {"scheduled"}),
        ("calculating", {"calculating"}),
        ("sending", {"sending", "holding"}),
        ("sent", {"sent"}),
        ("failed", {"failed"}),
        ("cancelled", {"cancelled"}),
    ],
)
def test_the_status_filter_is_the_inverse_of_the_status_shown(walked, api, status, states):
    found = api.get(LIST, {"status": status}).json()["results"]

    assert {campaign["id"] for campaign in found} == {walked(state).public_id for state in states}
    assert {campaign["status"] for campaign in found} == {status}


def test_by_channel(api, organization):
    draft_campaign(organization, name="mail")
    draft_campaign(organization, name="text", channel="sms")

    assert names(api.get(LIST, {"channel": "sms"})) == ["text"]


def test_by_edition_and_organization(api, organization, charlie):
    edition = EditionFactory(organization=organization)
    draft_campaign(organization, name="ours", edition=edition)
    draft_campaign(organization, name="plain")
    theirs = EditionFactory(organization=charlie.memberships.get().organization)

    assert names(api.get(LIST, {"edition_id": edition.public_id})) == ["ours"]
    assert names(api.get(LIST, {"edition_id": theirs.public_id})) == []
    assert len(names(api.get(LIST, {"organization_id": organization.public_id}))) == 2
    assert names(api.get(LIST, {"organization_id": theirs.organization.public_id})) == []
    assert names(api.get(LIST, {"organization_id": "nonsense"})) == []


def test_by_keyword(api, organization):
    draft_campaign(organization, name="Spring sale")
    draft_campaign(organization, name="Autumn news")

    assert names(api.get(LIST, {"search": "SPRING"})) == ["Spring sale"]
    assert names(api.get(LIST, {"search": "100%"})) == []


def test_by_any_of_several_tags(api, organization):
    draft_campaign(organization, name="one", tags=["Spring"])
    draft_campaign(organization, name="two", tags=["sale", "spring"])
    draft_campaign(organization, name="three", tags=["news"])

    assert names(api.get(LIST, {"tags": "spring, SALE", "ordering": "name"})) == ["one", "two"]
    assert names(api.get(LIST, {"tags": "nothing"})) == []
    assert len(names(api.get(LIST, {"tags": ""}))) == 3


def test_by_when_it_was_created_and_scheduled(api, organization):
    for day in (1, 2, 3):
        campaign = draft_campaign(organization, name=f"day {day}")
        moment = datetime(2026, 5, day, 12, tzinfo=UTC)
        at(campaign, created_at=moment, scheduled_at=moment)

    span = {"created_after": "2026-05-02T12:00:00Z", "created_before": "2026-05-03T12:00:00Z"}
    assert names(api.get(LIST, span)) == ["day 2"]
    assert names(api.get(LIST, {"scheduled_before": "2026-05-02"})) == ["day 1"]
    assert names(api.get(LIST, {"scheduled_after": "2026-05-02T13:00:00+00:00"})) == ["day 3"]


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        ({"status": "bogus"}, {"status": ["Select a valid choice. bogus is not one of the available choices."]}),
        ({"channel": "fax"}, {"channel": ["Select a valid choice. fax is not one of the available choices."]}),
        ({"ordering": "zzz"}, {"ordering": ["Select a valid choice. zzz is not one of the available choices."]}),
        ({"include": "zzz"}, {"include": ["Select a valid choice. zzz is not one of the available choices."]}),
        ({"created_after": "soon"}, {"created_after": ["Enter a valid date/time."]}),
        (
            {"scheduled_before": "0001-01-01T00:00:00+14:00"},
            {"scheduled_before": ["Enter a year between 1970 and 2999."]},
        ),
    ],
)
def test_a_wrong_value_is_refused(api, parameters, body):
    response = api.get(LIST, parameters)

    assert response.status_code == 400
    assert response.json() == body


def test_empty_and_unknown_parameters_are_ignored(api, organization):
    draft_campaign(organization, name="only")

    parameters = {"status": "", "channel": "", "ordering": "", "search": "", "colour": "red"}
    assert names(api.get(LIST, parameters)) == ["only"]


# --- order -------------------------------------------------------------------------------------------------------


def test_the_newest_comes_first_and_ties_are_broken_by_id(api, organization):
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    for name in ("a", "b", "c"):
        at(draft_campaign(organization, name=name), created_at=moment)

    assert names(api.get(LIST)) == ["c", "b", "a"]
    assert names(api.get(LIST, {"ordering": "created"})) == ["a", "b", "c"]


def test_campaigns_without_a_time_come_last_either_way(api, organization):
    draft_campaign(organization, name="never")
    at(draft_campaign(organization, name="early"), scheduled_at=datetime(2026, 5, 1, tzinfo=UTC))
    at(draft_campaign(organization, name="late"), scheduled_at=datetime(2026, 6, 1, tzinfo=UTC))

    assert names(api.get(LIST, {"ordering": "scheduled_at"})) == ["early", "late", "never"]
    assert names(api.get(LIST, {"ordering": "-scheduled_at"})) == ["late", "early", "never"]


def test_several_keys(api, organization):
    for name, total in (("a", 1), ("b", 2), ("c", 2)):
        at(draft_campaign(organization, name=name), total_recipients=total)

    assert names(api.get(LIST, {"ordering": "-total_recipients,name"})) == ["b", "c", "a"]


@pytest.mark.parametrize("key", ["created", "modified", "name", "scheduled_at", "total_recipients"])
def test_every_key_has_its_twin(api, organization, key):
    for value in (1, 2):
        campaign = draft_campaign(organization, name=f"{value}")
        moment = datetime(2026, 5, value, tzinfo=UTC)
        at(campaign, created_at=moment, modified_at=moment, scheduled_at=moment, total_recipients=value)

    assert names(api.get(LIST, {"ordering": key})) == ["1", "2"]
    assert names(api.get(LIST, {"ordering": f"-{key}"})) == ["2", "1"]


# --- pages -------------------------------------------------------------------------------------------------------


@pytest.fixture
def seven(organization):
    for number in range(7):
        draft_campaign(organization, name=f"{number}", people=0)


def test_a_page_names_its_neighbours_and_keeps_the_other_parameters(api, seven):
    response = api.get(LIST, {"ordering": "name", "page": 2, "page_size": 3, "search": ""})

    body = response.json()
    assert list(body) == ["count", "next", "previous", "results"]
    assert (body["count"], names(response)) == (7, ["3", "4", "5"])
    assert body["next"] == f"http://testserver{LIST}?ordering=name&page=3&page_size=3&search="
    assert body["previous"] == f"http://testserver{LIST}?ordering=name&page_size=3&search="


def test_the_last_page_can_be_asked_for_by_that_name(api, seven):
    response = api.get(LIST, {"ordering": "name", "page": "last", "page_size": 3})

    assert names(response) == ["6"]
    assert response.json()["next"] is None


@pytest.mark.parametrize("number", ["0", "-1", "4", "99999999999999999999", "junk", "1.5"])
def test_a_page_that_is_not_there(api, seven, number):
    response = api.get(LIST, {"page": number, "page_size": 3})

    assert response.status_code == 404
    assert response.json() == {"detail": "Invalid page."}


@pytest.mark.parametrize(("asked", "given"), [("0", 100), ("junk", 100), ("-5", 100), ("5000", 101), ("7", 7)])
def test_the_size_of_a_page_has_its_limits(api, organization, asked, given):
    campaign = draft_campaign(organization, people=0)
    Campaign.objects.bulk_create(
        Campaign(organization=organization, name=f"{number}", created_by=campaign.created_by) for number in range(100)
    )

    body = api.get(LIST, {"page_size": asked}).json()

    assert body["count"] == 101
    assert len(body["results"]) == given


def test_nobody_gets_more_than_a_thousand_rows_a_page():
    request = Request(APIRequestFactory().get("/", {"page_size": "1001"}))

    assert Pages().get_page_size(request) == 1000


# --- cost --------------------------------------------------------------------------------------------------------


def test_a_page_costs_the_same_number_of_queries_however_long_it_is(api, organization):
    def asked():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = api.get(LIST, {"page_size": 100, "include": "stats"})
        assert response.status_code == 200
        return len(queries), len(response.json()["results"])

    for number in range(2):
        draft_campaign(organization, name=f"{number}", people=0, tags=["a", "b"])
    api.get(LIST)  # the key's use is noted, once a minute
    few = asked()
    for number in range(18):
        draft_campaign(organization, name=f"{number}", people=0, tags=["a", f"{number}"])
    many = asked()

    assert (few[1], many[1]) == (2, 20)
    assert few[0] == many[0] == 6


def test_a_list_shows_statistics_where_they_are_asked_for(api, organization):
    campaign = campaign_in("sent", organization)
    campaign.runs.update(sent=3, planned=3)

    (plain,) = api.get(LIST).json()["results"]
    (full,) = api.get(LIST, {"include": "stats"}).json()["results"]

    assert "stats" not in plain
    assert full["stats"] == {key: api.get(f"{LIST}{campaign.public_id}/stats/").json()[key] for key in full["stats"]}
    assert (full["stats"]["sent"], full["stats"]["delivery_rate"]) == (3, 1.0)
