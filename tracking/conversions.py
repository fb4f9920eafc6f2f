"""Conversions: what somebody did after a click, reported by the shop's server.

Of a campaign that `tracks_conversions`, the redirect adds a signed token to the address it leads to, by default as
`ocrid`. The shop keeps it with the order and gives it back; this module makes a hit of that, without a database. There
is no cookie of ours on the shop's pages: how long a click counts is how long the shop keeps the token.

What is the same is counted once: with a transaction id the same recipient, channel and transaction, otherwise the same
recipient, channel, value and unit. A shop where the same thing may be bought twice sends transaction ids.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from urllib.parse import unquote_plus

from django.conf import settings

from content.tokens import BadToken, Purpose, RecipientToken, read_recipient_token, recipient_token
from tracking.spool import Hit, HitKind

AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", re.ASCII)
LONGEST = {"channel": 100, "unit": 32, "transaction": 200}
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Problem(StrEnum):
    """What can be wrong with a report."""

    MISSING = "missing"  # no token
    FORGED = "forged"  # a token we did not sign, cut, or for another purpose
    UNKNOWN = "unknown"  # the token of a test or a preview: nobody got a campaign with it
    VALUE = "value"  # the rest cannot be read


class NotAConversion(Exception):
    """Why nothing of a report was kept."""

    def __init__(self, problem: Problem, text: str) -> None:
        super().__init__(text)
        self.problem = problem


def told_to(location: str, who: RecipientToken) -> str:
    """The address with the token in its query, before any fragment; the rest of it byte for byte as it was.

    A parameter of the same name gives way: the page could read the wrong one of two.
    """
    name = settings.CONVERSION_PARAMETER
    token = recipient_token(
        Purpose.CONVERSION, run_id=who.run_id, recipient_id=who.recipient_id, subscriber_id=who.subscriber_id
    )
    address, hash_mark, fragment = location.partition("#")
    base, _, query = address.partition("?")
    kept = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != name]
    return f"{base}?{'&'.join([*kept, f'{name}={token}'])}{hash_mark}{fragment}"


def reported(given: Mapping[str, str], *, at: datetime) -> Hit:
    """The hit of a report with `ocrid` and, all optional, `value` (a decimal number, `12.50`), `channel`, `unit` and
    `transaction`. Its data: `cents` (int, halves to the even cent), `channel`, `unit`, `key`. Raises NotAConversion.

    Neither the address nor the user agent of the shop's server goes with it: they say nothing of the person.
    """
    who = _who(given.get("ocrid", ""))
    texts = {name: _text(name, given.get(name, "")) for name in LONGEST}
    cents = _cents(given.get("value", "").strip())
    same = ["transaction", texts["transaction"]] if texts["transaction"] else [cents, texts["unit"]]
    key = json.dumps(["conversion", who.run_id, who.recipient_id, texts["channel"], *same])
    data = {"cents": cents, "channel": texts["channel"], "unit": texts["unit"], "key": key}
    return Hit(HitKind.CONVERTED, who.run_id, who.recipient_id, who.subscriber_id, at, data=data)


def _who(token: str) -> RecipientToken:
    if not token:
        raise NotAConversion(Problem.MISSING, "The ocrid is missing.")
    try:
        who = read_recipient_token(Purpose.CONVERSION, token)
    except BadToken as forged:
        raise NotAConversion(Problem.FORGED, "The ocrid is none of ours, or it was changed on its way.") from forged
    if not who.run_id or not who.recipient_id:
        raise NotAConversion(Problem.UNKNOWN, "The ocrid is that of a test: no campaign was sent with it.")
    return who


def _text(name: str, given: str) -> str:
    text = given.strip()
    if len(text) > LONGEST[name] or CONTROL.search(text):
        raise NotAConversion(Problem.VALUE, f"The {name} may have {LONGEST[name]} characters, and none that is hidden.")
    return text


def _cents(value: str) -> int:
    if not value:
        return 0
    if not AMOUNT.fullmatch(value):
        raise NotAConversion(Problem.VALUE, "The value is no amount: write it like 12 or 12.50.")
    return int((Decimal(value) * 100).to_integral_value(ROUND_HALF_EVEN))
