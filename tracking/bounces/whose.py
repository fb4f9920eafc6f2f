"""Whose message came back.

Anybody can write to the address bounces go to, and say that anybody's mailbox is gone. So what counts is what we have
signed: the envelope sender that was made for this recipient (VERP), or the unsubscribe link in the header of the
message that was returned. Where the mail shows neither, rooms that know the recipients are asked (`FINDERS`): what the
message was called, and whether that went to the address of the report. What nobody knows is nobody's.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings

from content.tokens import (
    BadToken,
    Purpose,
    RecipientToken,
    read_recipient_token,
)
from tracking.bounces.mail import Original, Parsed, Report
from tracking.bounces.return_addresses import of_return_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What is known of a message that came back. `days`: how old a message may be that is found by its address alone;
    0 where the one who says so is not known to be honest."""

    address: str
    message_id: str = ""
    feedback_id: str = ""
    channel: str = "email"
    days: int = 0


# Asked in turn for what is not signed; rooms that know recipients add themselves when the app starts.
FINDERS: list[Callable[[Clue], RecipientToken | None]] = []


def of_original(original: Original) -> RecipientToken | None:
    with suppress(BadToken):
        return read_recipient_token(Purpose.UNSUBSCRIBE, original.unsubscribe_token)
    return None


def signed(parsed: Parsed, envelope_to: str) -> RecipientToken | None:
    """Whom our own signature names. `envelope_to`: where the mail server delivered it, if it is known."""
    return of_return_address([envelope_to, *parsed.to]) or of_original(parsed.original)


def find(report: Report, parsed: Parsed) -> RecipientToken | None:
    """Whom the returned message names, if it went to the address of the report. Raises DatabaseError."""
    original = parsed.original
    clue = Clue(
        address=report.address,
        message_id=original.message_id,
        feedback_id=original.feedback_id,
        days=settings.BOUNCE_MATCH_DAYS,
    )
    return ask(clue)


def ask(clue: Clue) -> RecipientToken | None:
    """What the first room says that knows it; None where nobody does. Raises DatabaseError."""
    if not clue.address:
        return None
    return next((found for finder in FINDERS if (found := finder(clue))), None)
