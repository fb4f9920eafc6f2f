"""What proves that a webhook is ours: two signatures over the same bytes.

Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec 1.0): `webhook-id`,
`webhook-timestamp`, `webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`, one for each secret.
And `X-Signature: sha256=<hex of HMAC-SHA256 over the body>`, whose key is the secret as it is written.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
LONGEST_SECRET = 255


def new_secret() -> str:
    """256 random bits, in the form of Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def problem_of(secret: str) -> str:
    """Why this cannot be a secret; empty where it can."""
    if not secret.strip():
        return "A secret cannot be blank; leave it out, and one is made."
    if len(secret) > LONGEST_SECRET or not (secret.isascii() and secret.isprintable()):
        return f"A secret has at most {LONGEST_SECRET} characters, all of them printable ASCII."
    if secret.startswith(PREFIX) and not _decoded(secret):
        return f"What follows {PREFIX} has to be base64."
    return ""


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers for this body, sent at this second; the first secret is the current one, others are expiring."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    versions = [f"v1,{base64.b64encode(_hmac(_key(secret), signed)).decode()}" for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(versions),
        "X-Signature": f"sha256={_hmac(secrets[0].encode(), body).hex()}",
    }


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    """The bytes behind `whsec_`; a secret of any other form is its own key."""
    return (_decoded(secret) if secret.startswith(PREFIX) else b"") or secret.encode()


def _decoded(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
