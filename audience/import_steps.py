"""What every import of a file does, whatever stands in the file: one step at a time, and an end that says why.

An import is a row with `status`, `status_reason`, `modified_at`, `finished_at`, `file` and `error_file`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, models
from django.utils.timezone import now

from audience.errors import AudienceError
from audience.models import Import, SuppressionImport

logger = logging.getLogger(__name__)

STALLED_AFTER = timedelta(minutes=2)
AnyImport = Import | SuppressionImport
ImportT = TypeVar("ImportT", Import, SuppressionImport)


def move(row: AnyImport, to: str, *, of: Iterable[str], **columns: Any) -> bool:
    """Compare-and-set of the status; whether it was this call that moved it. The row in hand is brought up to date."""
    rows = type(row)._base_manager.filter(pk=row.pk, status__in=list(of))
    moved = rows.update(status=to, modified_at=now(), **columns)
    row.refresh_from_db()
    return moved == 1


@contextmanager
def failing(row: AnyImport, fail: Callable[[str], None]) -> Iterator[None]:
    """Do the work within; `fail` gets the reason when it cannot be done, now or ever."""
    try:
        yield
    except AudienceError as refusal:
        fail(str(refusal)[:500])
    except FileNotFoundError:
        fail("The uploaded file is gone; upload it again.")
    except (OperationalError, InterfaceError):
        raise  # the database is away or busy; the sweep has it tried again
    except Exception:
        logger.exception("import %s failed", row.public_id)
        fail("Something went wrong that is not the file's fault; it is written in the log.")


def stalled(model: type[models.Model], at_work: Iterable[str]) -> list[int]:
    """What a lost message or a killed worker left behind."""
    left = model._base_manager.filter(status__in=list(at_work), modified_at__lt=now() - STALLED_AFTER)
    return list(left.values_list("pk", flat=True))
