"""Envelope senders of our own making: where a message comes back to says whose it was (VERP).

BOUNCE_ADDRESS with a star in it, as in `bounces+*@mail.example.com`, is another address for each message. The token
is signed, so that nobody else makes one up.
"""

import re
from collections.abc import Iterable
from contextlib import suppress

from django.conf import settings

from content.tokens import BadToken, RecipientToken, bounce_word, read_bounce_word

STAR = "*"


def return_address(*, run_id: int, recipient_id: int, default: str) -> str:
    """The envelope sender of a message: BOUNCE_ADDRESS with its star replaced by a token; without any, `default`."""
    address: str = settings.BOUNCE_ADDRESS
    if STAR not in address:
        return address or default
    return address.replace(STAR, bounce_word(run_id=run_id, recipient_id=recipient_id))


def of_return_address(addresses: Iterable[str]) -> RecipientToken | None:
    """Of the first of these addresses that we made."""
    if STAR not in settings.BOUNCE_ADDRESS:
        return None
    before, _, after = (re.escape(part) for part in settings.BOUNCE_ADDRESS.partition(STAR))
    made = re.compile(f"{before}([a-z2-7]+){after}", re.IGNORECASE)
    for address in addresses:
        if found := made.fullmatch(address.strip()):
            with suppress(BadToken):
                return read_bounce_word(found[1])
    return None
