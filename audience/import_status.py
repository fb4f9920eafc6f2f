"""The status a row of an import says somebody has, in the words of those who write such files.

An import never brings anybody back: a row may only say that somebody left, or has not confirmed. Of what a row says and
what is known here the stronger stands, so that who asked to be left alone stays so, whichever of the two knows it.
"""

from collections.abc import Mapping

from audience.addresses import shown
from audience.models import Subscription

Status = Subscription.Status
GONE = frozenset({Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED})
# Ours, and those of the exports of Mailchimp, Octeth and GreenArrow.
_WORDS: Mapping[str, Status] = {
    **dict.fromkeys(("subscribed", "active", "confirmed", "opted in", "opt in"), Status.SUBSCRIBED),
    **dict.fromkeys(("unconfirmed", "pending", "opt in pending", "deactivated"), Status.UNCONFIRMED),
    **dict.fromkeys(("unsubscribed", "opted out", "opt out", "opt out pending", "inactive"), Status.UNSUBSCRIBED),
    **dict.fromkeys(("bounced", "hard bounced", "cleaned", "hard bounce"), Status.BOUNCED),
    **dict.fromkeys(("complained", "complaint", "scomp", "spam", "abuse"), Status.COMPLAINED),
}
_STRENGTH = {Status.BOUNCED: 1, Status.UNSUBSCRIBED: 2, Status.COMPLAINED: 3}


def is_known(word: str) -> bool:
    return _plain(word) in _WORDS


def read(word: str) -> str:
    """The status; empty for `subscribed`, since how people join is said by the import. Raises ValueError."""
    status = _WORDS.get(_plain(word))
    if status is None:
        raise ValueError(f"{shown(word)} is no status; write {', '.join(Status.values)}.")
    return "" if status == Status.SUBSCRIBED else str(status)


def ends(said: str, standing: str) -> bool:
    """Whether a row that says this status ends, or ends for a stronger reason, a subscription of that one."""
    return _STRENGTH.get(Status(said), 0) > _STRENGTH.get(Status(standing), 0) if said else False


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").replace("-", " ").split())
