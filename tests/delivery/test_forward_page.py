"""The page on which a reader sends a friend a copy of the mail they got."""

import email
import email.policy
import re

import pytest
from django.core.cache import cache
from django.db import OperationalError

from audience.models import Suppression
from campaigns.models import Campaign
from content.tokens import Purpose, recipient_token
from delivery import forwarding
from tests.delivery.servers import Mailbox
from tests.delivery.states import sending
from tests.factories import SubscriberFactory
from tracking import spool

pytestmark = pytest.mark.django_db
BODY = (
    "<p>Hello {{ first_name|default('reader') }} {{ email }}, <a href='https://example.com/story'>read on</a>.</p>"
    "<p><a href='{{ forward_url }}'>Forward</a> <a href='{{ unsubscribe_url }}'>Leave</a></p>"
)


@pytest.fixture(autouse=True)
def nobody_has_posted_yet(settings):
    settings.BASE_URL = "https://mail.news.example"
    cache.clear()


@pytest.fixture
def recipient(organization):
    _, run = sending(people=1, organization=organization)
    run.contents.update(html=BODY)
    return run.recipients.get()


@pytest.fixture
def url(recipient):
    return f"/f/{token_of(recipient)}"


@pytest.fixture
def sent(monkeypatch):
    """What would go out, without a relay: (friend, message)."""
    mails = []

    def send(messages, transport):
        from delivery.retries import Accepted

        mails.extend((each.address, each.content) for each in messages)
        return {each.recipient_id: Accepted() for each in messages}

    monkeypatch.setattr(forwarding.direct, "send", send)
    return mails


def token_of(recipient, purpose=Purpose.FORWARD, **changes):
    ids = {"run_id": recipient.run_id, "recipient_id": recipient.pk, "subscriber_id": recipient.subscriber_id}
    return recipient_token(purpose, **ids | changes)


def hits(folder):
    return [record.hit for path in spool.files(folder) for record in spool.read(path)]


def said(answer):
    return answer.text.split("<main>")[1]


def filled(client, url, **given):
    ticket = re.search(r'name="ticket" value="([^"]+)"', client.get(url).text)[1]
    return {"ticket": ticket, "email": "friend@example.org", "name": "", **given}


def test_the_form_shows_what_is_forwarded_and_nothing_of_the_reader(client, url, recipient):
    answer = client.get(url)

    assert answer.status_code == 200
    assert "Good morning" in answer.text
    assert recipient.address not in answer.text
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_looking_sends_nothing(client, url, sent, own_spool, method):
    getattr(client, method)(f"{url}?email=friend@example.org")

    assert sent == hits(own_spool) == []


def test_a_friend_gets_a_copy_and_the_forward_is_counted(client, url, sent, own_spool, recipient):
    answer = client.post(url, filled(client, url, name="Zoë O’Neil-Smith"), headers={"user-agent": "Firefox"})

    assert (answer.status_code, "A copy goes to friend@example.org" in answer.text) == (200, True)
    [(address, _)] = sent
    assert address == "friend@example.org"
    [hit] = hits(own_spool)
    assert (hit.kind, hit.run_id, hit.recipient_id, hit.subscriber_id) == (
        "forwarded",
        recipient.run_id,
        recipient.pk,
        recipient.subscriber_id,
    )
    assert "friend" not in str(hit)


def test_the_copy_holds_nothing_of_the_reader(client, url, sent, recipient):
    client.post(url, filled(client, url, name="Zoë"))

    message = email.message_from_bytes(sent[0][1], policy=email.policy.default)
    assert not message.defects
    assert (message["From"], message["To"]) == ("Morning Post <post@news.example>", "friend@example.org")
    assert message["List-Unsubscribe"] is None
    for kind in ("html", "plain"):
        body = message.get_body((kind,)).get_content()
        assert "Zoë got this mail from Morning Post" in body
        assert "Hello reader" in body
        assert "https://example.com/story" in body
        for kept_out in (recipient.address, "mail.news.example", "Leave"):
            assert kept_out not in body


def test_a_friend_goes_onto_no_list(client, url, sent, organization):
    client.post(url, filled(client, url))

    assert len(sent) == 1
    assert not organization.subscribers.filter(email="friend@example.org").exists()


def test_who_may_not_be_mailed_gets_nothing_and_nobody_is_told(client, url, sent, own_spool, organization):
    Suppression.objects.create(organization=organization, kind="email", value="friend@example.org")

    refused = said(client.post(url, filled(client, url)))
    taken = said(client.post(url, filled(client, url, email="other@example.org")))

    assert refused == taken.replace("other@", "friend@")
    assert [address for address, _ in sent] == ["other@example.org"]
    assert len(hits(own_spool)) == 1


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@c", "a@example.org\r\nBcc: x@example.org", "a@example.org,b@example.org"]
)
def test_an_address_that_is_none_is_refused(client, url, sent, address):
    answer = client.post(url, filled(client, url, email=address))

    assert answer.status_code == 400
    assert "problem-email" in answer.text
    assert sent == []


@pytest.mark.parametrize(
    "name", ["Win at casino.example", "http://x", "A\nB", "x" * 41, "50% off", "<b>", "{{ email }}"]
)
def test_a_name_carries_no_message(client, url, sent, name):
    answer = client.post(url, filled(client, url, name=name))

    assert answer.status_code == 400
    assert "problem-name" in answer.text
    assert sent == []


@pytest.mark.parametrize("ticket", ["", "x", "of another mail"])
def test_a_post_without_the_forms_ticket_sends_nothing(client, url, sent, ticket, organization):
    if ticket == "of another mail":
        _, run = sending(people=1, organization=organization)
        ticket = filled(client, f"/f/{token_of(run.recipients.get())}")["ticket"]

    answer = client.post(url, {"email": "friend@example.org", "ticket": ticket})

    assert answer.status_code == 400
    assert sent == []


def test_a_program_that_fills_every_box_sends_nothing(client, url, sent, own_spool):
    answer = client.post(url, filled(client, url, website="https://spam.example"))

    assert answer.status_code == 200
    assert sent == hits(own_spool) == []


def test_a_friend_gets_it_once_a_day(client, url, sent):
    for _ in range(2):
        assert client.post(url, filled(client, url)).status_code == 200

    assert len(sent) == 1


def test_one_link_sends_only_a_few(client, url, sent, settings):
    settings.FORWARDS_PER_LINK = 2

    answers = [client.post(url, filled(client, url, email=f"f{n}@example.org")).status_code for n in range(3)]

    assert answers == [200, 200, 429]
    assert len(sent) == 2


def test_one_address_sends_only_a_few(client, url, sent, settings):
    settings.FORWARDS_PER_ADDRESS = 1

    answers = [client.post(url, filled(client, url, email=f"f{n}@example.org")).status_code for n in range(2)]

    assert answers == [200, 429]


def test_nothing_goes_out_while_nobody_can_count(client, url, sent, monkeypatch):
    ready = filled(client, url)
    monkeypatch.setattr("tracking.limits.cache", None)

    assert client.post(url, ready).status_code == 429
    assert sent == []


@pytest.mark.parametrize(
    "spoil", ["purpose", "signature", "recipient", "subscriber", "test", "deleted", "inactive", "junk"]
)
def test_a_bad_token_gets_a_plain_404(client, recipient, sent, spoil, organization):
    token = {
        "purpose": lambda: token_of(recipient, Purpose.VIEW),
        "signature": lambda: token_of(recipient)[:-2] + "AA",
        "recipient": lambda: token_of(recipient, recipient_id=recipient.pk + 1),
        "subscriber": lambda: token_of(recipient, subscriber_id=SubscriberFactory().pk),
        "test": lambda: token_of(recipient, run_id=0, recipient_id=0, subscriber_id=0),
        "junk": lambda: "%00'\"<script>",
    }.get(spoil, lambda: token_of(recipient))()
    if spoil == "deleted":
        Campaign.objects.update(deleted_at=recipient.run.started_at)
    if spoil == "inactive":
        type(organization).objects.filter(pk=organization.pk).update(is_active=False)

    for method in (client.get, client.post):
        answer = method(f"/f/{token}")
        assert (answer.status_code, "This link does not work" in answer.text) == (404, True)
    assert sent == []


def test_a_relay_that_is_down_is_said_and_may_be_tried_again(client, url, settings, own_spool, mail_relay):
    settings.SMTP_PORT = 1  # nobody listens there

    assert client.post(url, filled(client, url)).status_code == 503
    assert hits(own_spool) == []


@pytest.mark.django_db(transaction=True)
def test_a_copy_refused_once_can_be_sent_again(client, url, mail_relay, own_spool):
    with mail_relay(Mailbox(rcpt={"friend@example.org": "451 4.7.1 Later"})) as mailbox:
        first = client.post(url, filled(client, url)).status_code
        mailbox.rcpt.clear()
        second = client.post(url, filled(client, url)).status_code

    assert (first, second) == (503, 200)
    assert [to for _, to, _ in mailbox.mails] == ["friend@example.org"]
    assert len(hits(own_spool)) == 1


def test_while_the_database_is_away_it_says_so(client, url, sent, monkeypatch):
    def away(who):
        raise OperationalError("gone")

    monkeypatch.setattr(forwarding, "said_to", away)

    assert client.get(url).status_code == 503
