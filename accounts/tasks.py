"""What the clock does to accounts."""

from celery import shared_task

from accounts import sessions


@shared_task(name="accounts.forget_expired_sessions")  # type: ignore[untyped-decorator]
def forget_expired_sessions() -> None:
    sessions.forget_expired()
