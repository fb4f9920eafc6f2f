"""What can be wrong with an act on people, lists and rules. Each surface maps `code` to its own status or number.

AudienceError
├── InvalidAddress   not an email address, phone number or domain anything can be sent to
├── InvalidFields    values that do not fit their custom fields; `problems` says what, by key
├── InvalidKey       a custom field cannot be called this
├── InvalidTag       people cannot be tagged so
├── AlreadyThere     somebody else is known by this address already
├── InvalidRules     a segment's rules cannot be understood
├── Unanswerable     a rule that is understood cannot be answered, and holds for nobody
├── TooSlow          an answer would take too long to wait for
├── NotStuck         there is nothing to reset
├── TooMany          more than can be done in one go; the text says how to go about it
├── StaysOut         somebody who left, bounced, complained or was erased does not come back this way
├── LinkInvalid      a link that is forged, cut, or about somebody who is not there any more
├── LinkExpired      a link that was ours and is too old
├── LinkOutdated     a link from before the subscription ended
├── MailOnItsWay     a message to this person is being sent right now
├── ImportRefused    this cannot be done to the import now, or it is not set up yet
└── NotAllowed       this person may not do this
"""

from collections.abc import Mapping
from typing import Any


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


class InvalidTag(AudienceError):
    code = "invalid_tag"


class AlreadyThere(AudienceError):
    """`subscriber` is who is known by it."""

    code = "already_there"

    def __init__(self, text: str, subscriber: Any) -> None:
        self.subscriber = subscriber
        super().__init__(text)


class InvalidRules(AudienceError):
    code = "invalid_rules"


class Unanswerable(AudienceError):
    """Raised by a subject for one condition; the compiler lets it select nobody, also where it is negated."""

    code = "unanswerable"


class TooSlow(AudienceError):
    code = "too_slow"


class NotStuck(AudienceError):
    code = "not_stuck"


class TooMany(AudienceError):
    code = "too_many"


class StaysOut(AudienceError):
    """Somebody does not come back onto a list this way; `status` is why (see `audience.joining`)."""

    code = "stays_out"

    def __init__(self, text: str, status: str) -> None:
        self.status = status
        super().__init__(text)


class LinkInvalid(AudienceError):
    code = "link_invalid"


class LinkExpired(AudienceError):
    """`subscription` is what the link was about."""

    code = "link_expired"

    def __init__(self, subscription: Any) -> None:
        self.subscription = subscription
        super().__init__("This link is too old.")


class LinkOutdated(AudienceError):
    code = "link_outdated"


class MailOnItsWay(AudienceError):
    code = "mail_on_its_way"


class ImportRefused(AudienceError):
    code = "import_refused"


class NotAllowed(AudienceError):
    code = "not_allowed"
