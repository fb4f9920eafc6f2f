"""Counting stops where nobody cares any more."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.admin import paginator
from accounts.admin.paginator import BigTablePaginator
from audience.models import Subscriber
from tests.factories import SubscriberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _count_to_three(monkeypatch):
    monkeypatch.setattr(paginator, "COUNTED", 3)


@pytest.mark.parametrize(("people", "count", "is_capped"), [(0, 0, False), (3, 3, False), (4, 3, True), (7, 3, True)])
def test_at_most_so_many_rows_are_counted(organization, people, count, is_capped):
    SubscriberFactory.create_batch(people, organization=organization)

    pages = BigTablePaginator(Subscriber.objects.order_by("pk"), 2)

    assert (pages.count, pages.is_capped) == (count, is_capped)


def test_the_database_is_asked_for_no_more(organization):
    SubscriberFactory.create_batch(5, organization=organization)

    with CaptureQueriesContext(connection) as captured:
        assert BigTablePaginator(Subscriber.objects.order_by("pk"), 2).num_pages == 2

    (query,) = captured.captured_queries
    assert "LIMIT 4" in query["sql"]
    assert "ORDER BY" not in query["sql"]


def test_a_list_says_that_there_are_more(organization, bob, login):
    SubscriberFactory.create_batch(5, organization=organization)

    page = login(bob).get(reverse("admin:audience_subscriber_changelist")).content.decode()

    assert "More than 3 subscribers" in page


def test_lists_in_hand_are_counted_too():
    assert BigTablePaginator([1, 2, 3, 4, 5], 2).is_capped
