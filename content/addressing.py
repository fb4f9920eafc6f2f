"""What differs from one recipient of a message to the next, apart from their merge fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from content.headers import header_name

# What the compiled message writes itself.
OWN_HEADERS = {
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "sender",
    "cc",
    "bcc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """One recipient of one run.

    `message_id` is in angle brackets and the same each time the message is rendered. `headers` are further headers, in
    order (List-Unsubscribe, Feedback-ID, ...); their values are cleaned, their names are checked when the message is
    rendered. `sender` is who sends it for somebody else (RFC 5322, Sender). `date` is the Date header; None means now.
    `system` are values by the names that `content.merge.system` lists.
    """

    recipient_id: int
    subscriber_id: int
    to_address: str
    message_id: str
    to_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    date: datetime | None = None
    system: Mapping[str, Any] | None = None
    sender: str = ""

    def extra_name(self, name: str) -> str:
        """Raises ValueError for a header that is not anybody's to add."""
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{name} is written by the message itself.")
        return header_name(name)
