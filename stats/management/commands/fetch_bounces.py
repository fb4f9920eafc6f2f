"""`manage.py fetch_bounces`: read the mailbox of bounces and complaints now; the clock does it every minute."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from stats.mailbox import fetch
from tracking.bounces.mailbox import Account, MailboxTrouble


class Command(BaseCommand):
    help = "Read bounces and complaints from their mailbox (BOUNCE_IMAP_HOST), and count them."

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.from_settings()
        if account is None:
            raise CommandError("No mailbox is set: BOUNCE_IMAP_HOST is empty.")
        try:
            fetched = fetch(account)
        except (MailboxTrouble, DatabaseError, OSError) as trouble:
            raise CommandError(f"{trouble}. What was not counted is still in the mailbox.") from trouble
        self.stdout.write(
            f"{fetched.mails} mails: {fetched.reports} reports, {fetched.strays} set aside; {fetched.removed} removed, "
            f"{fetched.waiting} wait to be counted"
        )
