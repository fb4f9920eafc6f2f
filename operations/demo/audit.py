"""Does every number of the report follow from what is in the inbox and what its readers did?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from audience.models import Import, Subscription
from campaigns.models import Campaign
from operations.demo.mailbox import Delivered
from operations.demo.people import Expected
from operations.demo.readers import Deeds, page
from stats.report_rows import Report


@dataclass(frozen=True, kw_only=True)
class Check:
    """A figure, what it has to be, and what it is."""

    name: str
    expected: Any
    actual: Any

    @property
    def holds(self) -> bool:
        return bool(self.expected == self.actual)


def of_import(file_import: Import, expected: Expected) -> Iterator[Check]:
    yield Check(name="people imported", expected=expected.people, actual=file_import.added)
    yield Check(name="rows refused", expected=expected.malformed, actual=file_import.refused)
    yield Check(name="rows repeated", expected=expected.repeated, actual=file_import.repeated)


def of_inbox(messages: Sequence[Delivered], report: Report, expected: Expected) -> Iterator[Check]:
    received = Counter(message.recipient for message in messages)
    figures = report.figures
    yield Check(name="people who got a message", expected=len(expected.reachable), actual=len(received))
    yield Check(name="people who got more than one", expected=0, actual=sum(n > 1 for n in received.values()))
    yield Check(name="others who got one", expected=0, actual=len(received.keys() - expected.reachable))
    yield Check(name="message ids", expected=len(messages), actual=len({message.message_id for message in messages}))
    yield Check(name="messages with all they need", expected=len(messages), actual=_complete(messages))
    yield Check(name="sent", expected=len(messages), actual=figures.sent)
    yield Check(name="failed", expected=len(expected.rejected), actual=figures.failed)
    yield Check(name="skipped", expected={"suppressed": len(expected.suppressed)}, actual=report.skip_reasons)
    yield Check(name="in doubt or waiting", expected=0, actual=figures.in_doubt + figures.pending)
    parts = figures.sent + figures.failed + figures.skipped + figures.in_doubt + figures.pending
    yield Check(name="audience, by outcome", expected=parts, actual=figures.planned)


def _complete(messages: Iterable[Delivered]) -> int:
    return sum(bool(m.has_text and m.one_click and m.pixels and m.clicks and m.unsubscribes) for m in messages)


def of_readers(deeds: Deeds, report: Report) -> Iterator[Check]:
    figures, read = report.figures, deeds.people("open", "click", "view")
    only_otherwise = read - deeds.people("open")
    yield Check(name="answers other than expected", expected=0, actual=len(deeds.wrong()))
    yield Check(name="opened", expected=len(read), actual=figures.opened)
    yield Check(name="opens in all", expected=deeds.count("open") + len(only_otherwise), actual=figures.opens)
    yield Check(name="loaded the pixel", expected=len(deeds.people("open")), actual=figures.pixel_opened)
    yield Check(name="clicked", expected=len(deeds.people("click")), actual=figures.clicked)
    yield Check(name="clicks in all", expected=deeds.count("click"), actual=figures.clicks)
    yield Check(name="viewed in the browser", expected=len(deeds.people("view")), actual=figures.viewed)
    unsubscribed = deeds.people("one_click", "confirm")
    yield Check(name="unsubscribed", expected=len(unsubscribed), actual=figures.unsubscribed)
    clicks = deeds.clicks_by_page()
    for link in report.links:
        yield Check(name=f"clicks: {urlsplit(link.url).path}", expected=clicks[page(link.url)], actual=link.clicks)
    yield Check(
        name="clicked pages not in the report",
        expected=0,
        actual=len(clicks.keys() - {page(link.url) for link in report.links}),
    )


def of_list(deeds: Deeds, campaign: Campaign) -> Check:
    """Who unsubscribed is unsubscribed, and nobody else: not even those who only looked at the page."""
    gone = Subscription.objects.filter(
        subscriber__organization=campaign.organization, status=Subscription.Status.UNSUBSCRIBED
    )
    off_the_list = set(gone.values_list("subscriber__email", flat=True))
    wrong = off_the_list ^ deeds.people("one_click", "confirm")
    return Check(name="off the list unasked, or still on it", expected=0, actual=len(wrong))


def of_next_issue(messages: Sequence[Delivered], report: Report, expected: Expected, deeds: Deeds) -> Iterator[Check]:
    """Who has unsubscribed or does not exist gets nothing more, and everybody else does."""
    gone = deeds.people("one_click", "confirm")
    got = Counter(message.recipient for message in messages)
    skipped = {"suppressed": len(expected.suppressed), "unsubscribed": len(gone), "bounced": len(expected.rejected)}
    wanted = Counter(expected.reachable - gone)
    yield Check(name="next issue: got it, and should not", expected=0, actual=(got - wanted).total())
    yield Check(name="next issue: should have it, and did not", expected=0, actual=(wanted - got).total())
    yield Check(name="next issue: skipped", expected=skipped, actual=report.skip_reasons)
    yield Check(name="next issue: sent", expected=len(messages), actual=report.figures.sent)


def of_texts(numbers: Sequence[str], report: Report, expected: Expected, deeds: Deeds) -> Iterator[Check]:
    """`numbers`: to which a text message went. The same people, as far as they have a phone."""
    gone = deeds.people("one_click", "confirm")
    wanted = Counter(phone for address, phone in expected.phones.items() if address not in gone)
    got = Counter(numbers)
    yield Check(name="texts: got one, and should not", expected=0, actual=(got - wanted).total())
    yield Check(name="texts: should have one, and did not", expected=0, actual=(wanted - got).total())
    yield Check(name="texts: sent", expected=len(numbers), actual=report.figures.sent)
    skipped = expected.people - wanted.total()
    yield Check(name="texts: skipped, without phone or wish", expected=skipped, actual=report.figures.skipped)


def of_notices(notices: Sequence[str], campaign: Campaign) -> Iterator[Check]:
    """`notices`: addresses of whoever got one. The approver was asked, the author told."""
    got = Counter(notices)
    for name, user in (("the approver", campaign.approved_by), ("the author", campaign.submitted_by)):
        yield Check(name=f"notices to {name}", expected=1, actual=got[user.email if user else ""])
