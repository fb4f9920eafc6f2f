"""What each recipient did as CSV or as a workbook, row by row, so that a million take no more memory than ten."""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from delivery.models import Recipient
from stats import workbooks
from stats.models import Engagement

ABOUT = (
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
)
# Columns by the attributes of `Engagement`. Those without `raw` are what people did.
DEEDS = {
    "receipt_at": "delivered_at",
    "opened_at": "human_read_at",
    "opens": "human_opens",
    "clicked_at": "human_clicked_at",
    "clicks": "human_clicks",
    "viewed_at": "human_viewed_at",
    "unsubscribed_at": "unsubscribed_at",
    "bounced_at": "bounced_at",
    "bounce_type": "bounce_type",
    "complained_at": "complained_at",
    "forwarded_at": "forwarded_at",
    "forwards": "forwards",
    "converted_at": "converted_at",
    "conversions": "conversions",
    "revenue_cents": "revenue_cents",
    "privacy_opened_at": "privacy_opened_at",
    "raw_opened_at": "read_at",
    "raw_opens": "opens",
    "raw_clicked_at": "clicked_at",
    "raw_clicks": "clicks",
    "raw_viewed_at": "viewed_at",
}
COLUMNS = (*ABOUT, *DEEDS)
NOTHING_DONE = Engagement()
NUMBER = re.compile(r"[+-]?\d+")
CHUNK = 2000


def activity(recipients: QuerySet[Recipient]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180, UTC times in ISO 8601), for a streaming answer; the first names the columns.

    `recipients` are those of `stats.people.recipients`. `opened_at` is the first proof of reading, as in the figures;
    `opens` are loads of the pixel. No cell can be taken for a formula by a spreadsheet.
    """
    writer = csv.writer(_Lines())
    yield writer.writerow(COLUMNS)
    for row in _rows(recipients):
        yield writer.writerow([cell(value) for value in row])


def workbook(recipients: QuerySet[Recipient]) -> Iterator[bytes]:
    """The same as an Excel workbook in pieces, for a streaming answer. Times are UTC; no text is a formula."""
    return workbooks.streamed(COLUMNS, _rows(recipients))


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


def _rows(recipients: QuerySet[Recipient]) -> Iterator[list[Any]]:
    for recipient in recipients.iterator(chunk_size=CHUNK):
        yield _values(recipient)


def _values(recipient: Recipient) -> list[Any]:
    about = [
        recipient.address or str(recipient.subscriber or "erased"),
        recipient.subscriber.public_id if recipient.subscriber else "",
        recipient.run.number,
        recipient.variant.name if recipient.variant else "",
        recipient.state,
        recipient.skip_reason,
        recipient.attempts,
        recipient.reply_code,
        recipient.reply_text,
        recipient.settled_at,
    ]
    engagement: Engagement = getattr(recipient, "engagement", NOTHING_DONE)
    return about + [getattr(engagement, name) for name in DEEDS.values()]


class _Lines:
    """A file for csv.writer that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line
