"""Campaigns in the admin: the list, each campaign's pages, the approval queue, the homes."""

from campaigns.admin import campaigns

__all__ = ["campaigns"]
