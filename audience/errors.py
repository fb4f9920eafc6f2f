"""What can be wrong with an act on people, lists and rules. Each surface maps `code` to its own status or number.

AudienceError
├── InvalidAddress   not an email address, phone number or domain anything can be sent to
├── InvalidFields    values that do not fit their custom fields; `problems` says what, by key
├── InvalidKey       a custom field cannot be called this
├── InvalidRules     a segment's rules cannot be understood
├── NotStuck         there is nothing to reset
├── TooMany          more than can be done in one go; the text says how to go about it
├── ImportRefused    this cannot be done to the import now, or it is not set up yet
└── NotAllowed       this person may not do this
"""

from collections.abc import Mapping


class AudienceError(Exception):
    """Root of everything that refuses an act on the audience; its text is fit to be shown."""

    code = "audience_error"


class InvalidAddress(AudienceError):
    code = "invalid_address"


class InvalidFields(AudienceError):
    """Values that do not fit: `problems` maps a custom field's key to what is wrong."""

    code = "invalid_fields"

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(f"{key}: {problem}" for key, problem in problems.items()))


class InvalidKey(AudienceError):
    code = "invalid_key"


class InvalidRules(AudienceError):
    code = "invalid_rules"


class NotStuck(AudienceError):
    code = "not_stuck"


class TooMany(AudienceError):
    code = "too_many"


class ImportRefused(AudienceError):
    code = "import_refused"


class NotAllowed(AudienceError):
    code = "not_allowed"
