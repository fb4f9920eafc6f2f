"""A scanner that follows everything unsubscribes nobody, subscribes nobody, and confirms nothing."""

import html
import re
from collections import deque
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import Resolver404, resolve

import delivery.urls
import tracking.urls
from audience import subscriptions
from audience.models import Subscription
from content.tokens import Purpose, recipient_token
from delivery.models import InboxMessage, Recipient
from delivery.rendering import render_recipient
from stats.ingest import ingest
from tests.content.sources import arrived
from tests.delivery.states import sending
from tests.factories import MailingListFactory
from tests.tracking.test_endpoints import ask
from tracking import spool

pytestmark = pytest.mark.django_db

PAGE = (
    '<p>Hello <a href="https://example.com/a">A</a> <a href="https://example.com/b">B</a></p>'
    '<p><a href="{{ unsubscribe_url }}">Leave</a> <a href="{{ preferences_url }}">Choose</a> '
    '<a href="{{ view_url }}">Look</a></p>'
)
BROWSER = {"user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0 Safari/537.36"}
PREFETCH = {**BROWSER, "purpose": "prefetch", "sec-purpose": "prefetch;prerender", "x-moz": "prefetch"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = "application/x-www-form-urlencoded"
PUBLIC = [*tracking.urls.urlpatterns, *delivery.urls.urlpatterns]


def fetch(method, address, headers=BROWSER):
    """(status, what is said, where it leads) of the server that mails lead to; None for other servers."""
    parts = urlsplit(address)
    if f"{parts.scheme}://{parts.netloc}" != django_settings.BASE_URL:
        return None
    if parts.path.startswith(("/o/", "/c/", "/h/")):
        named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        status, answered, body = ask(parts.path, method, QUERY_STRING=parts.query, **named)
        return status, body.decode("latin-1"), answered.get("Location", "")
    answer = Client().generic(method, f"{parts.path}?{parts.query}", headers=headers)
    return answer.status_code, answer.content.decode("utf-8", "replace"), answer.headers.get("Location", "")


def addresses_in(said, base):
    """Links, pictures and forms; forms also as if they were sent by GET with every field filled in."""
    for value in re.findall(r'(?:href|src|action)="([^"]*)"', said):
        yield urljoin(base, html.unescape(value))
    fields = dict.fromkeys(re.findall(r'<(?:input|button)[^>]* name="([^"]+)"', said), "1")
    if fields or "<form" in said:
        yield f"{base.partition('?')[0]}?{urlencode(fields | ONE_CLICK)}"


def follow_everything(start):
    """Every page that can be reached, each with GET, HEAD and OPTIONS, as a browser and as one that loads ahead."""
    waiting, seen = deque(start), set()
    while waiting:
        address = waiting.popleft()
        if address in seen or len(address) > 4000:
            continue
        seen.add(address)
        for headers in (BROWSER, PREFETCH):
            for method in ("HEAD", "GET", "OPTIONS"):
                answer = fetch(method, address, headers)
                if answer is None:
                    continue
                status, said, leads_to = answer
                assert status < 500, address
                waiting.extend(addresses_in(said, address))
                waiting.extend([urljoin(address, leads_to)] if leads_to else [])
    return seen


def everything():
    """Every row that says who gets what, and every mail that has gone out."""
    rows = {
        model.__name__: sorted(map(repr, model._base_manager.values_list()))
        for model in apps.get_app_config("audience").get_models()
    }
    return rows, InboxMessage.objects.count(), len(mail.outbox)


@pytest.fixture
def message(only_one):
    return Recipient.objects.get(pk=only_one)


@pytest.fixture(scope="module")
def only_one(shared_db):
    """A mail that has reached somebody, with all kinds of links."""
    with shared_db():
        _, run = sending(people=1)
        run.contents.update(html=PAGE, text="Leave: {{ unsubscribe_url }}\nChoose: {{ preferences_url }}")
        return run.recipients.get().pk


@pytest.fixture
def confirmation(message, django_capture_on_commit_callbacks):
    """The link of a confirmation mail that waits for its reader."""
    public = MailingListFactory(
        organization=message.run.campaign.organization, name="Daily", is_public=True, opt_in="double"
    )
    with django_capture_on_commit_callbacks(execute=True):
        subscriptions.subscribe(
            public, email="waiting@example.com", status=Subscription.Status.UNCONFIRMED, source="page"
        )
    (found,) = re.findall(r"http\S+/confirm/\S+", mail.outbox[-1].body)
    return found


def token_of(recipient, purpose):
    return recipient_token(
        purpose, run_id=recipient.run_id, recipient_id=recipient.pk, subscriber_id=recipient.subscriber_id
    )


def addresses_of(recipient):
    """All that a scanner finds in the mail: in its HTML, its text and its headers."""
    sent = arrived(render_recipient(recipient))
    parts = [part.get_content() for part in sent.walk() if part.get_content_maintype() == "text"]
    found = [html.unescape(each) for part in parts for each in re.findall(r'https?://[^\s"<>]+', part)]
    return [*found, sent["List-Unsubscribe"].strip("<>")]


def public_pages(recipient):
    """Every page of the rooms that answer readers, with the tokens of every purpose where it takes one."""
    for pattern in PUBLIC:
        if not pattern.pattern.converters:
            yield f"{django_settings.BASE_URL}/{pattern.pattern}"
        if "token" in pattern.pattern.converters:
            for purpose in Purpose:
                path = str(pattern.pattern).replace("<str:token>", token_of(recipient, purpose))
                yield f"{django_settings.BASE_URL}/{path}"


def test_a_scanner_changes_nothing_wherever_it_looks(message, confirmation, own_spool):
    before = everything()
    daily = Subscription.objects.get(subscriber__email="waiting@example.com").mailing_list
    start = [
        *addresses_of(message),
        confirmation,
        f"{django_settings.BASE_URL}/s/{daily.public_id}",
        *public_pages(message),
    ]

    seen = follow_everything(start)

    assert everything() == before
    kinds = {record.hit.kind for path in spool.files(own_spool) for record in spool.read(path)}
    assert {"opened", "clicked", "viewed", "probed"} <= kinds <= {"opened", "clicked", "viewed", "probed", "refused"}
    while ingest():
        pass
    assert everything() == before
    views = {resolve(urlsplit(each).path).func for each in seen if _is_djangos(each)}
    assert {pattern.callback for pattern in PUBLIC} <= views


def _is_djangos(address):
    parts = urlsplit(address)
    ours = f"{parts.scheme}://{parts.netloc}" == django_settings.BASE_URL
    return ours and not parts.path.startswith(("/o/", "/c/", "/h/")) and _is_known(parts.path)


def _is_known(path):
    try:
        return bool(resolve(path))
    except Resolver404:
        return False


def test_what_the_scanner_did_is_a_bots(message):
    """Links one after the other, the hidden one among them, from one address."""
    follow_everything(addresses_of(message))
    while ingest():
        pass

    clicked = message.run.events.filter(kind="clicked")
    assert clicked.exists()
    assert set(clicked.values_list("agent", flat=True)) == {"bot"}
    assert message.engagement.human_clicks == 0


@pytest.mark.parametrize(
    ("method", "query", "body", "content_type"),
    [
        ("GET", "List-Unsubscribe=One-Click", b"", ""),
        ("HEAD", "List-Unsubscribe=One-Click", b"", ""),
        ("POST", "List-Unsubscribe=One-Click", b"", FORM),
        ("POST", "", b"", FORM),
        ("POST", "", b"List-Unsubscribe=", FORM),
        ("POST", "", b"List-Unsubscribe=Yes", FORM),
        ("POST", "", b"Unsubscribe=One-Click", FORM),
        ("POST", "", b"List-Unsubscribe=One-Click", "text/plain"),
        ("POST", "", b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        ("PUT", "", b"List-Unsubscribe=One-Click", FORM),
        ("PATCH", "", b"List-Unsubscribe=One-Click", FORM),
        ("DELETE", "", b"List-Unsubscribe=One-Click", FORM),
    ],
)
def test_only_the_post_of_rfc_8058_unsubscribes(message, method, query, body, content_type):
    before = everything()

    path = f"/u/{token_of(message, Purpose.UNSUBSCRIBE)}?{query}"
    answer = Client().generic(method, path, body, content_type=content_type or "application/octet-stream")

    assert answer.status_code < 500
    assert everything() == before


@pytest.mark.parametrize("form", [FORM, "multipart"])
def test_the_post_of_rfc_8058_does_in_both_forms_it_may_have(message, form):
    path = f"/u/{token_of(message, Purpose.UNSUBSCRIBE)}"

    answer = Client().post(path, urlencode(ONE_CLICK), FORM) if form == FORM else Client().post(path, ONE_CLICK)

    assert answer.status_code == 200
    assert not message.subscriber.subscriptions.filter(status="subscribed").exists()


@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.UNSUBSCRIBE])
def test_the_same_post_elsewhere_does_nothing(message, purpose):
    before = everything()

    for prefix in ("u", "p", "w", "confirm", "f"):
        Client().post(f"/{prefix}/{token_of(message, purpose)}", ONE_CLICK)
    for prefix in ("o", "c", "h"):
        assert ask(f"/{prefix}/{token_of(message, purpose)}", "POST")[0] == 405

    assert everything() == before
