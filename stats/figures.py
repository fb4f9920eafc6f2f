"""The figures of a campaign: what each is called, means, and is made of. Everybody who shows one reads it here.

Each is there twice (`Results`): as people made it, and as every hit has it, programs included. They differ in what a
program can do unasked: open, click, look at the web version. `docs/metrics.md` says the same for people, and a test
holds the two together; `docs/decisions/0046-people-first-every-hit-beside.md` says who shows which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure by its name in `Figures`; a rate is `numerator / denominator`, of other figures.

    `by_programs`: whether a program can make it too, so that the people's figure and that of every hit may differ.
    """

    name: str
    label: str
    sentence: str
    numerator: str = ""
    denominator: str = ""
    by_programs: bool = False

    @property
    def is_rate(self) -> bool:
        return bool(self.denominator)


def _count(name: str, label: str, sentence: str, *, by_programs: bool = False) -> Definition:
    return Definition(name, label, sentence, by_programs=by_programs)


def _rate(name: str, label: str, sentence: str, formula: str, *, by_programs: bool = False) -> Definition:
    numerator, denominator = formula.split(" / ")
    return Definition(name, label, sentence, numerator, denominator, by_programs)


DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        _count("planned", "Audience", "People in the audience when it was fixed, those skipped included."),
        _count("total_recipients", "Recipients", "People a message is attempted to."),
        _count("sent", "Sent", "Recipients whose message was handed over and accepted."),
        _count("failed", "Failed", "Recipients whose message was refused for good, or given up after its retries."),
        _count("skipped", "Skipped", "People in the audience who may not be sent to; each has a reason."),
        _count(
            "excluded",
            "Excluded",
            "People meant by a list or segment and kept out by an excluded one; not part of the audience.",
        ),
        _count("in_doubt", "In doubt", "Recipients whose message was on the wire when a worker was killed."),
        _count("pending", "Waiting", "Recipients whose message has not been settled yet."),
        _count("bounced", "Bounced", "Recipients whose message came back after it had been accepted."),
        _count("bounced_hard", "Bounced for good", "Of those bounced, recipients whose first bounce was hard."),
        _count("bounced_soft", "Bounced for now", "Of those bounced, recipients whose first bounce was soft."),
        _count("bounced_other", "Bounced otherwise", "Of those bounced, recipients whose first bounce was neither."),
        _count(
            "bounced_local",
            "Refused at hand-over",
            "Recipients whose message was refused when it was handed over. They are failed, not bounced.",
        ),
        _count("bounced_remote", "Bounced later", "Recipients whose message came back later: all those bounced."),
        _count("bounces", "Bounces in all", "Every report that a message came back."),
        _count("receipts", "Receipts", "Recipients whose provider has confirmed that the message arrived."),
        _count(
            "delivered",
            "Delivered",
            "Sent less bounced. For SMS, recipients with a receipt as soon as there is one.",
        ),
        _count(
            "opened",
            "Opened",
            "Recipients who loaded the tracking pixel, clicked a link or viewed the web version. Always 0 for SMS.",
            by_programs=True,
        ),
        _count(
            "opens",
            "Opens in all",
            "Every load of the pixel, and one for each recipient who first clicked or viewed without it.",
            by_programs=True,
        ),
        _count("pixel_opened", "Loaded the pixel", "Recipients who loaded the tracking pixel.", by_programs=True),
        _count("pixel_opens", "Pixel loads in all", "Every load of the tracking pixel.", by_programs=True),
        _count(
            "privacy_opened",
            "Opened by a privacy proxy",
            "Recipients whose pixel a privacy proxy loaded, whether they looked at the message or not.",
        ),
        _count("privacy_opens", "Privacy proxy opens in all", "Every load of the pixel by a privacy proxy."),
        _count("clicked", "Clicked", "Recipients who clicked at least one link.", by_programs=True),
        _count("clicks", "Clicks in all", "Every click on a link.", by_programs=True),
        _count("viewed", "Viewed in the browser", "Recipients who opened the web version.", by_programs=True),
        _count("views", "Views in all", "Every look at the web version.", by_programs=True),
        _count("unsubscribed", "Unsubscribed", "Recipients who unsubscribed by this message, undone or not."),
        _count("unsubscribes", "Unsubscribes in all", "Every time somebody unsubscribed by this message."),
        _count("complained", "Complained", "Recipients who reported the message as spam."),
        _count("complaints", "Complaints in all", "Every report of the message as spam."),
        _count("forwarded", "Forwarded", "Recipients who forwarded the message to a friend."),
        _count("forwards", "Forwards in all", "Every time the message was forwarded to a friend."),
        _count("converted", "Converted", "Recipients with at least one conversion."),
        _count("conversions", "Conversions in all", "Every conversion reported."),
        _count("revenue_cents", "Revenue", "What conversions were worth, in hundredths of the currency."),
        _rate("delivery_rate", "Delivery rate", "How many of those sent to got it.", "delivered / sent"),
        _rate("bounce_rate", "Bounce rate", "How many of those sent to bounced.", "bounced / sent"),
        _rate("hard_bounce_rate", "Hard bounce rate", "How many sent to bounced for good.", "bounced_hard / sent"),
        _rate("soft_bounce_rate", "Soft bounce rate", "How many sent to bounced for now.", "bounced_soft / sent"),
        _rate(
            "open_rate",
            "Open rate",
            "How many of those delivered to opened.",
            "opened / delivered",
            by_programs=True,
        ),
        _rate(
            "click_rate",
            "Click rate",
            "How many of those delivered to clicked.",
            "clicked / delivered",
            by_programs=True,
        ),
        _rate(
            "click_to_open_rate",
            "Click to open rate",
            "How many who opened clicked.",
            "clicked / opened",
            by_programs=True,
        ),
        _rate(
            "unsubscribe_rate",
            "Unsubscribe rate",
            "How many of those delivered to unsubscribed.",
            "unsubscribed / delivered",
        ),
        _rate(
            "complaint_rate",
            "Complaint rate",
            "How many of those delivered to complained.",
            "complained / delivered",
        ),
        _rate("forward_rate", "Forward rate", "How many of those delivered to forwarded it.", "forwarded / delivered"),
        _rate(
            "conversion_rate",
            "Conversion rate",
            "How many of those delivered to converted.",
            "converted / delivered",
        ),
    )
}  # fmt: skip
RATES = tuple(name for name, definition in DEFINITIONS.items() if definition.is_rate)


def rate(numerator: int, denominator: int) -> float:
    """A fraction from 0 to 1, rounded to four decimals; 0.0 where there is nothing to divide by.

    Never above 1: an open can come before the bounce of the same message, or from a recipient in doubt.
    """
    return min(1.0, round(numerator / denominator, 4)) if denominator > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of people, except where `DEFINITIONS` says "in all"; rates are fractions from 0 to 1.

    `is_sms`: receipts, where there are any, say what was delivered.
    """

    planned: int = 0
    total_recipients: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    excluded: int = 0
    in_doubt: int = 0
    pending: int = 0
    bounced: int = 0
    bounced_hard: int = 0
    bounced_soft: int = 0
    bounced_other: int = 0
    bounced_local: int = 0
    bounced_remote: int = 0
    bounces: int = 0
    receipts: int = 0
    opened: int = 0
    opens: int = 0
    pixel_opened: int = 0
    pixel_opens: int = 0
    privacy_opened: int = 0
    privacy_opens: int = 0
    clicked: int = 0
    clicks: int = 0
    viewed: int = 0
    views: int = 0
    unsubscribed: int = 0
    unsubscribes: int = 0
    complained: int = 0
    complaints: int = 0
    forwarded: int = 0
    forwards: int = 0
    converted: int = 0
    conversions: int = 0
    revenue_cents: int = 0
    is_sms: bool = False

    def __add__(self, other: "Figures") -> "Figures":
        """The counts of both; of SMS and email together only those of email mean anything where they differ."""
        added = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Figures(**added, is_sms=self.is_sms and other.is_sms)

    @property
    def delivered(self) -> int:
        """Sent less bounced; for SMS those with a receipt, as soon as there is one."""
        if self.is_sms and self.receipts:
            return self.receipts
        return max(0, self.sent - self.bounced)

    @property
    def delivery_rate(self) -> float:
        """`delivered / sent`"""
        return self._rate("delivery_rate")

    @property
    def bounce_rate(self) -> float:
        """`bounced / sent`"""
        return self._rate("bounce_rate")

    @property
    def hard_bounce_rate(self) -> float:
        """`bounced_hard / sent`"""
        return self._rate("hard_bounce_rate")

    @property
    def soft_bounce_rate(self) -> float:
        """`bounced_soft / sent`"""
        return self._rate("soft_bounce_rate")

    @property
    def open_rate(self) -> float:
        """`opened / delivered`"""
        return self._rate("open_rate")

    @property
    def click_rate(self) -> float:
        """`clicked / delivered`"""
        return self._rate("click_rate")

    @property
    def click_to_open_rate(self) -> float:
        """`clicked / opened`"""
        return self._rate("click_to_open_rate")

    @property
    def unsubscribe_rate(self) -> float:
        """`unsubscribed / delivered`"""
        return self._rate("unsubscribe_rate")

    @property
    def complaint_rate(self) -> float:
        """`complained / delivered`"""
        return self._rate("complaint_rate")

    @property
    def forward_rate(self) -> float:
        """`forwarded / delivered`"""
        return self._rate("forward_rate")

    @property
    def conversion_rate(self) -> float:
        """`converted / delivered`"""
        return self._rate("conversion_rate")

    def _rate(self, name: str) -> float:
        definition = DEFINITIONS[name]
        return rate(getattr(self, definition.numerator), getattr(self, definition.denominator))


COUNTS = tuple(each.name for each in fields(Figures) if each.name != "is_sms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What something brought, twice: `figures` as people made them, `raw` with every hit, programs included."""

    figures: Figures = Figures()
    raw: Figures = Figures()

    def __add__(self, other: "Results") -> "Results":
        return Results(figures=self.figures + other.figures, raw=self.raw + other.raw)


def as_data(figures: Figures) -> Mapping[str, float]:
    """Every figure and rate by name."""
    return {name: getattr(figures, name) for name in DEFINITIONS}
