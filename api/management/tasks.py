"""What this API does in the background."""

from celery import shared_task

from api.management import idempotency


@shared_task(name="management_api.forget_answers")  # type: ignore[untyped-decorator]
def forget_answers() -> int:
    return idempotency.forget_old()
