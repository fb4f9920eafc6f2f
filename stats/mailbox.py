"""Read bounces and complaints from their mailbox; a mail is removed only after what it reports is committed.

First a mail's hits are on the disk (`tracking.bounces.intake`), then they are ingested, and only when the database
knows their keys is the mail removed. Killed anywhere before, this reads the mail again, and ingest counts it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stats.ingest import ingest, key_of
from stats.models import SeenHit
from tracking.bounces import intake
from tracking.bounces.intake import Taken
from tracking.bounces.mailbox import Account, Mailbox, opened

AT_ONCE = 100
MOST = 5000


@dataclass(kw_only=True)
class Fetched:
    """What became of the mails: `waiting` ones are on the disk, and stay in the mailbox until they are counted."""

    mails: int = 0
    reports: int = 0
    strays: int = 0
    removed: int = 0
    waiting: int = 0


def fetch(account: Account | None = None) -> Fetched:
    """Everything that lies in the mailbox, up to MOST mails; nothing where none is set.

    Raises MailboxTrouble, and DatabaseError and OSError where a mail could not be kept.
    """
    account, fetched = account or Account.from_settings(), Fetched()
    if account is None:
        return fetched
    with opened(account) as mailbox:
        for numbers in _in_groups(mailbox.numbers()[:MOST]):
            _fetch_some(mailbox, numbers, fetched)
    return fetched


def _in_groups(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]


def _fetch_some(mailbox: Mailbox, numbers: Sequence[int], fetched: Fetched) -> None:
    taken = {number: intake.take(raw, source="mailbox") for number in numbers if (raw := mailbox.read(number))}
    ingest()
    done = _committed(taken)
    mailbox.remove(done)
    fetched.mails += len(taken)
    fetched.reports += sum(len(each.hits) for each in taken.values())
    fetched.strays += sum(each.strays for each in taken.values())
    fetched.removed += len(done)
    fetched.waiting += len(taken) - len(done)


def _committed(taken: dict[int, Taken]) -> list[int]:
    """The mails all of whose hits the database knows; those without any are where strays are kept already."""
    keys = {number: {key_of(hit) for hit in each.hits} for number, each in taken.items()}
    wanted = set().union(*keys.values())
    known = set(SeenHit.objects.filter(key__in=wanted).values_list("key", flat=True))
    return [number for number, needed in keys.items() if needed <= known]
