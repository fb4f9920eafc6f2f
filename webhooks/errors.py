"""Why something about webhooks is refused; the texts can be shown to people."""

from collections.abc import Mapping


class WebhookError(Exception):
    """An act that is refused."""


class NotAllowed(WebhookError):
    """The actor's role does not include it."""


class InvalidEndpoint(WebhookError):
    """Values that do not do, by field."""

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        super().__init__(" ".join(message for messages in problems.values() for message in messages))
        self.problems = dict(problems)


class SwitchedOff(WebhookError):
    """Nothing is sent to the endpoint now."""

    def __init__(self) -> None:
        super().__init__("This webhook is switched off; make it active first.")


class RefusedAddress(WebhookError):
    """Nothing is sent there: what the name stands for is not on the public Internet, or is not allowed."""
