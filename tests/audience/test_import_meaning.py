"""Imports against a slow and obvious way to do the same."""

import csv
import io

import pytest
from django.db import transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audience import fields
from audience.models import Subscriber, SubscriberTag, Subscription, TaggedSubscription
from tests.audience.importing import chunks_of, counts, import_file
from tests.examples import examples
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "a@x.org", "B@x.org", "c@x.org", "bad"]),
        st.sampled_from(["", "", "+4520000001", "+4520000002", "1"]),
        st.sampled_from(["", "Ulm", "Bonn"]),
        st.sampled_from(["", "S", "M", "XL"]),
        st.sampled_from(["", "vip", "vip|new"]),
        st.sampled_from(["", "", "subscribed", "unconfirmed", "unsubscribed", "complained"]),
    ),
    max_size=12,
)
LEFT = ["bounced", "unsubscribed", "complained"]  # from weak to strong
KNOWN = st.dictionaries(
    st.sampled_from(["a@x.org", "b@x.org"]),
    st.tuples(
        st.sampled_from(["", "Ulm"]),
        st.sampled_from([None, "subscribed", "unsubscribed", "bounced"]),
        st.sampled_from(["", "S"]),
    ),
)


def one_by_one(mailing_list, rows, *, on_conflict):
    """What an import ought to do, a row and a statement at a time; its counts."""
    found, update = [0, 0, 0, 0], on_conflict == "update"
    for email, phone, town, size, tags, status in rows:
        if not any((email, phone, town, size, tags, status)):
            continue
        if (not email and not phone) or email == "bad" or phone == "1" or size == "XL":
            found[3] += 1
            continue
        people = Subscriber.objects.filter(organization=mailing_list.organization)
        person = people.filter(email=email.lower()).first() if email else _known_by(people, phone)
        new = person is None
        person = person or Subscriber(organization=mailing_list.organization, email=email.lower() or None, phone=phone)
        row = None if new else person.subscriptions.filter(mailing_list=mailing_list).first()
        before = (person.phone, dict(person.fields), dict(row.fields) if row else None)
        if on_conflict != "skip" or row is None:
            if phone and (update or not person.phone):
                person.phone = phone
            if town and (update or "town" not in person.fields):
                person.fields["town"] = town
            person.save()
        if row is None:
            row = Subscription.objects.create(
                mailing_list=mailing_list,
                subscriber=person,
                source="import",
                status=status or "subscribed",
                unsubscribed_at=now(),
                fields={"size": size} if size else {},
            )
            _tag(row, tags)
            found[0] += 1
            continue
        tagged = left = False
        if update and status in LEFT and (row.status not in LEFT or LEFT.index(status) > LEFT.index(row.status)):
            row.status, row.unsubscribed_at, left = status, now(), True
            row.save()
        if on_conflict != "skip":
            if size and (update or "size" not in row.fields):
                row.fields["size"] = size
                row.save()
            tagged = _tag(row, tags)
        found[1 if tagged or left or (person.phone, person.fields, row.fields) != before else 2] += 1
    return tuple(found)


def _tag(row, tags):
    done = []
    for name in filter(None, tags.split("|")):
        tag, _ = SubscriberTag.objects.get_or_create(mailing_list=row.mailing_list, name=name)
        done.append(TaggedSubscription.objects.get_or_create(tag=tag, subscription=row)[1])
    return any(done)


def _known_by(people, phone):
    same = people.filter(phone=phone).order_by("pk")
    return same.filter(email=None).first() or same.first()


def everything(mailing_list):
    people = Subscriber.objects.filter(organization=mailing_list.organization).order_by("email", "phone")
    rows = Subscription.objects.filter(mailing_list=mailing_list).order_by("subscriber__email", "subscriber__phone")
    tags = TaggedSubscription.objects.filter(tag__mailing_list=mailing_list)
    return (
        list(people.values_list("email", "phone", "fields")),
        list(rows.values_list("subscriber__email", "subscriber__phone", "status", "fields")),
        sorted(tags.values_list("subscription__subscriber__email", "tag__name"), key=str),
    )


@pytest.mark.django_db
@given(KNOWN, ROWS, st.sampled_from(["update", "skip", "fill"]), st.sampled_from([2, 5, 12]))
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_import_does_what_the_slow_and_obvious_way_does(known, rows, on_conflict, chunk):
    with transaction.atomic():
        lists = [MailingListFactory() for _ in range(2)]
        for mailing_list in lists:
            fields.create(mailing_list.organization, key="town")
            fields.create(
                mailing_list.organization, key="size", kind="choice", choices=["S", "M"], mailing_list=mailing_list
            )
            for email, (town, status, size) in known.items():
                person = SubscriberFactory(
                    organization=mailing_list.organization, email=email, fields={"town": town} if town else {}
                )
                if status:
                    SubscriptionFactory(
                        mailing_list=mailing_list,
                        subscriber=person,
                        status=status,
                        unsubscribed_at=now(),
                        fields={"size": size} if size else {},
                    )
        buffer = io.StringIO()
        csv.writer(buffer).writerows([("email", "phone", "town", "size", "tags", "status"), *rows])

        expected = one_by_one(lists[0], rows, on_conflict=on_conflict)
        with pytest.MonkeyPatch.context() as patched:
            chunks_of(patched, chunk)
            done = import_file(lists[1], buffer.getvalue(), on_conflict=on_conflict)

        assert counts(done) == expected
        assert everything(lists[1]) == everything(lists[0])
        transaction.set_rollback(True)
