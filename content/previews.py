"""What one person would see: untracked, with the links as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from content.addressing import Addressing
from content.compile import Contents, EmailSource, compile_email, compile_sms
from content.merge.languages import Fields
from content.sms import Parts, count_parts, foreign_characters

# Nobody: signed, so that the pages behind the links can be looked at, and of no recipient that exists.
NOBODY = Addressing(recipient_id=0, subscriber_id=0, to_address="", message_id="")


@dataclass(frozen=True, slots=True)
class SmsPreview:
    """`foreign` are the characters that keep the text out of the short alphabet, each once."""

    text: str
    parts: Parts
    foreign: str


def preview_email(
    source: EmailSource, person: Mapping[str, Any], *, fields: Fields = (), system: Mapping[str, Any] | None = None
) -> Contents:
    """Subject, sender's name, HTML and text for these merge values. Raises BrokenTemplate.

    `fields` as in `content.compile`, `system` as in `content.addressing`.
    The HTML is what an author wrote: show it in a sandboxed frame only.
    """
    message = compile_email(source, run_id=0, base_url=settings.BASE_URL, tracked=False, fields=fields)
    return message.contents(person, replace(NOBODY, system=system or {}))


def preview_sms(body: str, person: Mapping[str, Any]) -> SmsPreview:
    """The text for these merge values, and what it costs. Raises BrokenTemplate."""
    text = compile_sms(body).render(person)
    parts = count_parts(text)
    return SmsPreview(text, parts, foreign_characters(text) if parts.encoding == "UCS-2" else "")
