"""Who comes back onto a list: one table, tried through the functions that act by it."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import confirmations, consent, erased, joining, subscriptions
from audience.consent import Evidence
from audience.errors import LinkOutdated, StaysOut
from audience.joining import ERASED, NOBODY, TABLE, WAYS, Outcome, Way, outcome
from audience.models import ConsentEvent, Erasure, Subscription
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory

Status = Subscription.Status
ENDED = [Status.UNSUBSCRIBED, Status.BOUNCED, Status.COMPLAINED]
AUDIENCE = Path(__file__).parents[2] / "docs/audience.md"


def test_everything_anybody_can_be_is_in_the_table():
    assert set(TABLE) == {NOBODY, ERASED, *Status.values}
    assert all(len(row) == len(WAYS) for row in TABLE.values())


@pytest.mark.parametrize("text", [joining.__doc__, AUDIENCE.read_text()], ids=["module", "docs"])
def test_the_table_is_written_as_it_is(text):
    said = {
        cells[0]: tuple(cells[1:])
        for line in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
        if len(cells := line.split(" | ")) == len(WAYS) + 1 and cells[0] in TABLE
    }

    assert said == {status: tuple(str(each) for each in row) for status, row in TABLE.items()}


statuses = st.sampled_from(sorted(TABLE))
ways = st.sampled_from(WAYS)


@given(status=statuses, way=ways, confirms=st.booleans())
def test_nobody_comes_back_but_as_the_rules_say(status, way, confirms):
    done = outcome(status, way, confirms=confirms)

    own_act = way in (Way.CONFIRMED, Way.LINK)
    if status == Status.UNSUBSCRIBED and done == Outcome.SUBSCRIBE:
        assert own_act or way == Way.STATED
    if status in (Status.COMPLAINED, ERASED):
        assert (done == Outcome.SUBSCRIBE) == (way == Way.CONFIRMED)
    if status == Status.BOUNCED:
        assert done == Outcome.REFUSE
    if status == Status.SUBSCRIBED:
        assert done == Outcome.STAY
    if confirms and way in (Way.FORM, Way.STATED, Way.BARE):
        assert done != Outcome.SUBSCRIBE


def put(status, way, opt_in, organization):
    """Let somebody of this status ask this way; their row afterwards, None where they are on no list."""
    mailing_list = MailingListFactory(organization=organization, opt_in=opt_in)
    person = SubscriberFactory(organization=organization)
    if status == ERASED:
        Erasure.objects.create(organization=organization, email_hash=erased.hashed(organization, person.email))
    elif status != NOBODY:
        ended = {"unsubscribed_at": "2026-01-01T00:00Z"} if status == Status.UNSUBSCRIBED else {}
        SubscriptionFactory(mailing_list=mailing_list, subscriber=person, status=status, **ended)
    evidence = {"wording": "Yes"} if way == Way.STATED else {}
    with suppress(StaysOut):
        if way == Way.LINK:
            subscriptions.join(person, mailing_list, source="page")
        else:
            subscriptions.subscribe(mailing_list, email=person.email, source="api", way=way, **evidence)
    return Subscription.objects.filter(subscriber=person).first()


@pytest.mark.django_db
@pytest.mark.parametrize("opt_in", ["single", "double"])
@pytest.mark.parametrize("way", [way for way in WAYS if way != Way.CONFIRMED])
@pytest.mark.parametrize("status", TABLE)
def test_what_is_done_is_what_the_table_says(organization, status, way, opt_in):
    row = put(status, way, opt_in, organization)

    done = outcome(status, way, confirms=opt_in == "double")
    fresh = status in (NOBODY, ERASED)
    events = list(ConsentEvent.objects.values_list("kind", flat=True))
    if done == Outcome.SUBSCRIBE:
        assert (row.status, events) == (Status.SUBSCRIBED, ["subscribed"])
    elif done == Outcome.ASK:
        assert (row.status, events) == (Status.UNCONFIRMED if fresh else status, ["requested"])
        assert row.confirmation_due_at
    else:
        assert (row.status if row else None) == (None if fresh else status)
        assert events == []


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.UNCONFIRMED, Status.UNSUBSCRIBED, Status.COMPLAINED])
def test_who_was_asked_comes_back_by_confirming(organization, status):
    row = put(status, Way.FORM, "double", organization)
    Subscription.objects.filter(pk=row.pk).update(confirmation_sent_at="2026-01-01T00:00Z")

    confirmations.confirm(confirmations.token(row))

    row.refresh_from_db()
    assert row.status == Status.SUBSCRIBED
    assert list(ConsentEvent.objects.values_list("kind", flat=True)) == ["requested", "confirmed"]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ENDED)
def test_a_link_from_before_the_end_brings_nobody_back(organization, status):
    row = put(NOBODY, Way.FORM, "double", organization)
    Subscription.objects.filter(pk=row.pk).update(confirmation_sent_at="2026-01-01T00:00Z")
    consent.move([row], status, Evidence(source="api"))

    with pytest.raises(LinkOutdated):
        confirmations.confirm(confirmations.token(row))

    row.refresh_from_db()
    assert row.status == status


@pytest.mark.django_db
def test_who_was_erased_and_confirms_is_kept_out_no_more(organization):
    row = put(ERASED, Way.FORM, "single", organization)
    Subscription.objects.filter(pk=row.pk).update(confirmation_sent_at="2026-01-01T00:00Z")

    confirmations.confirm(confirmations.token(row))

    assert not erased.is_kept_out(row.subscriber)


@pytest.mark.django_db
def test_what_is_known_from_elsewhere_is_written_down(organization):
    mailing_list = MailingListFactory(organization=organization)
    for status in ENDED:
        row = subscriptions.subscribe(mailing_list, email="ann@example.com", source="api", status=status)

    assert row.status == Status.COMPLAINED
    again = subscriptions.subscribe(mailing_list, email="ann@example.com", source="api", status="unsubscribed")
    assert again.status == Status.COMPLAINED  # a complaint stays
    assert list(ConsentEvent.objects.values_list("kind", flat=True)) == ["unsubscribed", "bounced", "complained"]


@pytest.mark.django_db
def test_a_strangers_form_changes_nothing_about_people_who_are_known(organization):
    mailing_list = MailingListFactory(organization=organization)
    organization.custom_fields.create(key="town", name="Town", kind="text", mailing_list=mailing_list)
    person = SubscriberFactory(organization=organization, email="ann@example.com", phone="+4520123456")
    row = SubscriptionFactory(mailing_list=mailing_list, subscriber=person, fields={"town": "Ulm"})

    given = {"email": "ann@example.com", "phone": "+4520999999", "fields": {"town": "Bonn"}}
    subscriptions.subscribe(mailing_list, source="page", way=Way.FORM, **given)

    row.refresh_from_db()
    person.refresh_from_db()
    assert (row.fields, person.phone) == ({"town": "Ulm"}, "+4520123456")
