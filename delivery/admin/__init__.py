"""The admin of delivery: quiet hours, the built-in inbox, and the system's own rows to look at."""

from delivery.admin import inbox, quiet_hours, system_rows

__all__ = ["inbox", "quiet_hours", "system_rows"]
