"""People as CSV, line by line, so that a million need no more memory than one.

Columns are headed by what an import takes them for, so an exported file can be imported again as it is.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from audience import segments
from audience.csv_files import written
from audience.fields import as_cell, of_list
from audience.models import CustomField, MailingList, Segment, Subscriber, Subscription

_CHUNK = 2000
_OF_SUBSCRIPTION = ("status", "source", "subscribed_at", "unsubscribed_at")


def people_on(mailing_list: MailingList) -> Iterator[str]:
    """Everybody on the list: id, email, phone, status and its dates, then the fields they may have, by key."""
    fields = sorted(of_list(mailing_list).values(), key=lambda each: each.key)
    rows = Subscription.objects.filter(mailing_list=mailing_list).select_related("subscriber").order_by("pk")
    lines = (_line(row, fields) for row in rows.iterator(chunk_size=_CHUNK))
    return _lines((*_HEADING, *_OF_SUBSCRIPTION, *(each.key for each in fields)), lines)


def _line(row: Subscription, fields: list[CustomField]) -> tuple[object, ...]:
    known = {**row.subscriber.fields, **row.fields}
    consent = (row.status, row.source, _moment(row.subscribed_at), _moment(row.unsubscribed_at))
    return (*_person(row.subscriber), *consent, *(as_cell(known.get(each.key)) for each in fields))


def people_in(segment: Segment) -> Iterator[str]:
    """Everybody in the segment: id, email, phone, then the organization's fields, by key; nobody if it is broken."""
    fields = CustomField.objects.of(segment.organization).filter(mailing_list=None).order_by("key")
    keys = list(fields.values_list("key", flat=True))
    people = segments.people(segment).order_by("pk").iterator(chunk_size=_CHUNK)
    lines = ((*_person(each), *(as_cell(each.fields.get(key)) for key in keys)) for each in people)
    return _lines((*_HEADING, *keys), lines)


_HEADING = ("id", "email", "phone")


def _lines(heading: Iterable[str], lines: Iterable[Iterable[object]]) -> Iterator[str]:
    return written(chain([heading], lines))


def _person(person: Subscriber) -> tuple[str, str, str]:
    return person.public_id, person.email or "", person.phone


def _moment(moment: Any) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
