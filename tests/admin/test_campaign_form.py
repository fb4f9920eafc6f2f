"""Writing a campaign in the admin."""

import pytest
from django.urls import reverse

from campaigns import lifecycle
from campaigns.models import Campaign, State
from content.models import Email
from delivery.freeze import freeze
from tests.factories import (
    EditionFactory,
    EmailFactory,
    MailingListFactory,
    SegmentFactory,
    SubscriptionFactory,
    campaign_in,
    draft_campaign,
    staff,
)
from tests.races import at_once, race

pytestmark = pytest.mark.django_db

ADD = "admin:campaigns_campaign_add"


def given(**changes):
    values = {"name": "Letter", "channel": "email", "edition": "", "content": "existing", "email": "", "sms_body": ""}
    return {**values, "new_tags": "", **changes}


def edit_address(campaign):
    return reverse("admin:campaigns_campaign_edit", args=[campaign.pk])


def test_a_draft_is_made_with_email_audience_and_tags(organization, bob, login):
    email, edition = EmailFactory(organization=organization), EditionFactory(organization=organization)
    wanted, unwanted = MailingListFactory(organization=organization), SegmentFactory(organization=organization)
    values = given(email=email.pk, edition=edition.pk, included=[f"list-{wanted.pk}"], new_tags="season, letter")

    answer = login(bob).post(reverse(ADD), values | {"excluded": [f"segment-{unwanted.pk}"]})

    campaign = Campaign.objects.get()
    assert answer.url == reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert (campaign.organization, campaign.edition, campaign.created_by) == (organization, edition, bob)
    assert campaign.variants.get().email == email
    assert {(part.mailing_list, part.segment, part.excluded) for part in campaign.audience.all()} == {
        (wanted, None, False),
        (None, unwanted, True),
    }
    assert {tag.name for tag in campaign.tags.all()} == {"season", "letter"}
    assert campaign.events.get().verb == "create"


def test_the_frequency_cap_is_the_organizations_unless_it_is_changed(organization, bob, login):
    organization.frequency_cap_hours = 48
    organization.save()
    email, client = EmailFactory(organization=organization), login(bob)

    shown = client.get(reverse(ADD)).content.decode()
    client.post(reverse(ADD), given(email=email.pk, frequency_cap_hours="12"))

    assert 'name="frequency_cap_hours" value="48"' in shown
    assert Campaign.objects.get().frequency_cap_hours == 12


@pytest.mark.parametrize("hours", ["0", "-1", "8785", "soon"])
def test_an_impossible_frequency_cap_is_refused(organization, bob, login, hours):
    email = EmailFactory(organization=organization)

    answer = login(bob).post(reverse(ADD), given(email=email.pk, frequency_cap_hours=hours))

    assert answer.status_code == 422
    assert not Campaign.objects.exists()


def test_the_reach_tells_who_is_excluded_and_who_is_capped(organization, bob, login):
    earlier = draft_campaign(organization, people=2)
    lifecycle.send_now(earlier, by=staff(organization))
    freeze(earlier)
    readers = earlier.audience.get().mailing_list
    left_out = SubscriptionFactory(mailing_list=readers).subscriber
    without = SubscriptionFactory(mailing_list__organization=organization, subscriber=left_out).mailing_list
    ticked = {"included": [f"list-{readers.pk}"], "excluded": [f"list-{without.pk}"], "frequency_cap_hours": "24"}

    shown = login(bob).post(reverse("admin:campaigns_campaign_estimate_draft"), ticked).content.decode()

    assert '<strong class="bs-num">2</strong> mailed within the frequency cap' in shown
    assert '<strong class="bs-num">1</strong> more is excluded by a list or segment.' in shown


def test_a_new_email_is_opened_for_writing_with_the_editions_sender(organization, bob, login):
    edition = EditionFactory(organization=organization, from_name="Post", from_email="post@news.example")

    answer = login(bob).post(reverse(ADD), given(content="new", edition=edition.pk))

    email, campaign = Email.objects.get(), Campaign.objects.get()
    assert answer.url == f"{reverse('admin:content_email_change', args=[email.pk])}?campaign={campaign.pk}"
    assert campaign.variants.get().email == email
    assert (email.title, email.from_email, email.created_by) == ("Letter", "post@news.example", bob)
    assert "unsubscribe_url" in email.html


def test_a_text_message_is_written_in_the_form(organization, bob, login):
    login(bob).post(reverse(ADD), given(channel="sms", sms_body="Doors open at seven."))

    assert Campaign.objects.get().variants.get().sms_body == "Doors open at seven."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": ""}, "Choose an email, or write a new one."),
        ({"included": ["list-999999"]}, "Select a valid choice."),
        ({"channel": "fax"}, "Select a valid choice."),
    ],
)
def test_what_is_missing_is_said_where_it_is_missing(organization, bob, login, changes, message):
    answer = login(bob).post(reverse(ADD), given(**changes))

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Campaign.objects.exists()


def test_the_same_list_is_not_both_sent_to_and_left_out(organization, bob, login):
    both = f"list-{MailingListFactory(organization=organization).pk}"

    answer = login(bob).post(reverse(ADD), given(content="new", included=[both], excluded=[both]))

    assert "nobody would be left" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_an_email_of_strangers_cannot_be_chosen(organization, bob, login):
    answer = login(bob).post(reverse(ADD), given(email=EmailFactory().pk))

    assert "Select a valid choice." in answer.content.decode()
    assert not Campaign.objects.exists()


@pytest.mark.parametrize("role", ["victor", "erin"])
def test_who_writes_no_campaigns_may_not(organization, login, request, role):
    browser = login(request.getfixturevalue(role))

    assert browser.get(reverse(ADD)).status_code == 403
    assert browser.get(edit_address(draft_campaign(organization, people=0))).status_code == 403


def test_the_form_shows_what_there_is_and_keeps_it(organization, bob, login):
    campaign = draft_campaign(organization, tags=["season"])
    browser = login(bob)
    form = browser.get(edit_address(campaign)).context["form"]
    values = {name: form[name].value() for name in form.fields if form[name].value() is not None}

    browser.post(edit_address(campaign), values)

    campaign.refresh_from_db()
    assert [event.verb for event in campaign.events.all()] == ["create"]
    assert campaign.audience.count() == 1
    assert [tag.name for tag in campaign.tags.all()] == ["season"]


def test_changing_an_approved_campaign_asks_again(organization, dora, login):
    campaign = campaign_in("pending_approval", organization)
    form = login(dora).get(edit_address(campaign)).context["form"]
    other = MailingListFactory(organization=organization)
    values = {name: form[name].value() for name in form.fields if form[name].value() is not None}

    login(dora).post(edit_address(campaign), values | {"included": [f"list-{other.pk}"]})

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_a_sent_campaign_is_copied_instead_of_changed(organization, bob, login):
    campaign = campaign_in("sent", organization)

    answer = login(bob).get(edit_address(campaign), follow=True)

    assert "Copy it instead" in answer.content.decode()


def test_a_copy_is_a_draft_of_its_own(organization, bob, login):
    campaign = campaign_in("sent", organization)

    login(bob).post(reverse("admin:campaigns_campaign_copy", args=[campaign.pk]), {"name": "Again"})

    twin = Campaign.objects.get(name="Again")
    assert twin.state == State.DRAFT
    assert twin.variants.get().email != campaign.variants.get().email


def test_reach_follows_what_is_ticked(organization, bob, login):
    mailing_list = MailingListFactory(organization=organization)
    SubscriptionFactory(mailing_list=mailing_list)
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")
    address = reverse("admin:campaigns_campaign_estimate_draft")

    page = login(bob).post(address, {"included": f"list-{mailing_list.pk}", "channel": "email"}).content.decode()
    nobody = login(bob).post(address, {"channel": "email"}).content.decode()

    assert "person would get it" in page
    assert "bounced before" in page
    assert "Tick a list" in nobody


def test_reach_says_nothing_about_strangers(organization, bob, login):
    strange = SubscriptionFactory().mailing_list

    page = login(bob).post(
        reverse("admin:campaigns_campaign_estimate_draft"), {"included": f"list-{strange.pk}", "channel": "email"}
    )

    assert "Nobody is in this audience" in page.content.decode()


@pytest.mark.parametrize(
    ("text", "expected"), [("Hello", "1 message"), ("é€" * 100, "2 messages"), ("😀" * 40, "UCS-2")]
)
def test_the_parts_of_a_text_message_are_counted(bob, login, text, expected):
    page = login(bob).post(reverse("admin:campaigns_campaign_sms_parts"), {"sms_body": text}).content.decode()

    assert expected in page


def test_a_new_email_that_a_scheduled_campaign_cannot_have_leaves_nothing_behind(organization, bob, login):
    campaign = campaign_in("scheduled", organization)
    before = Email.objects.count(), campaign.name, campaign.variants.get().email
    lists = [f"list-{part.mailing_list_id}" for part in campaign.audience.all()]

    answer = login(bob).post(edit_address(campaign), given(content="new", included=lists))

    campaign.refresh_from_db()
    assert answer.status_code == 422
    assert "The email has no subject." in answer.content.decode()
    assert (Email.objects.count(), campaign.name, campaign.variants.get().email) == before


@pytest.mark.parametrize("named", ["abc", "9" * 30, "-1", "0"])
def test_an_estimate_for_a_campaign_that_cannot_be_is_not_found(organization, bob, login, named):
    answer = login(bob).post(reverse("admin:campaigns_campaign_estimate_draft"), {"campaign": named})

    assert answer.status_code == 404


def test_a_form_sent_twice_makes_one_draft(organization, bob, login):
    browser = login(bob)
    wish = browser.get(reverse(ADD)).context["wish"]

    first = browser.post(reverse(ADD), given(content="new", wish=wish))
    second = browser.post(reverse(ADD), given(content="new", wish=wish))

    campaign = Campaign.objects.get()
    assert Email.objects.count() == 1
    assert first.url.startswith(reverse("admin:content_email_change", args=[campaign.variants.get().email_id]))
    assert second.url == reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def test_a_form_keeps_its_wish_through_a_mistake_and_another_form_has_another(organization, bob, login):
    browser = login(bob)
    wish = browser.get(reverse(ADD)).context["wish"]

    mistaken = browser.post(reverse(ADD), given(name="", content="new", wish=wish))
    browser.post(reverse(ADD), given(content="new", wish=mistaken.context["wish"]))
    browser.post(reverse(ADD), given(content="new", wish=wish))
    browser.post(reverse(ADD), given(content="new", wish=browser.get(reverse(ADD)).context["wish"]))

    assert Campaign.objects.count() == 2


def test_a_form_whose_draft_was_deleted_makes_a_new_one(organization, bob, login):
    browser = login(bob)
    wish = browser.get(reverse(ADD)).context["wish"]
    browser.post(reverse(ADD), given(content="new", wish=wish))
    Campaign.objects.update(deleted_at="2026-01-01T00:00Z")

    browser.post(reverse(ADD), given(content="new", wish=wish))

    assert Campaign.objects.kept().count() == 1


def test_nobody_chooses_the_id_of_a_campaign(organization, bob, login):
    login(bob).post(reverse(ADD), given(content="new", wish="cmp_aaaaaaaaaaaaaaaaaaaa"))

    assert Campaign.objects.get().public_id != "cmp_aaaaaaaaaaaaaaaaaaaa"


@race
def test_two_browsers_that_send_one_form_at_once_make_one_draft(organization, bob, login):
    browsers = [login(bob) for _ in range(4)]
    wish = browsers[0].get(reverse(ADD)).context["wish"]

    answers = at_once(
        *[
            lambda browser=browser: browser.post(reverse(ADD), given(content="new", wish=wish)).status_code
            for browser in browsers
        ]
    )

    assert answers == [302] * len(browsers)
    assert Campaign.objects.count() == 1
    assert Email.objects.count() == 1


def test_conversions_and_the_archive_are_ticked_and_unticked(organization, bob, login):
    email, client = EmailFactory(organization=organization), login(bob)

    client.post(
        reverse(ADD), given(email=email.pk, tracks_conversions="on", is_public="on", analytics_domains="a.example")
    )
    campaign = Campaign.objects.get()
    assert (campaign.tracks_conversions, campaign.is_public) == (True, True)
    assert campaign.analytics_domains == "a.example"

    client.post(edit_address(campaign), given(email=email.pk, is_public="on"))
    campaign.refresh_from_db()
    assert (campaign.tracks_conversions, campaign.is_public) == (False, True)
