"""The admin of contents: emails and the templates they start from."""

from content.admin import emails, templates

__all__ = ["emails", "templates"]
