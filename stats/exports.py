"""CSV of what each recipient did, line by line, so that a million recipients take no more memory than ten."""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from delivery.models import Recipient
from stats.models import Engagement

COLUMNS = (
    "address",
    "subscriber_id",
    "run",
    "variant",
    "state",
    "skip_reason",
    "attempts",
    "reply_code",
    "reply_text",
    "settled_at",
    "opened_at",
    "opens",
    "clicked_at",
    "clicks",
    "viewed_at",
    "unsubscribed_at",
    "bounced_at",
    "complained_at",
)
FROM_ENGAGEMENT = COLUMNS[COLUMNS.index("opened_at") :]
NUMBER = re.compile(r"[+-]?\d+")
CHUNK = 2000


def activity(recipients: QuerySet[Recipient]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180, UTC times in ISO 8601), for a streaming answer; the first names the columns.

    `recipients` are those of `stats.people.recipients`. `opened_at` is the first proof of reading, as in the figures;
    `opens` are loads of the pixel. No cell can be taken for a formula by a spreadsheet.
    """
    writer = csv.writer(_Lines())
    yield writer.writerow(COLUMNS)
    for recipient in recipients.iterator(chunk_size=CHUNK):
        yield writer.writerow([cell(value) for value in _values(recipient)])


def cell(value: Any) -> str:
    """A value as text. What a spreadsheet would take for a formula gets an apostrophe in front; numbers, telephone
    numbers among them, stay as they are."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n"):
        return text if NUMBER.fullmatch(text) else f"'{text}"
    return text


def _values(recipient: Recipient) -> list[Any]:
    about = [
        recipient.address or str(recipient.subscriber or "erased"),
        recipient.subscriber.public_id if recipient.subscriber else "",
        recipient.run.number,
        recipient.variant.name,
        recipient.state,
        recipient.skip_reason,
        recipient.attempts,
        recipient.reply_code,
        recipient.reply_text,
        recipient.settled_at,
    ]
    engagement: Engagement | None = getattr(recipient, "engagement", None)
    if engagement is None:
        return about + [0 if name in ("opens", "clicks") else None for name in FROM_ENGAGEMENT]
    return about + [getattr(engagement, "read_at" if name == "opened_at" else name) for name in FROM_ENGAGEMENT]


class _Lines:
    """A file for csv.writer that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line
