"""The admin of tracking: what came back and could not be counted."""

from tracking.admin import strays

__all__ = ["strays"]
