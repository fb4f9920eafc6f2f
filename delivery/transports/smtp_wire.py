"""What goes over an SMTP connection: the commands of an envelope, and a body that nothing in it can end early."""

import re
from functools import lru_cache

# Nothing that ends a command, opens another path or hides either (RFC 5321 section 4.1.2, without quoted spaces).
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f<>\u2028\u2029\ud800-\udfff]")
_BARE_LINE_END = re.compile(rb"\r\n|\r|\n")


class UnsafeAddress(ValueError):
    """An address that cannot stand in an SMTP command."""


def path(address: str) -> str:
    """The address in angle brackets; nothing at all is the null sender. Raises UnsafeAddress."""
    if _UNSAFE.search(address) or (address and ("@" not in address or len(address) > 254)):
        raise UnsafeAddress(f"{address!r} cannot stand in an SMTP command.")
    return f"<{address}>"


@lru_cache(maxsize=64)
def mail_from(sender: str, parameters: str = "") -> bytes:
    """Raises UnsafeAddress."""
    return f"MAIL FROM:{path(sender)}{parameters}\r\n".encode()


def rcpt_to(address: str) -> bytes:
    """Raises UnsafeAddress."""
    return f"RCPT TO:{path(address)}\r\n".encode()


def body(content: bytes) -> bytes:
    """The message with dots stuffed (RFC 5321 section 4.5.2) and its end marked.

    A bare CR or LF becomes CRLF: servers differ over what they make of one, and between two that differ a message could
    smuggle in another.
    """
    line_ends = content.count(b"\r\n")
    if content.count(b"\n") != line_ends or content.count(b"\r") != line_ends:
        content = _BARE_LINE_END.sub(b"\r\n", content)
    if content.startswith(b"."):
        content = b"." + content
    end = b".\r\n" if content.endswith(b"\r\n") or not content else b"\r\n.\r\n"
    return content.replace(b"\r\n.", b"\r\n..") + end
