"""Secrets that have to be read again, such as what webhooks are signed with: encrypted where they are stored.

Fernet (AES-128-CBC with HMAC-SHA256) under keys made from ENCRYPTION_KEYS: the first seals, all open. Where a hash is
enough, as for API keys (`accounts.keys`), nothing is sealed.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class CannotOpen(Exception):
    """It was sealed with a key that is not among ENCRYPTION_KEYS any more, or was changed since."""


def seal(text: str) -> str:
    """The text encrypted, as ASCII; the same text comes out different each time."""
    return _keys().encrypt(text.encode()).decode()


def open_sealed(token: str) -> str:
    """The text `seal` was given. Raises CannotOpen."""
    try:
        return _keys().decrypt(token.encode()).decode()
    except InvalidToken:
        raise CannotOpen("The secret was encrypted with a key that is not in ENCRYPTION_KEYS.") from None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in settings.ENCRYPTION_KEYS])


def _derived(key: str) -> bytes:
    """A Fernet key from a text that is random already; the prefix keeps it apart from other uses of the text."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"broadsheet sealing:" + key.encode()).digest())
