"""The mailbox that bounces lie in: IMAP4rev1 (RFC 3501), with MOVE (RFC 6851) and UIDPLUS (RFC 4315) where they are.

Reading changes nothing, not even the seen flag; a mail goes when it is told to.
"""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings

from tracking.bounces.mail import MOST_PARSED

PATIENCE = 60  # seconds for each answer


class MailboxTrouble(Exception):
    """The mailbox cannot be read, or not be changed; the text says why, for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the mailbox is. `done_folder`: where mails go that are done with; "" deletes them."""

    host: str
    port: int
    security: str
    user: str
    password: str
    folder: str
    done_folder: str

    @classmethod
    def from_settings(cls) -> Self | None:
        """None where no mailbox is set."""
        if not settings.BOUNCE_IMAP_HOST:
            return None
        return cls(
            host=settings.BOUNCE_IMAP_HOST,
            port=settings.BOUNCE_IMAP_PORT,
            security=settings.BOUNCE_IMAP_SECURITY,
            user=settings.BOUNCE_IMAP_USER,
            password=settings.BOUNCE_IMAP_PASSWORD,
            folder=settings.BOUNCE_IMAP_FOLDER,
            done_folder=settings.BOUNCE_IMAP_DONE_FOLDER,
        )


class Mailbox:
    """An open folder. Numbers of mails are UIDs, and hold as long as it is open."""

    def __init__(self, connection: imaplib.IMAP4, done_folder: str) -> None:
        self._connection, self._done_folder = connection, done_folder

    def numbers(self) -> list[int]:
        """Of the mails that are not deleted, the oldest first."""
        (found,) = self._ask("SEARCH", "UNDELETED")
        return [int(number) for number in (found or b"").split()]

    def read(self, number: int) -> bytes | None:
        """A mail, of a huge one its beginning; None where somebody else has removed it."""
        answer = self._ask("FETCH", str(number), f"(BODY.PEEK[]<0.{MOST_PARSED}>)")
        return next((part[1] for part in answer if isinstance(part, tuple)), None)

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete these mails, or move them to the folder for what is done."""
        if not numbers:
            return
        which = ",".join(map(str, numbers))
        if self._done_folder and "MOVE" in self._connection.capabilities:
            self._ask("MOVE", which, _quoted(self._done_folder))
            return
        if self._done_folder:
            self._ask("COPY", which, _quoted(self._done_folder))
        self._ask("STORE", which, "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in self._connection.capabilities:
            self._ask("EXPUNGE", which)
        else:
            self._connection.expunge()

    def _ask(self, command: str, *arguments: str) -> list[Any]:
        status, answer = self._connection.uid(command, *arguments)
        if status != "OK":
            raise MailboxTrouble(f"The mailbox refuses {command}: {_words(answer)}")
        return answer


@contextmanager
def opened(account: Account) -> Iterator[Mailbox]:
    """Raises MailboxTrouble."""
    try:
        connection = _connected(account)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxTrouble(f"The mailbox at {account.host} cannot be opened: {_words([error])}") from error
    try:
        status, answer = connection.select(_quoted(account.folder))
        if status != "OK":
            raise MailboxTrouble(f"The mailbox has no folder {account.folder}: {_words(answer)}")
        yield Mailbox(connection, account.done_folder)
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxTrouble(f"The mailbox at {account.host} broke off: {_words([error])}") from error
    finally:
        _leave(connection)


def _connected(account: Account) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if account.security == "tls":
        connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=PATIENCE)
    else:
        connection = imaplib.IMAP4(account.host, account.port, timeout=PATIENCE)
    try:
        if account.security == "starttls":
            connection.starttls(context)
        connection.login(account.user, account.password)
    except BaseException:
        _leave(connection)
        raise
    return connection


def _leave(connection: imaplib.IMAP4) -> None:
    """Without CLOSE, which would remove what others have marked as deleted."""
    try:
        connection.logout()
    except (OSError, imaplib.IMAP4.error):
        connection.shutdown()


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _words(answer: Sequence[Any]) -> str:
    return " ".join(each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in answer)[:300]
