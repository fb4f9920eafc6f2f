"""A Celery broker that needs no server: messages are files in a folder (a kombu transport, `folder://`).

    queues/<queue>/<wall clock>-<process>-<number>    a message that waits
    claims/<consumer>/<queue>/<same name>             one a consumer holds and has not acknowledged
    claims/<consumer>.lock                            locked for as long as that consumer lives
    bindings/<exchange>/<digest>                      a queue's binding
    malformed/                                        what could not be read, kept for a person to look at

Every step is one rename inside one file system: a message is written under a temporary name and then moved into its
queue, so that no consumer sees half of it; of several consumers that try to claim it, the rename of exactly one
succeeds. Acknowledging deletes the claim, so `acks_late` means what it says. When a consumer is killed, the kernel
drops its lock, and the next consumer that looks puts the claims back where they were.

Not durable against a power cut (nothing is flushed to the disk): the database knows what has to be done, and the
sweeper queues it again. For one machine; several machines take RabbitMQ. Does not know priorities.
"""

# mypy: allow-untyped-calls
# (kombu annotates little)

import fcntl
import hashlib
import itertools
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from kombu.exceptions import ChannelError
from kombu.transport import virtual
from kombu.transport.base import to_rabbitmq_queue_arguments
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

# How many messages are taken before a queue is looked at again. A folder that is listed while it changes may leave out
# an entry, which is then behind those that were listed: order is kept roughly, within so many messages.
LISTED = 500
# How often a consumer looks for claims of others that have died.
RETURN_CLAIMS_EVERY = 2.0
_sequence = itertools.count()
_own_locks: set[str] = set()


class Binding(NamedTuple):
    """One line of an exchange's routing table, in the order kombu reads it."""

    routing_key: str
    pattern: str
    queue: str


class Store:
    """The files below one folder. Knows nothing of AMQP beyond names of queues and exchanges."""

    def __init__(self, folder: Path) -> None:
        self.queues, self.claims = folder / "queues", folder / "claims"
        self.bindings, self.malformed = folder / "bindings", folder / "malformed"
        self.drafts = folder / "drafts"
        for each in (self.queues, self.claims, self.bindings, self.malformed, self.drafts):
            each.mkdir(parents=True, exist_ok=True)

    def put(self, queue: str, content: bytes) -> None:
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_sequence):09d}"
        draft = self.drafts / f"{name}-{os.urandom(4).hex()}"
        draft.write_bytes(content)
        home = self.queue(queue)
        try:
            draft.replace(home / name)
        except FileNotFoundError:
            home.mkdir(exist_ok=True)
            draft.replace(home / name)

    def queue(self, queue: str) -> Path:
        return self.queues / folder_name(queue)

    def waiting(self, queue: str) -> list[str]:
        """Names of the messages that wait, oldest first."""
        try:
            return sorted(os.listdir(self.queue(queue)))  # noqa: PTH208 - names only, a tenth of the cost
        except FileNotFoundError:
            return []

    def bind(self, exchange: str, binding: Binding) -> None:
        content = dumps(list(binding)).encode()
        home = self.bindings / folder_name(exchange)
        home.mkdir(exist_ok=True)
        draft = self.drafts / os.urandom(8).hex()
        draft.write_bytes(content)
        draft.replace(home / _digest(content))

    def unbind(self, exchange: str, binding: Binding) -> None:
        content = dumps(list(binding)).encode()
        (self.bindings / folder_name(exchange) / _digest(content)).unlink(missing_ok=True)

    def bound(self, exchange: str, known: dict[str, Binding]) -> list[Binding]:
        """The exchange's routing table. `known` caches what the files say: a file's name is a digest of its content."""
        home = self.bindings / folder_name(exchange)
        names = sorted(os.listdir(home)) if home.is_dir() else []  # noqa: PTH208
        for name in names:
            if name not in known:
                with suppress(FileNotFoundError):  # unbound a moment ago
                    known[name] = Binding(*loads((home / name).read_text()))
        return [known[name] for name in names if name in known]

    def put_aside(self, path: Path, queue: str) -> None:
        path.replace(self.malformed / f"{folder_name(queue)}-{path.name}")

    def return_abandoned(self) -> int:
        """Put claims of dead consumers back into their queues; how many messages."""
        return sum(self._return(lock) for lock in self.claims.glob("*.lock"))

    def _return(self, lock: Path) -> int:
        if lock.name in _own_locks:  # a process does not conflict with itself, and closing the file would unlock it
            return 0
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except FileNotFoundError:
            return 0
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self.give_back(lock)
        except (BlockingIOError, PermissionError):
            return 0  # it lives
        finally:
            os.close(descriptor)

    def give_back(self, lock: Path) -> int:
        """All claims below this lock go back; then the consumer's folder and its lock are gone."""
        returned = 0
        for claim in lock.with_suffix("").glob("*/*"):
            home = self.queue(unquote(claim.parent.name))
            home.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                claim.replace(home / claim.name)
                returned += 1
        with suppress(FileNotFoundError):
            for each in lock.with_suffix("").iterdir():
                each.rmdir()
            lock.with_suffix("").rmdir()
        lock.unlink(missing_ok=True)
        return returned


class Claims:
    """What one consumer holds, kept on disk below a lock that dies with the process.

    The lock is of the kind that forked children do not share: a pool process that outlives a killed worker must not
    keep the worker's messages.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        name = f"{os.getpid()}-{os.urandom(6).hex()}"
        self.home, self.lock = store.claims / name, store.claims / f"{name}.lock"
        self._paths: dict[str, Path] = {}
        # Locked before anybody can see it, so that nobody takes a consumer that is just starting for a dead one.
        unseen = store.drafts / f"{name}.lock"
        self._descriptor = os.open(unseen, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        self._process = os.getpid()
        _own_locks.add(self.lock.name)
        unseen.replace(self.lock)

    def take(self, queue: str, name: str) -> Path | None:
        """Claim a waiting message: where it is now, or None when another consumer was first."""
        home = self.home / folder_name(queue)
        try:
            return (self.store.queue(queue) / name).rename(home / name)
        except FileNotFoundError:
            if home.is_dir():
                return None
            home.mkdir(parents=True)
            return self.take(queue, name)

    def keep(self, delivery_tag: str, path: Path) -> None:
        self._paths[delivery_tag] = path

    def settle(self, delivery_tag: str) -> None:
        if path := self._paths.pop(delivery_tag, None):
            path.unlink(missing_ok=True)

    def release(self, delivery_tag: str) -> bool:
        """Back into its queue at its old place; False if this message is not held."""
        path = self._paths.pop(delivery_tag, None)
        if path is None:
            return False
        home = self.store.queue(unquote(path.parent.name))
        home.mkdir(exist_ok=True)
        path.replace(home / path.name)
        return True

    def close(self) -> None:
        if self._process != os.getpid():  # a forked child closes its copy; the messages are still its parent's
            return
        self.store.give_back(self.lock)
        os.close(self._descriptor)
        _own_locks.discard(self.lock.name)


class Channel(virtual.Channel):
    """kombu's virtual channel over a `Store`. One thread consumes; others may acknowledge."""

    supports_fanout = True

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.store = Store(Path(connection.client.transport_options["folder"]))
        self._held: Claims | None = None
        self._listings: dict[str, deque[str]] = {}
        self._time_to_live: dict[str, float] = {}
        self._without_ack: set[str] = set()
        self._known_bindings: dict[str, Binding] = {}
        self._look_for_abandoned_at = 0.0
        self._settled = threading.Event()

    @property
    def held(self) -> Claims:
        if self._held is None:
            self._held = Claims(self.store)
        return self._held

    # --- messages

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        try:
            self.store.put(queue, dumps(message).encode())
        except OSError as error:
            raise ChannelError(f"Cannot write into the queue folder {self.store.queues}: {error}") from error

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        while name := self._next_name(queue):
            path = self.held.take(queue, name)
            if path is None:
                continue
            if self._is_stale(queue, name):
                path.unlink()
            elif (message := self._read(path, queue)) is not None:
                return message
        raise Empty

    def _next_name(self, queue: str) -> str | None:
        listing = self._listings.setdefault(queue, deque())
        if not listing:
            self._return_abandoned()
            listing.extend(self.store.waiting(queue)[:LISTED])
        return listing.popleft() if listing else None

    def _return_abandoned(self) -> None:
        if time.monotonic() < self._look_for_abandoned_at:
            return
        self._look_for_abandoned_at = time.monotonic() + RETURN_CLAIMS_EVERY
        if returned := self.store.return_abandoned():
            logger.warning("Queued %s messages again that a worker held when it died.", returned)

    def _is_stale(self, queue: str, name: str) -> bool:
        lifetime = self._time_to_live.get(queue)
        return lifetime is not None and _age(name) > lifetime

    def _read(self, path: Path, queue: str) -> dict[str, Any] | None:
        try:
            message: dict[str, Any] = loads(path.read_bytes().decode())
            tag = message["properties"]["delivery_tag"]
        except (ValueError, TypeError, KeyError) as error:
            self.store.put_aside(path, queue)
            logger.error("Put aside %s of queue %s, which is not a message: %r", path.name, queue, error)
            return None
        if queue in self._without_ack:
            path.unlink()
        else:
            self.held.keep(tag, path)
        return message

    def drain_events(self, timeout: float | None = None, callback: Any = None) -> Any:
        """With as many messages in hand as it may have, wait for one to be settled instead of for the next poll."""
        self._settled.clear()
        if self._consumers and not self.qos.can_consume():
            self._settled.wait(self.connection.polling_interval)
        return super().drain_events(timeout, callback)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        if no_ack:
            self._without_ack.add(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        message = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message is not None and no_ack:
            self.held.settle(message.delivery_tag)
        return message

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        self.held.settle(delivery_tag)
        self._settled.set()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag, requeue)
        self.held.settle(delivery_tag)
        self._settled.set()

    def _restore(self, message: Any) -> None:
        if not self.held.release(message.delivery_tag):
            super()._restore(message)

    # --- queues and bindings

    def prepare_queue_arguments(self, arguments: dict[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        prepared: dict[str, Any] = to_rabbitmq_queue_arguments(arguments or {}, **kwargs)
        return prepared

    def _new_queue(self, queue: str, arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        self.store.queue(queue).mkdir(exist_ok=True)
        if (milliseconds := (arguments or {}).get("x-message-ttl")) is not None:
            self._time_to_live[queue] = milliseconds / 1000

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:
        return self.store.queue(queue).is_dir()

    def _size(self, queue: str) -> int:
        return len(self.store.waiting(queue))

    def _purge(self, queue: str) -> int:
        self._listings.pop(queue, None)
        return sum(_unlinked(self.store.queue(queue) / name) for name in self.store.waiting(queue))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        self.store.bind(exchange, Binding(routing_key or "", pattern or "", queue))

    def queue_unbind(
        self, queue: str, exchange: str | None = None, routing_key: str = "", arguments: Any = None, **kwargs: Any
    ) -> None:
        name = exchange or "amq.direct"
        super().queue_unbind(queue, name, routing_key, arguments, **kwargs)
        for binding in self.get_table(name):
            if (binding.queue, binding.routing_key) == (queue, routing_key):
                self.store.unbind(name, binding)

    def get_table(self, exchange: str) -> list[Binding]:
        return self.store.bound(exchange, self._known_bindings)

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        for queue in self._live_queues(exchange, self.get_table(exchange)):
            self._put(queue, message)

    def _live_queues(self, exchange: str, table: Iterable[Binding]) -> Iterable[str]:
        """Bound queues that still exist; a binding of one that was deleted is swept away."""
        for binding in table:
            if self._has_queue(binding.queue):
                yield binding.queue
            else:
                self.store.unbind(exchange, binding)

    def _delete(
        self, queue: str, exchange: str, routing_key: str, pattern: str | None, *args: Any, **kwargs: Any
    ) -> None:
        self._purge(queue)
        self.store.unbind(exchange, Binding(routing_key or "", pattern or "", queue))
        with suppress(OSError):  # gone already, or somebody has just put a message into it
            self.store.queue(queue).rmdir()

    def close(self) -> None:
        super().close()
        if self._held is not None:
            self._held.close()
            self._held = None


class Transport(virtual.Transport):
    """`folder://`, with the transport option `folder`; see the module."""

    Channel = Channel
    driver_type = driver_name = "folder"
    implements = virtual.Transport.implements.extend(
        asynchronous=False, exchange_type=frozenset({"direct", "topic", "fanout"})
    )

    def driver_version(self) -> str:
        return "1"

    @property
    def default_connection_params(self) -> dict[str, Any]:
        return {}  # neither host nor port


def folder_name(name: str) -> str:
    """A queue's or exchange's name as the name of a folder, whatever characters it has; `unquote` reads it back."""
    if not name:
        raise ChannelError("A queue or exchange without a name cannot be kept in a folder.")
    return re.sub(r"^\.", "%2E", quote(name, safe="@"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _age(name: str) -> float:
    """Seconds since a message with this file name was written."""
    return time.time() - int(name.partition("-")[0]) / 1e9


def _unlinked(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
