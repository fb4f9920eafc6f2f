from accounts.actors import Actor, Surface
from content.models import Email, Template
from content.templates import keep_as_template, start_email
from tests.factories import EditionFactory, EmailFactory


def test_an_email_starts_with_the_html_of_its_template_and_the_sender_of_its_edition(organization, bob):
    edition = EditionFactory(organization=organization, from_name="Daily", from_email="daily@news.example")
    template = Template.objects.create(organization=organization, edition=edition, name="Plain", html="<p>x</p>")

    email = start_email(template, by=Actor(user=bob, surface=Surface.ADMIN), title="Monday")

    assert Email.objects.get() == email
    assert (email.organization, email.edition, email.created_by) == (organization, edition, bob)
    assert (email.title, email.html, email.from_name, email.from_email) == (
        "Monday",
        "<p>x</p>",
        "Daily",
        "daily@news.example",
    )


def test_an_email_of_a_template_without_an_edition_is_named_after_it(organization, bob):
    template = Template.objects.create(organization=organization, name="Plain", html="<p>x</p>")

    email = start_email(template, by=Actor(user=bob, surface=Surface.ADMIN))

    assert (email.title, email.from_email, email.edition) == ("Plain", "", None)


def test_changing_the_email_leaves_the_template_as_it_is(organization, bob):
    template = Template.objects.create(organization=organization, name="Plain", html="<p>x</p>")
    email = start_email(template, by=Actor(user=bob, surface=Surface.ADMIN))

    email.html = "<p>y</p>"
    email.save()

    template.refresh_from_db()
    assert template.html == "<p>x</p>"


def test_an_email_can_be_kept_as_a_template(organization):
    email = EmailFactory(organization=organization, title="Monday", html="<p>z</p>", merge_language="octeth")

    template = keep_as_template(email)

    assert (template.organization, template.name, template.html) == (organization, "Monday", "<p>z</p>")
    assert start_email(template, by=Actor(user=None, surface=Surface.SYSTEM)).merge_language == "octeth"
