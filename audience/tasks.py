"""What the audience room does in the background. A task carries an id; the row says what there is to do."""

from celery import shared_task

from audience import segments
from audience.models import Segment


@shared_task(name="audience.recalculate_segment")  # type: ignore[untyped-decorator]
def recalculate_segment(segment_id: int) -> None:
    segment = Segment.objects.select_related("organization").filter(pk=segment_id).first()
    if segment is not None:
        segments.recalculate(segment)
