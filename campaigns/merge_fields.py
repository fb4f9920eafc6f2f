"""The custom fields that an email's language can call by their names."""

from accounts.models import Organization
from audience.fields import catalogue, of_list
from audience.models import MailingList
from content import fields
from content.merge.languages import Fields
from content.merge.octeth_tags import PersonalizationTag, tags
from content.models import Email


def of_email(email: Email) -> Fields:
    """Number, key and name of each, as `content.compile` takes them; nothing where the language needs none."""
    return catalogue(email.organization) if fields.named_otherwise(email) else ()


def kept(email: Email) -> list[list[int | str]]:
    """Those that it uses, for a content that later changes of the fields must not change."""
    return fields.kept(email, of_email(email))


def personalization_tags(
    organization: Organization, mailing_list: MailingList | None = None
) -> list[PersonalizationTag]:
    """What an email in Octeth's language can hold, by category: `Subscriber`, `ListLinks`, `CampaignLinks`, `OptLinks`,
    `User`, `List`, `Campaign`, `Other`. With a list, only the fields that people on it can have."""
    if mailing_list is None:
        return tags(catalogue(organization))
    return tags((field.pk, field.key, field.name) for field in of_list(mailing_list).values())
