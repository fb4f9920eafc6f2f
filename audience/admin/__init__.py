"""The admin of the audience: lists, the people on them, and what is known about them."""

from audience.admin import (
    custom_fields,
    imports,
    lifted_suppressions,
    lists,
    segments,
    subscribers,
    suppression_imports,
    suppressions,
)

__all__ = [
    "custom_fields",
    "imports",
    "lifted_suppressions",
    "lists",
    "segments",
    "subscribers",
    "suppression_imports",
    "suppressions",
]
