"""The admin of delivery: the built-in inbox, and the system's own rows to look at."""

from delivery.admin import inbox, system_rows

__all__ = ["inbox", "system_rows"]
