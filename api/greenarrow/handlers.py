"""Everything that answers an address; importing it registers the routes."""

from api.greenarrow import account, lookups
from api.greenarrow.campaigns import handlers as campaigns
from api.greenarrow.campaigns import templates
from api.greenarrow.people import fields, imports, lists, segments, subscribers, suppressions

__all__ = [
    "account",
    "campaigns",
    "fields",
    "imports",
    "lists",
    "lookups",
    "segments",
    "subscribers",
    "suppressions",
    "templates",
]
