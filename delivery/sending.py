"""Send one batch: claim it, stream its recipients through a transport, settle what came of it, give it back.

One thread, two kinds of time. While the event loop runs, messages are made and travel; nothing touches the database.
Between its turns (at most half a second apart) the loop stands still, and in short transactions outcomes are settled,
more recipients are read, the lease is extended and the campaign is looked at. So no transaction is ever open while a
socket is waited for, and a pause or a cancellation is noticed within a second.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.errors import InvalidTransition
from campaigns.models import Campaign, CampaignRun
from content.errors import ContentError
from delivery import batches, pace, refusals, settlement, windows
from delivery.journal import Journal
from delivery.lapsed import skip_lapsed
from delivery.models import Recipient
from delivery.querysets import may_send
from delivery.rendering import Mails, Row, Texts, messages_of, rows
from delivery.retries import InDoubt, Outcome, Policy, Rejected, backoff, judge
from delivery.settlement import Claim, Released
from delivery.transports import Message, Transport, Unreachable
from delivery.transports.choice import transport_for

logger = logging.getLogger(__name__)

TURN = 0.5  # seconds the event loop runs before the database has a say
LOOK_EVERY = 1.0  # seconds between two looks at the campaign
HANDFUL = 250  # outcomes settled, and recipients read, at once
SECONDS_TO_FINISH = 10  # for what is on the wire when something goes wrong


def deliver(batch_id: int) -> Released | None:
    """Send what is due of this batch; None when it is not to be had.

    An outage is the batch's last error, and the batch is tried again later; content that cannot be compiled fails the
    campaign. Whatever else happens, the journal stays, and `delivery.recovery` settles what it says.
    """
    with Journal.create(batch_id) as journal:
        claim = batches.claim(batch_id, worker=journal.name)
        return _deliver(claim, journal) if claim else None


def retry_wait(failures: int) -> timedelta:
    """How long a batch is left alone after nothing of it could be sent, this many times in a row."""
    return backoff(failures - 1, jitter=random.random(), base_seconds=settings.RETRY_BASE_SECONDS)  # noqa: S311


def _deliver(claim: Claim, journal: Journal) -> Released:
    run = CampaignRun.objects.select_related("campaign__organization", "campaign__edition").get(pk=claim.run_id)
    window = windows.window(run.campaign, zone=claim.zone, expires_at=claim.expires_at, at=now())
    if window.is_over or window.opens_at:
        return settlement.release(
            claim, {}, at=now(), drop=windows.EXPIRED if window.is_over else "", until=window.opens_at
        )
    try:
        content = messages_of(run)
    except ContentError as error:
        return _fail(claim, run, f"The content cannot be sent: {error}")
    skip_lapsed(claim, run, at=now())
    transport = transport_for(run.campaign.channel, organization_id=run.campaign.organization_id)
    return Shift(claim, journal, content, transport, window.closes_at).work()


def _fail(claim: Claim, run: CampaignRun, reason: str) -> Released:
    released = settlement.release(claim, {}, at=now(), error=reason)
    with suppress(InvalidTransition):
        lifecycle.fail(run.campaign, reason=reason)
    return released


class Feed:
    """The messages of a batch, made one by one as a transport asks for them."""

    def __init__(self, content: Mails | Texts, refuse: Callable[[int, str], None], wake: Callable[[], None]) -> None:
        self._content, self._refuse, self._wake = content, refuse, wake
        self._rows: deque[Row] = deque()
        self._filled = asyncio.Event()
        self.is_closed = False

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Message:
        while True:
            if self.is_hungry:
                self._wake()
            if self._rows:
                row = self._rows.popleft()
                try:
                    return self._content.message(row)
                except (ContentError, ValueError) as error:
                    self._refuse(row.recipient_id, f"The message cannot be made: {error}")
            elif self.is_closed:
                raise StopAsyncIteration
            else:
                self._filled.clear()
                await self._filled.wait()

    @property
    def is_hungry(self) -> bool:
        return not self.is_closed and len(self._rows) < HANDFUL // 2

    def fill(self, more: list[Row]) -> None:
        """Nothing more means that this was all."""
        self._rows.extend(more)
        self.is_closed = self.is_closed or not more
        self._filled.set()

    def close(self) -> None:
        """Nobody else is to be sent to now."""
        self._rows.clear()
        self.is_closed = True
        self._filled.set()


class Account:
    """The ledger of a shift: every event goes to the journal first, and outcomes wait here to be settled."""

    def __init__(self, journal: Journal, wake: Callable[[], None]) -> None:
        self._journal, self._wake = journal, wake
        self._policy = Policy(max_attempts=settings.MAX_ATTEMPTS, base_seconds=settings.RETRY_BASE_SECONDS)
        self._outcomes: dict[int, Outcome] = {}
        self._on_the_wire: set[int] = set()

    def started(self, message: Message) -> None:
        self._journal.started(message.recipient_id)
        self._on_the_wire.add(message.recipient_id)

    def answered(self, message: Message, code: int, text: str) -> None:
        outcome = judge(
            code,
            text,
            attempts=message.attempts,
            at=now(),
            jitter=random.random(),  # noqa: S311
            policy=self._policy,
        )
        self._settle(message.recipient_id, outcome)

    def refused(self, message: Message, why: str) -> None:
        self.refuse(message.recipient_id, why)

    def refuse(self, recipient_id: int, why: str) -> None:
        self._settle(recipient_id, Rejected(None, why))

    def lost(self, message: Message, why: str) -> None:
        self._settle(message.recipient_id, InDoubt(why))

    def take(self) -> dict[int, Outcome]:
        """The outcomes since the last time."""
        taken, self._outcomes = self._outcomes, {}
        return taken

    def take_all(self, why: str) -> dict[int, Outcome]:
        """As `take`, and whoever is still on the wire is in doubt."""
        doubts: dict[int, Outcome] = dict.fromkeys(self._on_the_wire, InDoubt(why))
        self._on_the_wire.clear()
        return doubts | self.take()

    def _settle(self, recipient_id: int, outcome: Outcome) -> None:
        self._outcomes[recipient_id] = outcome
        self._on_the_wire.discard(recipient_id)
        self._journal.settled(recipient_id, outcome)
        if len(self._outcomes) >= HANDFUL:
            self._wake()


class Shift:
    """One worker's work on one claimed batch."""

    def __init__(
        self,
        claim: Claim,
        journal: Journal,
        content: Mails | Texts,
        transport: Transport,
        closes_at: datetime | None = None,
    ) -> None:
        self.claim = claim
        self._closes_at = closes_at
        self._transport = transport
        self._woken = asyncio.Event()
        self._account = Account(journal, self._woken.set)
        self._feed = Feed(content, self._account.refuse, self._woken.set)
        self._began_at = now()
        self._last_id = 0
        self._next_look = 0.0
        self._paced_until: datetime | None = None

    def work(self) -> Released:
        """Raises what nobody foresaw, DatabaseError above all; then the journal has the rest of the story."""
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            delivery = loop.create_task(self._transport.deliver(self._feed, self._account))
            try:
                while not delivery.done():
                    self._between_turns(loop.time())
                    runner.run(self._turn(delivery))
            except BaseException:
                self._feed.close()
                runner.run(asyncio.wait({delivery}, timeout=SECONDS_TO_FINISH))
                raise
            return self._give_back(self._trouble(delivery))

    async def _turn(self, delivery: "asyncio.Task[None]") -> None:
        """Let messages travel until there is something for the database to do."""
        woken = asyncio.ensure_future(self._woken.wait())
        await asyncio.wait({delivery, woken}, timeout=TURN, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self._woken.clear()

    def _between_turns(self, moment: float) -> None:
        if moment >= self._next_look:
            self._next_look = moment + LOOK_EVERY
            self._look_at_the_campaign()
        if self._feed.is_hungry:
            self._read_more()
        if outcomes := self._account.take():
            refusals.tell(self.claim, outcomes, at=now())
            settlement.settle(self.claim, outcomes, at=now())

    def _look_at_the_campaign(self) -> None:
        settlement.extend_lease(self.claim, at=now())
        is_late = self._closes_at is not None and now() >= self._closes_at
        if is_late or not Campaign.objects.filter(may_send(), pk=self.claim.campaign_id).exists():
            self._feed.close()

    def _read_more(self) -> None:
        allowed = pace.take(self.claim.campaign_id, HANDFUL, now())
        if allowed.until is not None:  # the hour's share is taken; others may have the worker meanwhile
            self._paced_until = allowed.until
            self._feed.close()
            return
        waiting = Recipient.objects.mailable(self._began_at).filter(batch=self.claim.batch_id, pk__gt=self._last_id)
        more = rows(waiting.order_by("pk")[: allowed.count])
        pace.give_back(self.claim.campaign_id, allowed.count - len(more))
        self._last_id = more[-1].recipient_id if more else self._last_id
        self._feed.fill(more)

    def _trouble(self, delivery: "asyncio.Task[None]") -> str:
        """Why the transport gave up, in words; nothing when it did not."""
        error = delivery.exception()
        if error is None:
            return ""
        if not isinstance(error, Unreachable):
            logger.error("Batch %s stopped in the middle.", self.claim.batch_id, exc_info=error)
            causes = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
            return f"Sending stopped: {causes[0]}"
        return str(error)

    def _give_back(self, trouble: str) -> Released:
        last = self._account.take_all("The message was on its way when sending stopped.")
        refusals.tell(self.claim, last, at=now())
        released = settlement.release(
            self.claim, last, at=now(), error=trouble, wait=retry_wait, until=self._paced_until
        )
        suspend_if_hopeless(released)
        return released


def suspend_if_hopeless(released: Released) -> None:
    """Pause the campaign, saying why, once its batch has been tried often enough."""
    if released.failures < settings.MAX_ATTEMPTS:
        return
    with suppress(InvalidTransition):
        campaign = Campaign.objects.get(pk=released.claim.campaign_id)
        lifecycle.suspend(campaign, reason=f"{released.last_error} Tried {released.failures} times.")
