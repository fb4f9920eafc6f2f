"""Everything that answers an address; importing it registers the routes."""

from api.greenarrow.campaigns import handlers as campaigns
from api.greenarrow.campaigns import templates

__all__ = ["campaigns", "templates"]
