"""What can be wrong with a content, in words for the person who wrote it."""


class ContentError(Exception):
    """Something in a content keeps it from being sent; the message says what, and what to do about it."""


class BrokenTemplate(ContentError):
    """A merge tag cannot be understood or carried out. `line` counts from 1 within the part; None: nowhere special."""

    def __init__(self, message: str, *, line: int | None = None, part: str = "") -> None:
        super().__init__(message)
        self.message, self.line, self.part = message, line, part

    def __str__(self) -> str:
        where = f"Line {self.line}: " if self.line else ""
        return f"{where}{self.message}"


class BadAddress(ContentError):
    """An address that cannot stand in a header."""
