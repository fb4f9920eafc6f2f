"""How many people a segment means, and who they are."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.utils.timezone import now

from audience.csv_files import written
from audience.errors import InvalidRules
from audience.models import CustomField, Segment, Subscriber
from audience.segments import reach
from audience.selection import Part, select

Status = Segment.Status
STUCK = (Status.PENDING, Status.PROCESSING, Status.FAILED)


class NotStuck(Exception):
    """There is nothing to reset; the text says why."""


def recalculate(segment: Segment) -> Segment:
    """Count the segment's people now. Rules that cannot be understood leave it `failed`, with the reason."""
    try:
        reach(segment)
    except InvalidRules as error:
        segment.status, segment.status_reason = Status.FAILED, str(error)[:500]
    else:
        segment.status, segment.status_reason = Status.COMPLETED, ""
        segment.user_count, segment.last_calculated_at = people(segment).count(), now()
    segment.save(update_fields=["status", "status_reason", "user_count", "last_calculated_at", "modified_at"])
    return segment


def reset(segment: Segment) -> Segment:
    """Make a draft again of a segment whose calculation failed or never ended. Raises NotStuck."""
    if segment.status not in STUCK:
        raise NotStuck(f"A segment that is {segment.status} does not need a reset.")
    segment.status, segment.status_reason = Status.DRAFT, ""
    segment.save(update_fields=["status", "status_reason", "modified_at"])
    return segment


def people(segment: Segment) -> Any:
    """The segment's people as `audience.selection` describes them; nobody where its rules cannot be understood."""
    channel = "sms" if segment.communication_channel == Segment.CommunicationChannel.SMS else "email"
    return select(segment.organization, [Part(segment_id=segment.pk)], channel=channel).order_by("pk")


def as_csv(segment: Segment) -> Iterator[str]:
    """The segment's people, a line each: id, email, phone, then the organization's own fields, by key."""
    fields = CustomField.objects.of(segment.organization).filter(mailing_list=None).order_by("key")
    keys = list(fields.values_list("key", flat=True))
    heading = ["id", "email", "phone", *keys]
    return written(chain([heading], (_row(person, keys) for person in people(segment).iterator(chunk_size=2000))))


def _row(person: Subscriber, keys: list[str]) -> list[Any]:
    return [person.public_id, person.email or "", person.phone, *(person.fields.get(key, "") for key in keys)]
