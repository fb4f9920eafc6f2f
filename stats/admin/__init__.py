"""The admin of statistics: a campaign's report, and the raw events to look at."""

from stats.admin import system_rows

__all__ = ["system_rows"]
