"""Lists too large to be deleted in one request: gone from every surface at once, and from the tables piece by piece.

    begin -> the list is hidden, with its subscriptions -> pieces of `ROWS`, in the background -> the list itself

Each piece is a transaction of its own that holds the list's row, so that a second worker finds nothing to do, a killed
one leaves whole pieces done, and whoever comes next goes on.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.models import Organization
from audience.models import ConsentEvent, CustomField, Import, MailingList, Subscription, Suppression

ROWS = 2_000
SLICE_SECONDS = 20.0


@dataclass(frozen=True)
class Removal:
    """A list on its way out: how many of its subscriptions there were, and how many are left."""

    name: str
    total: int
    left: int

    @property
    def done(self) -> int:
        return max(self.total - self.left, 0)


def begin(mailing_list: MailingList) -> None:
    """Hide the list and have it deleted in the background. In a transaction; whoever calls asks who may, and locks."""
    CustomField.objects.filter(mailing_list=mailing_list).delete()
    forget_imports(mailing_list)
    mailing_list.deleted_at, mailing_list.people_when_deleted = now(), mailing_list.subscriptions.count()
    mailing_list.save(update_fields=["deleted_at", "people_when_deleted", "modified_at"])
    transaction.on_commit(partial(_queue, mailing_list.pk))


def forget_imports(mailing_list: MailingList) -> None:
    """Its imports and their files, which hold addresses. In a transaction."""
    for each in Import.objects.filter(mailing_list=mailing_list):
        for file in (each.file, each.error_file):
            if file:
                transaction.on_commit(partial(file.storage.delete, str(file.name)))
        each.delete()


def go_on(list_id: int, *, seconds: float | None = None) -> bool:
    """Delete pieces until nothing is left, or until `seconds` are over; whether something is left for us to do."""
    deadline = time.monotonic() + seconds if seconds is not None else None
    while _delete_piece(list_id):
        if deadline is not None and time.monotonic() > deadline:
            return True
    return False


def under_way(organization: Organization) -> list[Removal]:
    """Lists of the organization that are being deleted, the latest first."""
    lists = MailingList.with_deleted.filter(organization=organization, deleted_at__isnull=False).order_by("-deleted_at")
    return [
        Removal(each.name, each.people_when_deleted, Subscription.objects.filter(mailing_list=each).count())
        for each in lists
    ]


def requeue() -> int:
    """Queue again what a lost message or a killed worker left behind; how many lists that were."""
    left = list(MailingList.with_deleted.filter(deleted_at__isnull=False).values_list("pk", flat=True))
    for list_id in left:
        _queue(list_id)
    return len(left)


def _delete_piece(list_id: int) -> bool:
    """Whether there may be more; not if the list is gone, or somebody else is at it."""
    with transaction.atomic():
        lists = MailingList.with_deleted.select_for_update(skip_locked=True)
        mailing_list = lists.filter(pk=list_id, deleted_at__isnull=False).first()
        if mailing_list is None:
            return False
        if not any(piece(mailing_list) for piece in _PIECES):
            mailing_list.delete()
            return False
    return True


def _log_lines(mailing_list: MailingList) -> int:
    """The lines of the consent log stay and forget the list; they keep its name."""
    some = _first(ConsentEvent.objects.filter(mailing_list=mailing_list))
    return ConsentEvent.objects.filter(pk__in=some).update(mailing_list=None) if some else 0


def _subscriptions(mailing_list: MailingList) -> int:
    some = _first(Subscription.objects.filter(mailing_list=mailing_list))
    return Subscription.objects.filter(pk__in=some).delete()[0] if some else 0


def _suppressions(mailing_list: MailingList) -> int:
    some = _first(Suppression.objects.filter(mailing_list=mailing_list))
    return Suppression.objects.filter(pk__in=some).delete()[0] if some else 0


_PIECES: tuple[Callable[[MailingList], int], ...] = (_subscriptions, _log_lines, _suppressions)


def _first(rows: Any) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS])


def _queue(list_id: int) -> None:
    from audience.tasks import delete_list  # the task calls this module

    delete_list.delay(list_id)
