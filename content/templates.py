"""Emails that start from a template."""

from accounts.actors import Actor
from content.models import Email, Template


def start_email(template: Template, *, by: Actor, title: str = "") -> Email:
    """A new email with the template's HTML and merge language, and the sender of its edition. The template stays as it
    is."""
    edition = template.edition
    return Email.objects.create(
        organization=template.organization,
        edition=edition,
        title=title or template.name,
        merge_language=template.merge_language,
        html=template.html,
        from_name=edition.from_name if edition else "",
        from_email=edition.from_email if edition else "",
        created_by=by.user,
    )


def keep_as_template(email: Email, *, name: str = "") -> Template:
    """A new template with the email's HTML and merge language."""
    return Template.objects.create(
        organization=email.organization,
        edition=email.edition,
        name=name or email.title,
        merge_language=email.merge_language,
        html=email.html,
    )
