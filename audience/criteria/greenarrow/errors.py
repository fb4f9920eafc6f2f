"""What can be wrong with a definition; `code` is GreenArrow's own `error_code` for it.

InvalidRules
└── InvalidDefinition
    ├── InvalidRequest        not of the shape of a definition, or of a type or operator there is not
    ├── ValidationFailed      a value that does not fit, or a field there is not
    ├── MultipleRecordsFound  a name that several things have
    └── NotFound              a list, or another record named by its id, that is not there
"""

from audience.errors import InvalidRules


class InvalidDefinition(InvalidRules):
    """Root of what is wrong with a definition."""


class InvalidRequest(InvalidDefinition):
    code = "invalid_request"


class ValidationFailed(InvalidDefinition):
    code = "validation_failed"


class MultipleRecordsFound(InvalidDefinition):
    code = "multiple_records_found"


class NotFound(InvalidDefinition):
    code = "not_found"
