"""What this API refuses, in its own codes; `envelope.refusal` makes of it what the client reads.

GreenArrowError
├── ValidationFailed      a record would become invalid, or the act is not possible in this state
├── InvalidRequest        the request cannot be processed
├── RequestedTooMany      more than may be asked for at once
├── NotFound              there is no such record, or it is another organization's
├── MultipleRecordsFound  one was meant, and several match
└── NotAuthorized         no valid key, or one that may not do this
"""

from typing import Any


class GreenArrowError(Exception):
    """`code` is what clients read; `data` stands in the envelope where a refusal has something to show."""

    code = "internal_error"

    def __init__(self, message: str, data: Any = None) -> None:
        self.message, self.data = message, data
        super().__init__(message)


class ValidationFailed(GreenArrowError):
    code = "validation_failed"


class InvalidRequest(GreenArrowError):
    code = "invalid_request"


class RequestedTooMany(GreenArrowError):
    code = "requested_too_many"


class NotFound(GreenArrowError):
    code = "not_found"


class MultipleRecordsFound(GreenArrowError):
    code = "multiple_records_found"


class NotAuthorized(GreenArrowError):
    code = "not_authorized"
