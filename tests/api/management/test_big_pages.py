"""Lists of millions: counted as far as it is cheap, walked from key to key."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from api.management import numbers, pagination
from audience.models import Subscriber
from tests.api.management.conftest import ROOT
from tests.factories import SubscriberFactory

URL = f"{ROOT}subscribers/"


@pytest.fixture
def people(organization):
    return SubscriberFactory.create_batch(7, organization=organization)


def walked(api, address):
    """Every page from this address on, by following `next`."""
    pages = []
    while address:
        page = api.get(address).json()
        pages.append([row["id"] for row in page["results"]])
        address = page["next"]
    return pages


def test_following_next_shows_everybody_once(api, people):
    pages = walked(api, f"{URL}?page_size=3&search=reader")

    ids = [person.public_id for person in people]
    assert pages == [ids[:3], ids[3:6], ids[6:]]
    assert walked(api, f"{URL}?page_size=3&ordering=-created") == [ids[:3:-1], ids[3:0:-1], ids[:1]]


def test_somebody_deleted_between_two_pages_hides_nobody(api, people):
    first = api.get(f"{URL}?page_size=3").json()
    Subscriber.objects.filter(pk__in=[people[0].pk, people[1].pk]).delete()

    second = api.get(first["next"]).json()

    assert [row["id"] for row in second["results"]] == [person.public_id for person in people[3:6]]


def test_a_page_by_its_number_is_the_one_that_next_leads_to(api, people):
    first = api.get(f"{URL}?page_size=3").json()

    assert api.get(f"{URL}?page_size=3&page=2").json()["results"] == api.get(first["next"]).json()["results"]
    assert "after=" in first["next"]
    assert "page=2" in first["next"]


def test_previous_leads_back(api, people):
    second = api.get(api.get(f"{URL}?page_size=3").json()["next"]).json()
    third = api.get(second["next"]).json()

    assert api.get(third["previous"]).json()["results"] == second["results"]
    assert api.get(second["previous"]).json()["previous"] is None


def test_the_last_page_can_be_asked_for(api, people, monkeypatch):
    exact = api.get(f"{URL}?page_size=3&page=last").json()
    monkeypatch.setattr(pagination, "COUNTED", 2)
    estimated = api.get(f"{URL}?page_size=3&page=last").json()

    assert exact["results"] == estimated["results"]
    assert [row["id"] for row in exact["results"]] == [people[6].public_id]
    assert (exact["count"], exact["count_is_exact"]) == (7, True)


@pytest.mark.parametrize(
    "query", ["page=0", "page=4&page_size=3", "page=x", "page=9" + "9" * 5000, "after=!", "page=-1"]
)
def test_a_page_that_is_not_there_is_not_found(api, people, query):
    answer = api.get(f"{URL}?{query}")

    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_an_empty_list_has_a_first_page(api):
    assert api.get(URL).json() == {"count": 0, "count_is_exact": True, "next": None, "previous": None, "results": []}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")
def test_above_the_bound_the_planner_is_asked(api, people, monkeypatch):
    monkeypatch.setattr(pagination, "COUNTED", 2)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        page = api.get(URL).json()

    assert not page["count_is_exact"]
    assert page["count"] >= 3
    assert any("EXPLAIN" in query["sql"] for query in queries)


def test_a_page_takes_the_same_queries_however_long_it_is(api, organization, django_assert_num_queries):
    SubscriberFactory.create_batch(2, organization=organization)
    api.get(URL)  # notes that the key is used
    with CaptureQueriesContext(connection) as few:
        api.get(URL)
    SubscriberFactory.create_batch(20, organization=organization)

    with django_assert_num_queries(len(few)):
        api.get(URL)
    assert len(few) <= 4


@given(st.integers(1, numbers.LARGEST_KEY))
def test_an_id_made_from_a_key_leads_back_to_it(key):
    made = numbers.numbered_id("sup", key)

    assert len(made) == 24
    assert numbers.key_of("sup", made) == key
    assert numbers.key_of("fld", made) is None


@pytest.mark.parametrize(
    "text", ["", "sup_", "sup_" + "0" * 20, "sup_" + "z" * 20, "sup_" + "0" * 19 + "A", "1", "sup_1"]
)
def test_other_texts_are_nobodys_id(text):
    assert numbers.key_of("sup", text) is None
