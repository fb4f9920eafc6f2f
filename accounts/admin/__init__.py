"""The admin of accounts, and what every other admin module builds on (`base`, `desk`, `pages`)."""

from accounts.admin import keys, members, organizations, users

__all__ = ["keys", "members", "organizations", "users"]
