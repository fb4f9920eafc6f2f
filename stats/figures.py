"""The figures of a campaign: what each is called, means, and is made of. Everybody who shows one reads it here.

`docs/metrics.md` says the same for people, and a test holds the two together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure by its name in `Figures`; a rate is `numerator / denominator`, of other figures."""

    name: str
    label: str
    sentence: str
    numerator: str = ""
    denominator: str = ""

    @property
    def is_rate(self) -> bool:
        return bool(self.denominator)


DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        Definition("planned", "Audience", "People in the audience when it was fixed, those skipped included."),
        Definition("total_recipients", "Recipients", "People a message is attempted to."),
        Definition("sent", "Sent", "Recipients whose message was handed over and accepted."),
        Definition("failed", "Failed", "Recipients whose message was refused for good, or given up after its retries."),
        Definition("skipped", "Skipped", "People in the audience who may not be sent to; each has a reason."),
        Definition(
            "excluded",
            "Excluded",
            "People meant by a list or segment and kept out by an excluded one; not part of the audience.",
        ),
        Definition("in_doubt", "In doubt", "Recipients whose message was on the wire when a worker was killed."),
        Definition("pending", "Waiting", "Recipients whose message has not been settled yet."),
        Definition("bounced", "Bounced", "Recipients whose message came back after it had been accepted."),
        Definition("delivered", "Delivered", "Sent less bounced."),
        Definition(
            "opened",
            "Opened",
            "Recipients who loaded the tracking pixel, clicked a link or viewed the web version. Always 0 for SMS.",
        ),
        Definition(
            "opens",
            "Opens in all",
            "Every load of the pixel, and one for each recipient who first clicked or viewed without it.",
        ),
        Definition("pixel_opened", "Loaded the pixel", "Recipients who loaded the tracking pixel."),
        Definition("pixel_opens", "Pixel loads in all", "Every load of the tracking pixel."),
        Definition("clicked", "Clicked", "Recipients who clicked at least one link."),
        Definition("clicks", "Clicks in all", "Every click on a link."),
        Definition("viewed", "Viewed in the browser", "Recipients who opened the web version."),
        Definition("unsubscribed", "Unsubscribed", "Recipients who unsubscribed by this message, undone or not."),
        Definition("complained", "Complained", "Recipients who reported the message as spam."),
        Definition("delivery_rate", "Delivery rate", "How many of those sent to got it.", "delivered", "sent"),
        Definition("bounce_rate", "Bounce rate", "How many of those sent to bounced.", "bounced", "sent"),
        Definition("open_rate", "Open rate", "How many of those delivered to opened.", "opened", "delivered"),
        Definition("click_rate", "Click rate", "How many of those delivered to clicked.", "clicked", "delivered"),
        Definition("click_to_open_rate", "Click to open rate", "How many who opened clicked.", "clicked", "opened"),
        Definition(
            "unsubscribe_rate",
            "Unsubscribe rate",
            "How many of those delivered to unsubscribed.",
            "unsubscribed",
            "delivered",
        ),
        Definition(
            "complaint_rate", "Complaint rate", "How many of those delivered to complained.", "complained", "delivered"
        ),
    )
}  # fmt: skip


def rate(numerator: int, denominator: int) -> float:
    """A fraction from 0 to 1, rounded to four decimals; 0.0 where there is nothing to divide by.

    Never above 1: an open can come before the bounce of the same message, or from a recipient in doubt.
    """
    return min(1.0, round(numerator / denominator, 4)) if denominator > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of people, except where `DEFINITIONS` says "in all"; rates are fractions from 0 to 1."""

    planned: int = 0
    total_recipients: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    excluded: int = 0
    in_doubt: int = 0
    pending: int = 0
    bounced: int = 0
    opened: int = 0
    opens: int = 0
    pixel_opened: int = 0
    pixel_opens: int = 0
    clicked: int = 0
    clicks: int = 0
    viewed: int = 0
    unsubscribed: int = 0
    complained: int = 0

    @property
    def delivered(self) -> int:
        return max(0, self.sent - self.bounced)

    @property
    def delivery_rate(self) -> float:
        return self._rate("delivery_rate")

    @property
    def bounce_rate(self) -> float:
        return self._rate("bounce_rate")

    @property
    def open_rate(self) -> float:
        return self._rate("open_rate")

    @property
    def click_rate(self) -> float:
        return self._rate("click_rate")

    @property
    def click_to_open_rate(self) -> float:
        return self._rate("click_to_open_rate")

    @property
    def unsubscribe_rate(self) -> float:
        return self._rate("unsubscribe_rate")

    @property
    def complaint_rate(self) -> float:
        return self._rate("complaint_rate")

    def _rate(self, name: str) -> float:
        definition = DEFINITIONS[name]
        return rate(getattr(self, definition.numerator), getattr(self, definition.denominator))
