"""The play: import, write, submit, approve, send, read, report. Every step is what a person or a program would do."""

import time
from collections.abc import Callable, Sequence

from django.core.files.base import ContentFile

from accounts.actors import Actor
from audience import imports
from audience.models import Import
from audience.suppressions import suppress
from campaigns import approval, drafts, lifecycle
from campaigns.models import TERMINAL, Campaign, CampaignRun, Channel, State
from delivery.models import InboxMessage
from operations import seed
from operations.demo import audit, mailbox, readers
from operations.demo.audit import Check
from operations.demo.mailbox import Delivered
from operations.demo.people import Cast, audience_file, gather
from operations.demo.readers import Deeds
from operations.demo.show import Show
from operations.supervisor import Supervisor
from stats.ingest import ingest
from stats.reports import report

# With nothing happening for so long, something is wrong.
PATIENCE_SECONDS = 60.0


class Stuck(Exception):
    """Its text says what did not go on."""


def play(people: int, show: Show, supervisor: Supervisor) -> list[Check]:
    """All of it; the checks that were made, also those that do not hold. Raises Stuck, ChildDied."""
    wait = Waiting(show, supervisor)
    players = gather()
    file, expected = audience_file(people)
    show.step(f"Import {people} people from a CSV file into “{players.mailing_list}”")
    imported = import_file(players, file, wait)
    for address in expected.suppressed:
        suppress(organization=players.organization, kind="email", value=address, source="Demo")
    show.step("Write a campaign, submit it as marketer, approve it as approver")
    campaign = submit(players, write(players))
    wait.until(lambda: asked(players), "Asking")
    campaign = approve(players, campaign)
    show.step("Send it by SMTP into the built-in inbox")
    send(campaign, wait)
    messages = list(mailbox.delivered(campaign))
    wait.until(lambda: told(players), "Telling")
    show.step("Open, click and unsubscribe, by the links in the messages")
    deeds = read(messages, show)
    show.step("Send the next issue, and a text message: who unsubscribed gets neither")
    issue, texts = next_issue(players, campaign, wait), text_message(players, wait)
    show.step("Compare the reports with what really happened")
    result = report(campaign)
    show.report(campaign, result)
    return [
        *audit.of_import(imported, expected),
        *audit.of_notices(notices(players), campaign),
        *audit.of_inbox(messages, result, expected),
        *audit.of_readers(deeds, result),
        audit.of_list(deeds, campaign),
        *audit.of_next_issue(list(mailbox.delivered(issue)), report(issue), expected, deeds),
        *audit.of_texts(mailbox.numbers(players.organization), report(texts), expected, deeds),
    ]


# --- steps -------------------------------------------------------------------------------------------------------


def import_file(players: Cast, file: bytes, wait: "Waiting") -> Import:
    """Upload it, let the worker do it."""
    draft = imports.create(players.mailing_list, ContentFile(file, name="readers.csv"), by=players.marketer)
    imports.start(draft, by=players.marketer)

    def done() -> tuple[int, int, bool]:
        draft.refresh_from_db()
        return draft.rows_done, draft.rows_total, draft.status not in imports.AT_WORK

    wait.until(done, "Importing")
    if draft.status != Import.Status.COMPLETED:
        raise Stuck(f"The import is {draft.status}: {draft.status_reason}")
    return draft


def write(players: Cast) -> Campaign:
    return drafts.create(
        players.organization,
        by=players.marketer,
        name="The harbour opens",
        channel=Channel.EMAIL,
        edition=players.edition,
        email=seed.add_email(players.edition, by=players.marketer),
        audience=[drafts.Part(mailing_list=players.mailing_list)],
        tags=["demo"],
    )


def submit(players: Cast, campaign: Campaign) -> Campaign:
    campaign = lifecycle.submit(campaign, by=players.marketer)
    if campaign.state != State.PENDING_APPROVAL:
        raise Stuck(f"A marketer who is not trusted submitted a campaign, and it is {campaign.state}.")
    if "approve" in lifecycle.allowed(campaign, players.marketer.user):
        raise Stuck("A marketer could approve the campaign they submitted.")
    return campaign


def asked(players: Cast) -> tuple[int, int, bool]:
    """Whether the approver has a mail that asks for approval."""
    return _mailed(players.approver)


def told(players: Cast) -> tuple[int, int, bool]:
    """Whether the author has a mail that says how it was decided."""
    return _mailed(players.marketer)


def _mailed(actor: Actor) -> tuple[int, int, bool]:
    number = InboxMessage.objects.filter(recipient=actor.user.email if actor.user else "").count()
    return number, 1, number > 0


def approve(players: Cast, campaign: Campaign) -> Campaign:
    """As what was looked at, no more and no less."""
    return lifecycle.approve(campaign, by=players.approver, revision=approval.revision(campaign))


def send(campaign: Campaign, wait: "Waiting") -> None:
    """Start it as the clock would, then watch the worker."""
    lifecycle.start(campaign)

    def done() -> tuple[int, int, bool]:
        campaign.refresh_from_db()
        run = CampaignRun.objects.get(campaign=campaign)
        return run.planned - run.pending, run.planned, campaign.state in TERMINAL

    wait.until(done, "Sending")
    if campaign.state != State.SENT:
        raise Stuck(f"The campaign is {campaign.state}: {campaign.status_reason}")


def read(messages: Sequence[Delivered], show: Show) -> Deeds:
    """Wave by wave; what has come back is ingested after each."""
    deeds = Deeds()
    for name, acts in readers.waves(readers.choose(messages)):
        with show.bar(f"{name.capitalize()}…", len(acts)) as advance:
            for answer in readers.do(acts):
                deeds.answers.append(answer)
                advance(1)
        while ingest():
            pass
    return deeds


def next_issue(players: Cast, campaign: Campaign, wait: "Waiting") -> Campaign:
    """The same again, as a copy."""
    copy = drafts.copy(campaign, by=players.marketer, name="The harbour, a day later")
    copy = approve(players, submit(players, copy))
    send(copy, wait)
    return copy


def text_message(players: Cast, wait: "Waiting") -> Campaign:
    draft = drafts.create(
        players.organization,
        by=players.marketer,
        name="The harbour, in short",
        channel=Channel.SMS,
        sms_body="{{ first_name|default('Hello') }}, the first ferry leaves at six. The Morning Lantern",
        audience=[drafts.Part(mailing_list=players.mailing_list)],
    )
    draft = approve(players, submit(players, draft))
    send(draft, wait)
    return draft


def notices(players: Cast) -> list[str]:
    """Who got how many mails about the first campaign's approval; later ones go through as fast as they are asked."""
    people = [actor.user.email for actor in (players.approver, players.marketer) if actor.user]
    first = InboxMessage.objects.filter(recipient__in=people, subject__contains="The harbour opens")
    return list(first.values_list("recipient", flat=True))


class Waiting:
    """For others to do their work, while those others are watched."""

    def __init__(self, show: Show, supervisor: Supervisor) -> None:
        self.show, self.supervisor = show, supervisor

    def until(self, done: Callable[[], tuple[int, int, bool]], what: str) -> None:
        """`done` gives how much is done, of how much, and whether it is over. Raises Stuck, ChildDied."""
        so_far, patience = 0, time.monotonic() + PATIENCE_SECONDS
        with self.show.bar(f"{what}…", None) as advance:
            while True:
                number, total, is_over = done()
                advance(number - so_far, total)
                if number > so_far:
                    so_far, patience = number, time.monotonic() + PATIENCE_SECONDS
                if is_over:
                    return
                if time.monotonic() > patience:
                    raise Stuck(f"{what}: {so_far} of {total} after {PATIENCE_SECONDS:.0f} seconds without progress.")
                self.supervisor.check()
                time.sleep(0.1)
