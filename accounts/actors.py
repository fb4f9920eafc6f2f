"""Who did it, and through which door: the `by=` of every act."""

from dataclasses import dataclass

from django.db import models

from accounts.models import ApiKey, User


class Surface(models.TextChoices):
    ADMIN = "admin", "Admin"
    MANAGEMENT = "management", "REST API"
    OCTETH = "octeth", "Octeth API"
    GREENARROW = "greenarrow", "GreenArrow API"
    COMMAND = "command", "Command line"
    SYSTEM = "system", "Broadsheet"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person (or nobody, for the system) acting through a surface, perhaps with an API key."""

    user: User | None
    surface: Surface
    api_key: ApiKey | None = None

    def __str__(self) -> str:
        return str(self.user) if self.user else "Broadsheet"


SYSTEM = Actor(user=None, surface=Surface.SYSTEM)
