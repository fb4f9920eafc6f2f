"""What the audience room does in the background. A task carries an id; the row says what there is to do."""

import logging

from celery import shared_task

from audience import confirmations, import_files, imports, list_removal, segments, suppression_imports
from audience.models import Segment

logger = logging.getLogger(__name__)


@shared_task(name="audience.recalculate_segment")  # type: ignore[untyped-decorator]
def recalculate_segment(segment_id: int) -> None:
    segment = Segment.objects.select_related("organization").filter(pk=segment_id).first()
    if segment is not None:
        segments.recalculate(segment)


@shared_task(name="audience.send_confirmation")  # type: ignore[untyped-decorator]
def send_confirmation(subscription_id: int) -> None:
    """Once: what the relay does not take now, the sweep tries again."""
    try:
        confirmations.send(subscription_id)
    except OSError:
        logger.warning("A confirmation mail waits: the relay did not take it.", exc_info=True)


@shared_task(name="audience.sweep_confirmations")  # type: ignore[untyped-decorator]
def sweep_confirmations() -> int:
    return confirmations.sweep()


@shared_task(name="audience.run_import")  # type: ignore[untyped-decorator]
def run_import(import_id: int) -> None:
    """A slice of an import, so that others have their turn, and then the next."""
    file_import = imports.run(import_id, seconds=imports.SLICE_SECONDS)
    if file_import is not None and file_import.status in imports.AT_WORK:
        run_import.delay(import_id)


@shared_task(name="audience.run_suppression_import")  # type: ignore[untyped-decorator]
def run_suppression_import(import_id: int) -> None:
    """A slice of it, and then the next."""
    made = suppression_imports.run(import_id, seconds=suppression_imports.SLICE_SECONDS)
    if made is not None and made.status in suppression_imports.AT_WORK:
        run_suppression_import.delay(import_id)


@shared_task(name="audience.sweep_imports")  # type: ignore[untyped-decorator]
def sweep_imports() -> int:
    return imports.requeue_stalled() + suppression_imports.requeue_stalled()


@shared_task(name="audience.forget_import_files")  # type: ignore[untyped-decorator]
def forget_import_files() -> int:
    return import_files.forget_old()


@shared_task(name="audience.delete_list")  # type: ignore[untyped-decorator]
def delete_list(list_id: int) -> None:
    """A slice of it, and then the next."""
    if list_removal.go_on(list_id, seconds=list_removal.SLICE_SECONDS):
        delete_list.delay(list_id)


@shared_task(name="audience.sweep_list_removals")  # type: ignore[untyped-decorator]
def sweep_list_removals() -> int:
    return list_removal.requeue()
