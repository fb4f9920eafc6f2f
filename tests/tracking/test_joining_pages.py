"""The form of a public list, and the page behind the link of a confirmation mail."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils.timezone import now

from audience import confirmations, fields, subscriptions
from audience.models import ConsentEvent, Subscriber, Subscription
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def daily(organization):
    return MailingListFactory(
        organization=organization, name="Daily news", description="At seven.", is_public=True, opt_in="double"
    )


@pytest.fixture
def form(daily):
    return f"/s/{daily.public_id}"


def body(page):
    """What a page says, without what differs each time."""
    return page.content.decode().partition("<body>")[2]


def test_the_form_says_what_one_agrees_to_and_that_is_kept(client, form):
    said = "I would like to get “Daily news” from Morning Post by email. At seven."
    assert said in client.get(form).content.decode()

    page = client.post(form, {"email": " Ann@Example.com "}, REMOTE_ADDR="192.0.2.8")

    assert page.status_code == 200
    row = Subscription.objects.get()
    assert (row.subscriber.email, row.status) == ("ann@example.com", "unconfirmed")
    event = ConsentEvent.objects.get()
    assert (event.kind, event.source, event.ip_address, event.wording) == ("requested", "page", "192.0.2.8", said)


def test_a_single_opt_in_list_subscribes_at_once(client, form, daily):
    type(daily).objects.update(opt_in="single")

    client.post(form, {"email": "ann@example.com"})

    assert Subscription.objects.get().status == "subscribed"


@pytest.mark.parametrize("opt_in", ["single", "double"])
@pytest.mark.parametrize("status", ["nobody", "unconfirmed", "subscribed", "unsubscribed", "bounced", "complained"])
def test_nobody_learns_whether_an_address_is_known(client, form, daily, opt_in, status):
    type(daily).objects.update(opt_in=opt_in)
    new = client.post(form, {"email": "new@example.com"})
    if status != "nobody":
        ended = {"unsubscribed_at": now()} if status == "unsubscribed" else {}
        SubscriptionFactory(mailing_list=daily, subscriber__email="ann@example.com", status=status, **ended)

    known = client.post(form, {"email": "ann@example.com"})

    assert (known.status_code, body(known)) == (new.status_code, body(new))
    assert known.headers.keys() == new.headers.keys()
    if status in ("unsubscribed", "bounced", "complained"):
        assert Subscription.objects.get(subscriber__email="ann@example.com").status == status


def test_programs_that_fill_in_every_box_are_answered_and_not_heard(client, form):
    page = client.post(form, {"email": "ann@example.com", "website": "https://spam.example"})

    assert "Thank you" in page.content.decode()
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_looking_subscribes_nobody(client, form, method):
    answer = getattr(client, method)(form + "?email=ann@example.com")

    assert not Subscriber.objects.exists()
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "email", ["", "ann", "ann@", "ann@example.com\r\nBcc: x@example.com", "<script>@example.com", "a" * 300]
)
def test_an_address_that_is_none_is_said_beside_its_box(client, form, email):
    page = client.post(form, {"email": email})

    assert page.status_code == 400
    assert 'id="problem-email"' in page.content.decode()
    assert "<script>" not in page.content.decode()
    assert not Subscriber.objects.exists()


@pytest.fixture
def boxes(daily, organization):
    for key, kind, choices in (("town", "text", []), ("size", "number", []), ("plan", "choice", ["A", "B"])):
        fields.create(organization, key=key, kind=kind, choices=choices, mailing_list=daily)
    fields.create(organization, key="themes", kind="multi_choice", choices=["Sports", "Arts"], mailing_list=daily)
    fields.create(organization, key="student", kind="boolean", mailing_list=daily)
    fields.create(organization, key="income", kind="number")  # the organization's: not a stranger's to write


def test_the_lists_own_fields_are_asked_for(client, form, boxes):
    filled = {"field_town": "Ulm", "field_size": "2", "field_plan": "B", "field_student": "yes", "field_income": "9"}

    client.post(form, {"email": "ann@example.com", "field_themes": ["Arts", "Sports"], **filled})

    row = Subscription.objects.get()
    assert row.fields == {"town": "Ulm", "size": 2, "plan": "B", "themes": ["Sports", "Arts"], "student": True}
    assert row.subscriber.fields == {}


def test_a_value_that_does_not_fit_is_said_and_the_rest_is_kept(client, form, boxes):
    page = client.post(form, {"email": "ann@example.com", "field_size": "big", "field_town": 'U"lm<'})

    text = page.content.decode()
    assert page.status_code == 400
    assert "Size: " in text
    assert 'value="ann@example.com"' in text
    assert "U&quot;lm&lt;" in text
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("why", ["private", "unknown", "closed"])
def test_a_list_that_is_not_offered_is_not_there(client, daily, form, organization, why):
    if why == "private":
        type(daily).objects.update(is_public=False)
    if why == "closed":
        type(organization).objects.update(is_active=False)
    address = "/s/lst_nothing" if why == "unknown" else form

    assert client.get(address).status_code == 404
    assert client.post(address, {"email": "ann@example.com"}).status_code == 404
    assert not Subscriber.objects.exists()


def test_one_address_cannot_subscribe_the_world(client, form, settings):
    settings.SIGNUPS_PER_ADDRESS = 3

    answers = [client.post(form, {"email": f"r{n}@example.com"}).status_code for n in range(4)]

    assert answers == [200, 200, 200, 429]
    assert Subscriber.objects.count() == 3


# --- the link of a confirmation mail -----------------------------------------------------------------------------


@pytest.fixture
def row(daily):
    row = subscriptions.subscribe(daily, email="ann@example.com", source="page", way="form")
    confirmations.send(row.pk)
    return row


@pytest.fixture
def link(row):
    return f"/confirm/{confirmations.token(row)}"


def status(row):
    row.refresh_from_db()
    return row.status


def test_the_mail_leads_to_the_page_and_the_button_confirms(client, row, daily):
    address = next(line for line in mail.outbox[0].body.splitlines() if "/confirm/" in line)
    path = "/confirm/" + address.partition("/confirm/")[2]
    assert "Subscribe to Daily news?" in client.get(path).content.decode()

    page = Client(enforce_csrf_checks=True).post(path, {"confirm": "1"}, REMOTE_ADDR="192.0.2.8")

    assert "You are subscribed" in page.content.decode()
    assert not page.cookies
    assert status(row) == "subscribed"
    event = ConsentEvent.objects.latest("pk")
    assert (event.kind, event.ip_address) == ("confirmed", "192.0.2.8")
    assert event.wording == "Yes, I would like to get “Daily news” from Morning Post."


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_a_scanner_confirms_nothing(client, row, link, method):
    getattr(client, method)(link)
    answer = getattr(client, method)(link + "?confirm=1")

    assert status(row) == "unconfirmed"
    assert answer["Cache-Control"] == "no-store, private"


@pytest.mark.parametrize("data", [{}, {"again": "1"}, {"List-Unsubscribe": "One-Click"}])
def test_a_post_that_does_not_ask_for_it_confirms_nothing(client, row, link, data):
    assert client.post(link, data).status_code == 400

    assert status(row) == "unconfirmed"


def test_confirming_twice_is_like_once(client, link):
    pages = [client.post(link, {"confirm": "1"}) for _ in range(2)]

    assert body(pages[0]) == body(pages[1])
    assert ConsentEvent.objects.filter(kind="confirmed").count() == 1


@pytest.mark.parametrize("harm", [lambda t: t[:-1], lambda t: t + "x", lambda t: "/confirm/x", lambda t: t[:10]])
def test_a_forged_or_cut_link_is_not_found(client, row, link, harm):
    for page in (client.get(harm(link)), client.post(harm(link), {"confirm": "1"})):
        assert page.status_code == 404
        assert "example.com" not in page.content.decode()

    assert status(row) == "unconfirmed"


def test_a_link_from_before_somebody_left_does_not_bring_them_back(client, row, link):
    subscriptions.unsubscribe(row.subscriber, source="page")

    assert client.get(link).status_code == 410
    assert client.post(link, {"confirm": "1"}).status_code == 410
    assert status(row) == "unsubscribed"


def test_an_old_link_is_replaced_by_a_new_one(client, row, link, settings):
    with time_machine.travel(now() + timedelta(days=settings.CONFIRMATION_DAYS, hours=1)):
        assert client.post(link, {"confirm": "1"}).status_code == 410
        assert "too old" in client.get(link).content.decode()

        client.post(link, {"again": "1"})

        row.refresh_from_db()
        assert row.confirmation_due_at
        confirmations.send(row.pk)
        assert len(mail.outbox) == 2
        assert client.post(f"/confirm/{confirmations.token(row)}", {"confirm": "1"}).status_code == 200
    assert status(row) == "subscribed"


def test_an_old_link_of_a_subscriber_says_that_all_is_well(client, row, link, settings):
    client.post(link, {"confirm": "1"})

    with time_machine.travel(now() + timedelta(days=settings.CONFIRMATION_DAYS, hours=1)):
        assert "You are subscribed" in client.get(link).content.decode()


def test_who_was_erased_has_no_link(client, row, link):
    row.subscriber.delete()

    assert client.get(link).status_code == 404


def test_somebody_who_complained_comes_back_by_their_own_act_alone(client, daily, form):
    old = SubscriptionFactory(mailing_list=daily, subscriber=SubscriberFactory(organization=daily.organization))
    subscriptions.complain(old.subscriber, source="ingest")

    client.post(form, {"email": old.subscriber.email})
    assert status(old) == "complained"
    confirmations.send(old.pk)
    client.post(f"/confirm/{confirmations.token(old)}", {"confirm": "1"})

    assert status(old) == "subscribed"
