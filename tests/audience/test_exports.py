"""People as CSV."""

import csv
import io

import pytest
from django.core.files.base import ContentFile

from accounts.actors import SYSTEM
from audience import exports, fields, imports
from audience.models import Subscriber, Subscription
from audience.subscriptions import subscribe
from tests.factories import MailingListFactory, SegmentFactory, SubscriberFactory, SubscriptionFactory


def rows_of(lines):
    return list(csv.reader(io.StringIO("".join(lines).lstrip("\ufeff"))))


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town")
    fields.create(organization, key="vip", kind="boolean")
    fields.create(organization, key="age", kind="number", mailing_list=mailing_list)
    return mailing_list


def test_a_list_is_exported_with_status_dates_and_fields(news):
    subscribe(news, email="ann@example.com", fields={"town": 'Ulm, "Donau"', "age": -3}, source="page")
    subscribe(news, phone="+4520123456", source="api", status="unsubscribed")
    SubscriptionFactory()

    heading, ann, other = rows_of(exports.people_on(news))

    assert heading == [
        "id",
        "email",
        "phone",
        "status",
        "source",
        "subscribed_at",
        "unsubscribed_at",
        "age",
        "town",
        "vip",
    ]
    assert ann[1:5] == ["ann@example.com", "", "subscribed", "page"]
    assert ann[7:] == ["-3", 'Ulm, "Donau"', ""]
    assert other[1:5] == ["", "+4520123456", "unsubscribed", "api"]
    assert other[6].startswith("20")


def test_a_segment_is_exported_with_the_organizations_fields(news, organization):
    SubscriberFactory(organization=organization, email="ann@example.com", fields={"town": "Ulm", "vip": True})
    SubscriberFactory(organization=organization, email="bob@example.com", fields={"town": "Bonn"})
    segment = SegmentFactory(
        organization=organization, rules={"field": "fields.town", "operator": "is", "value": "ulm"}
    )

    heading, *rows = rows_of(exports.people_in(segment))

    assert heading == ["id", "email", "phone", "town", "vip"]
    assert [row[1:] for row in rows] == [["ann@example.com", "", "Ulm", "true"]]


def test_a_broken_segment_exports_nobody(news, organization):
    SubscriberFactory(organization=organization)

    assert len(rows_of(exports.people_in(SegmentFactory(organization=organization, rules={"x": 1})))) == 1


def test_no_cell_is_a_formula(news):
    subscribe(news, email="=ann@example.com", fields={"town": "=HYPERLINK(1)"}, source="@page")

    _, row = rows_of(exports.people_on(news))

    assert [cell for cell in row if cell.startswith(("=", "+", "-", "@"))] == []


def test_what_is_exported_can_be_imported_again(news):
    subscribe(
        news,
        email="ann@example.com",
        phone="+4520123456",
        fields={"town": "Köln", "vip": "yes", "age": 2.5},
        source="page",
    )
    subscribe(news, phone="+4520123457", fields={"town": "Ulm"}, source="page")
    before = (
        list(Subscriber.objects.order_by("pk").values_list("email", "phone", "fields")),
        list(Subscription.objects.order_by("pk").values_list("fields", flat=True)),
    )
    content = "".join(exports.people_on(news)).encode()
    Subscriber.objects.all().delete()

    draft = imports.create(news, ContentFile(content, name="export.csv"), by=SYSTEM)
    imports.start(draft, by=SYSTEM)
    done = imports.run(draft.pk)

    assert (done.added, done.refused) == (2, 0)
    assert before == (
        list(Subscriber.objects.order_by("pk").values_list("email", "phone", "fields")),
        list(Subscription.objects.order_by("pk").values_list("fields", flat=True)),
    )


def test_an_export_is_streamed_with_a_constant_number_of_queries(news, django_assert_num_queries):
    SubscriptionFactory.create_batch(30, mailing_list=news)

    with django_assert_num_queries(2):
        assert len(rows_of(exports.people_on(news))) == 31


def test_texts_that_look_like_formulas_survive_an_export_and_an_import(news):
    odd = ["=1+1", "'=1", "a;=1+1", "-x", "'tis", "-5"]
    for number, text in enumerate(odd):
        subscribe(news, email=f"p{number}@example.com", fields={"town": text}, source="page")
    subscribe(news, email="+ann@example.com", fields={}, source="=page")
    content = "".join(exports.people_on(news)).encode()
    kept = {each.email: each.fields for each in Subscriber.objects.all()}
    Subscriber.objects.all().delete()

    draft = imports.create(news, ContentFile(content, name="people.csv"), by=SYSTEM)
    imports.start(draft, by=SYSTEM)
    imports.run(draft.pk)

    assert {each.email: each.fields for each in Subscriber.objects.all()} == kept
    assert Subscription.objects.get(subscriber__email="+ann@example.com").source == "=page"
