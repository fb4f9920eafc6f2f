"""Writing emails beside a preview of what one person would get."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from audience.models import CustomField
from campaigns.models import State
from content.models import Email, Template
from tests.factories import EditionFactory, EmailFactory, SubscriberFactory, campaign_in

pytestmark = pytest.mark.django_db

TYPED = {
    "title": "Letter",
    "subject": "Hello {{ first_name|default('there') }}",
    "preheader": "",
    "from_name": "Post",
    "from_email": "post@news.example",
    "reply_to": "",
    "edition": "",
    "merge_language": "broadsheet",
    "html": "<p>Dear {{ first_name|default('reader') }}</p><a href='{{ unsubscribe_url }}'>Unsubscribe</a>",
    "text": "",
}


def edit_address(email):
    return reverse("admin:content_email_change", args=[email.pk])


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_an_email_is_written(organization, bob, login):
    answer = login(bob).post(reverse("admin:content_email_add"), TYPED)

    email = Email.objects.get()
    assert answer.url == edit_address(email)
    assert (email.organization, email.subject, email.created_by) == (organization, TYPED["subject"], bob)


def test_a_new_email_starts_with_the_editions_sender_or_a_template(organization, bob, login):
    EditionFactory(organization=organization, from_name="Weekend", from_email="weekend@news.example")
    template = Template.objects.create(organization=organization, name="Letter", html="<p>Our colours</p>")

    form = login(bob).get(reverse("admin:content_email_add"), {"template": template.pk}).context["form"]

    assert form["from_email"].value() == "weekend@news.example"
    assert form["html"].value() == "<p>Our colours</p>"


def test_a_line_break_in_a_header_is_refused(organization, bob, login):
    answer = login(bob).post(reverse("admin:content_email_add"), TYPED | {"subject": "Hello\r\nBcc: all@example.com"})

    assert not Email.objects.filter(subject__contains="\n").exists()
    assert answer.status_code in (302, 422)


def test_the_preview_shows_what_is_typed_as_one_person_gets_it(organization, bob, login):
    person = SubscriberFactory(organization=organization, fields={"first_name": "Anna"})
    given = TYPED | {"organization": organization.pk, "person": person.pk}
    browser = login(bob)

    head = browser.post(reverse("admin:content_email_preview"), given)
    body = browser.post(reverse("admin:content_email_preview_body"), given).content.decode()

    assert head.context["shown"].subject == "Hello Anna"
    assert "Dear Anna" in body
    assert not Email.objects.exists()


def test_what_is_broken_is_said_in_the_preview(organization, bob, login):
    given = TYPED | {"organization": organization.pk, "html": "<p>{% if %}</p>", "from_email": ""}

    page = login(bob).post(reverse("admin:content_email_preview"), given).content.decode()

    assert "It cannot be shown." in page
    assert "no sender address" in page


@pytest.mark.parametrize("name", ["preview", "preview_body"])
def test_nobody_previews_with_the_people_of_strangers(organization, charlie, login, name):
    person = SubscriberFactory(organization=organization, fields={"first_name": "Anna"})
    given = TYPED | {"organization": organization.pk, "person": person.pk}

    assert login(charlie).post(reverse(f"admin:content_email_{name}"), given).status_code == 403


def test_merge_fields_can_be_picked(organization, bob, login):
    CustomField.objects.create(organization=organization, key="city", name="Town")

    page = login(bob).get(edit_address(EmailFactory(organization=organization))).content.decode()

    for tag in ("{{ city }}", "{{ Subscriber:City }}", "%%city%%"):
        assert f'<option value="{tag}">Town</option>' in page
    for tag in ("{{ unsubscribe_url }}", "%Link:Unsubscribe%", "%%unsubscribe_link%%"):
        assert f'<option value="{tag}">' in page
    assert 'data-language="broadsheet">' in page
    assert 'data-language="octeth" hidden>' in page


@pytest.mark.parametrize(
    ("language", "subject"),
    [("octeth", '{{ Subscriber:FirstName|"you" }} and %Subscriber:EmailAddress%'), ("greenarrow", "%%First name%%")],
)
def test_another_language_is_chosen_previewed_and_kept(organization, bob, login, language, subject):
    CustomField.objects.create(organization=organization, key="first_name", name="First name")
    person = SubscriberFactory(organization=organization, email="anna@example.com", fields={"first_name": "Anna"})
    written = TYPED | {
        "merge_language": language,
        "subject": subject,
        "html": f"<p>{subject}</p>\n<p>%%x%% {{{{ x }}}}</p>",
    }
    browser = login(bob)

    answer = browser.post(
        reverse("admin:content_email_preview"), written | {"organization": organization.pk, "person": person.pk}
    )
    browser.post(reverse("admin:content_email_add"), written)

    assert answer.context["shown"].subject.startswith("Anna")
    assert any("line 2: There is no" in finding.message for finding in answer.context["findings"])
    assert Email.objects.get().merge_language == language
    assert f'data-language="{language}">' in browser.get(edit_address(Email.objects.get())).content.decode()


def test_changing_the_email_of_a_campaign_that_waits_makes_it_a_draft(organization, dora, login):
    campaign = campaign_in("pending_approval", organization)
    email = campaign.variants.get().email

    login(dora).post(edit_address(email), TYPED)

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_the_email_of_a_campaign_that_is_being_sent_is_locked(organization, bob, login):
    email = campaign_in("sending", organization).variants.get().email
    browser = login(bob)

    page = browser.get(edit_address(email)).content.decode()
    answer = browser.post(edit_address(email), TYPED)

    email.refresh_from_db()
    assert "cannot be changed now" in page
    assert answer.status_code == 422
    assert email.subject != TYPED["subject"]


def test_one_comes_back_to_the_campaign_one_writes_for(organization, bob, login):
    campaign = campaign_in("draft", organization)
    address = f"{edit_address(campaign.variants.get().email)}?campaign={campaign.pk}"

    there = login(bob).post(address, TYPED | {"_back": "1"})

    assert there.url == reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def test_an_email_is_duplicated(organization, bob, login):
    email = EmailFactory(organization=organization, title="Letter")

    login(bob).post(reverse("admin:content_email_duplicate", args=[email.pk]))

    assert Email.objects.filter(title="Copy of Letter", subject=email.subject).exists()


def test_an_email_in_use_is_kept(organization, bob, login):
    email = campaign_in("scheduled", organization).variants.get().email
    unused = EmailFactory(organization=organization)
    browser = login(bob)

    refused = browser.post(reverse("admin:content_email_delete", args=[email.pk]))
    browser.post(reverse("admin:content_email_delete", args=[unused.pk]))

    assert "not over yet" in told(refused)
    assert list(Email.objects.all()) == [email]


def test_a_viewer_reads_and_changes_nothing(organization, victor, login):
    email = EmailFactory(organization=organization)
    browser = login(victor)

    assert browser.get(edit_address(email)).status_code == 200
    assert browser.post(edit_address(email), TYPED).status_code == 403
    assert browser.get(reverse("admin:content_email_add")).status_code == 403
    assert browser.post(reverse("admin:content_email_duplicate", args=[email.pk])).status_code == 403


@pytest.mark.parametrize("name", ["change", "delete", "duplicate"])
def test_a_stranger_finds_no_such_email(organization, charlie, login, name):
    email = EmailFactory(organization=organization)

    assert login(charlie).post(reverse(f"admin:content_email_{name}", args=[email.pk])).status_code == 404
