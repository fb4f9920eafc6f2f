"""GreenArrow Studio's segment definitions, read into the one tree, and described in their words.

    [{"type": "subscriber_status", "operator": "is", "value": "active"},
     {"type": "any", "clauses": [{"type": "domain", "operator": "is_in", "values": ["a.org"]}, {…}]}]

Its ids are our primary keys. A definition that cannot be read is refused as a whole (`greenarrow.errors`).
"""

from audience.criteria.greenarrow.definitions import parse
from audience.criteria.greenarrow.description import describe

__all__ = ["describe", "parse"]
