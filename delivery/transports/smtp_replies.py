"""Replies of an SMTP server (RFC 5321 section 4.2), read from a stream in whatever pieces it comes."""

import re
from typing import NamedTuple

LONGEST_BACKLOG = 64 * 1024  # bytes without a line end, or of one reply; RFC 5321 allows 512 a line
_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= |$)")
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class ProtocolError(Exception):
    """The other side does not speak SMTP."""


class Reply(NamedTuple):
    """A code and the lines that came with it."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced_code(self) -> str:
        """The enhanced status code (RFC 3463), such as 5.1.1, or nothing."""
        found = _ENHANCED_CODE.match(self.lines[0])
        return found[0] if found else ""

    @property
    def text(self) -> str:
        """All lines as one; an enhanced code that every line repeats is said once."""
        if len(self.lines) == 1:
            return self.lines[0]
        repeated = f"{self.enhanced_code} "
        return " ".join([self.lines[0], *(line.removeprefix(repeated) for line in self.lines[1:])]).strip()

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


class ReplyReader:
    """Takes bytes as they come and gives the replies that are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing is waiting for the rest of a reply."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[Reply]:
        """The replies these bytes complete. Raises ProtocolError."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_BACKLOG:
            raise ProtocolError("The server sends a line without an end.")
        return [reply for line in lines if (reply := self._complete(line.removesuffix(b"\r")))]

    def _complete(self, line: bytes) -> Reply | None:
        found = _LINE.fullmatch(line)
        code = int(found[1]) if found else 0
        if found is None or (self._lines and code != self._code) or len(self._lines) > LONGEST_BACKLOG // 64:
            raise ProtocolError(f"The server sends what is no SMTP reply: {line[:80]!r}")
        self._code = code
        self._lines.append((found[3] or b"").decode("utf-8", "replace").replace("\0", "").strip())
        if found[2] == b"-":
            return None
        reply, self._lines = Reply(code, tuple(self._lines)), []
        return reply
