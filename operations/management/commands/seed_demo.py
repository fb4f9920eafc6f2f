"""`manage.py seed_demo`: the demo organization, once."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from operations.seed import seed


class Command(BaseCommand):
    help = "Make the demo organization, unless it is there; prints the passwords of its people once."

    def handle(self, *args: Any, **options: Any) -> None:
        seeded = seed()
        if not seeded.is_new:
            self.stdout.write(
                f"{seeded.organization} is there already. "
                "Forgot a password? python manage.py changepassword marketer (or approver, admin)"
            )
            return
        self.stdout.write(f"Made {seeded.organization}. Log in at {settings.BASE_URL}/admin/ as one of:")
        for username, password in seeded.passwords.items():
            self.stdout.write(f"    {username:<10} {password}")
        self.stdout.write("These passwords are shown only now.")
