import re

import pytest

from content.models import Email
from content.tokens import Purpose, recipient_token
from delivery import tasks
from delivery.rendering import render_recipient
from tests.delivery.servers import Mailbox
from tests.delivery.states import sending
from tests.factories import SubscriberFactory
from tracking import spool

pytestmark = pytest.mark.django_db


def token_of(recipient, purpose=Purpose.VIEW, **changes):
    ids = {"run_id": recipient.run_id, "recipient_id": recipient.pk, "subscriber_id": recipient.subscriber_id}
    return recipient_token(purpose, **ids | changes)


def hits(own_spool):
    return [record.hit for path in spool.files(own_spool) for record in spool.read(path)]


@pytest.fixture
def recipient():
    _, run = sending(people=1)
    return run.recipients.get()


def test_the_web_version_is_what_the_recipient_got(recipient, client, own_spool):
    Email.objects.update(html="<p>Edited later {{ unsubscribe_url }}</p>")

    response = client.get(f"/w/{token_of(recipient)}", headers={"user-agent": "Firefox"})

    assert response.status_code == 200
    assert "Hello reader" in response.text
    (hit,) = hits(own_spool)
    assert (hit.kind, hit.run_id, hit.recipient_id) == ("viewed", recipient.run_id, recipient.pk)
    assert (hit.user_agent, hit.ip_address) == ("Firefox", "127.0.0.1")


def test_looking_for_the_head_is_not_counted(recipient, client, own_spool):
    assert client.head(f"/w/{token_of(recipient)}").status_code == 200
    assert hits(own_spool) == []


def test_the_page_can_run_nothing_and_tells_nobody(recipient, client):
    response = client.get(f"/w/{token_of(recipient)}")

    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]
    assert "noindex" in response.headers["X-Robots-Tag"]


def test_a_message_of_text_alone_is_shown_as_text(client):
    _, run = sending(people=1)
    run.contents.update(html="", text="Hello <b> & you")

    response = client.get(f"/w/{token_of(run.recipients.get())}")

    assert "Hello &lt;b&gt; &amp; you" in response.text


@pytest.mark.parametrize("spoil", ["purpose", "signature", "recipient", "subscriber", "junk"])
def test_a_bad_token_gets_a_page_that_says_so(recipient, client, own_spool, spoil):
    token = {
        "purpose": lambda: token_of(recipient, Purpose.UNSUBSCRIBE),
        "signature": lambda: token_of(recipient)[:-2] + "AA",
        "recipient": lambda: token_of(recipient, recipient_id=recipient.pk + 1),
        "subscriber": lambda: token_of(recipient, subscriber_id=SubscriberFactory().pk),
        "junk": lambda: "%00'\"<script>",
    }[spoil]()

    response = client.get(f"/w/{token}")

    assert response.status_code == 404
    assert "<script>" not in response.text
    assert hits(own_spool) == []


def test_nothing_can_be_posted_to_it(recipient, client):
    assert client.post(f"/w/{token_of(recipient)}").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_the_link_in_the_mail_leads_there(client, mail_relay, settings):
    settings.BASE_URL = "http://testserver"
    _, run = sending(people=1)
    run.contents.update(html="<p>Hello</p><a href='{{ view_url }}'>view</a><a href='{{ unsubscribe_url }}'>leave</a>")
    with mail_relay(Mailbox()) as mailbox:
        tasks.deliver_batch(run.batches.get().pk)
    ((_, _, raw),) = mailbox.mails
    address = re.search(rb"http://testserver(/w/[\w=\r\n-]+)", raw)[1].replace(b"=\r\n", b"").decode()

    assert client.get(address).status_code == 200


def test_a_recipients_message_can_be_rendered_again(recipient):
    raw = render_recipient(recipient)

    assert f"To: {recipient.address}".encode() in raw
