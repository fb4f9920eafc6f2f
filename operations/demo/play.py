"""The play: import, write, submit, approve, send, read, report. Every step is what a person or a program would do."""

import csv
import io
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.core.files.base import ContentFile

from accounts.actors import Actor, Surface
from accounts.models import Edition, Organization, Role, User
from audience import imports
from audience.models import Import, MailingList
from audience.suppressions import suppress
from campaigns import approval, drafts, lifecycle
from campaigns.models import TERMINAL, Campaign, CampaignRun, Channel, State
from delivery.inbox import REJECTS
from delivery.models import InboxMessage
from operations import seed
from operations.demo import audit, mailbox, readers
from operations.demo.audit import Check, Expected
from operations.demo.mailbox import Delivered
from operations.demo.readers import Deeds
from operations.demo.show import Show
from operations.supervisor import Supervisor
from stats.ingest import ingest
from stats.reports import Report, report

SUPPRESSED = 5
REJECTED = 3
MALFORMED = 2
REPEATED = 4
# With nothing happening for so long, something is wrong.
PATIENCE_SECONDS = 60.0


class Stuck(Exception):
    """Its text says what did not go on."""


@dataclass(kw_only=True)
class Cast:
    """The demo's organization and who acts in it."""

    organization: Organization
    edition: Edition
    mailing_list: MailingList
    marketer: Actor
    approver: Actor


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
    show.step("Compare the report with what really happened")
    campaign.refresh_from_db()
    result = report(campaign)
    show.report(campaign, result)
    return list(checks(imported, campaign, messages, deeds, result, expected))


# --- steps -------------------------------------------------------------------------------------------------------


def gather() -> Cast:
    """An organization of this demo's own."""
    slug = f"demo-{secrets.token_hex(4)}"
    organization = Organization.objects.create(name=f"Demo {slug[5:]}", slug=slug, timezone="Europe/London")
    names = {Role.MANAGER: f"{slug}-marketer", Role.APPROVER: f"{slug}-approver"}
    cast = [seed.Person(username=name, name=f"{Role(role).label} Demo", role=role) for role, name in names.items()]
    seed.add_people(organization, cast)  # nobody learns their passwords
    seed.add_fields(organization)
    edition = seed.add_edition(organization)
    mailing_list = MailingList.objects.create(organization=organization, edition=edition, name="Morning briefing")
    marketer, approver = (_acting(names[role]) for role in (Role.MANAGER, Role.APPROVER))
    return Cast(
        organization=organization, edition=edition, mailing_list=mailing_list, marketer=marketer, approver=approver
    )


def _acting(username: str) -> Actor:
    return Actor(user=User.objects.get(username=username), surface=Surface.COMMAND)


def audience_file(people: int) -> tuple[bytes, Expected]:
    """A CSV file with this many people: most of them invented readers, some of them trouble, some rows useless."""
    with seed.SUBSCRIBERS.open(encoding="utf-8", newline="") as source:
        header, *known = csv.reader(source)
    rows = [known[n % len(known)] for n in range(people - REJECTED)]
    rows = [[_numbered(row[0], n // len(known)), *row[1:]] for n, row in enumerate(rows)]
    addresses = [row[0] for row in rows]
    rejected = [f"nobody{n}@{REJECTS}" for n in range(REJECTED)]
    rows += [[address, "Nobody", "", "en", "free", ""] for address in rejected]
    rows += [[f"no address {n}", "Norman", "", "en", "free", ""] for n in range(MALFORMED)]
    rows += [[row[0].upper(), *row[1:]] for row in rows[:REPEATED]]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode(), Expected(
        suppressed=frozenset(addresses[:SUPPRESSED]),
        reachable=frozenset(addresses[SUPPRESSED:]),
        rejected=frozenset(rejected),
        malformed=MALFORMED,
        repeated=REPEATED,
    )


def _numbered(address: str, round_: int) -> str:
    """Another address in every round through the file."""
    name, _, domain = address.partition("@")
    return f"{name}.{round_}@{domain}" if round_ else address


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


def checks(
    imported: Import,
    campaign: Campaign,
    messages: Sequence[Delivered],
    deeds: Deeds,
    result: Report,
    expected: Expected,
) -> list[Check]:
    people = [campaign.approved_by, campaign.submitted_by]
    addresses = [user.email for user in people if user]
    notices = InboxMessage.objects.filter(recipient__in=addresses).order_by("pk")
    return [
        *audit.of_import(imported, expected),
        *audit.of_notices(list(notices.values_list("recipient", flat=True)), campaign),
        *audit.of_inbox(messages, result, expected),
        *audit.of_readers(deeds, result),
        audit.of_list(deeds, campaign),
    ]


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
