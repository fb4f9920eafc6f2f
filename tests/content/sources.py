"""Emails to compile, without a database, and what arrives of them."""

import email
import email.policy
from dataclasses import dataclass

from content.addressing import Addressing
from content.compile import compile_email

BASE_URL = "https://mail.news.example"


@dataclass
class Source:
    merge_language: str = "broadsheet"
    subject: str = "Good morning"
    preheader: str = ""
    from_name: str = "Morning Post"
    from_email: str = "post@news.example"
    reply_to: str = ""
    html: str = '<p>Hello</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
    text: str = ""
    body_format: str = ""


def addressing(**changes):
    values = {
        "recipient_id": 5,
        "subscriber_id": 6,
        "to_address": "zoe@example.com",
        "message_id": "<5.3@news.example>",
    }
    return Addressing(**{**values, **changes})


def compiled(*, tracked=True, fields=(), **source):
    return compile_email(Source(**source), run_id=3, base_url=BASE_URL, tracked=tracked, fields=fields)


def rendered(person=None, *, tracked=True, **source):
    """The bytes of a message to one person."""
    return compiled(tracked=tracked, **source).render(person or {}, addressing())


def arrived(raw):
    """The message as a reader's program sees it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects
    return message


def html_of(raw):
    return arrived(raw).get_body(("html",)).get_content().replace("\r\n", "\n")


def text_of(raw):
    return arrived(raw).get_body(("plain",)).get_content().replace("\r\n", "\n")
