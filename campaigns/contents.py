"""What a campaign says, written as a whole by programs: each content an email of the campaign's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now

from accounts.actors import Actor
from campaigns import drafts, variants
from campaigns.errors import NotReady
from campaigns.models import Campaign, Variant
from content.models import Email

SENDER = ("from_name", "from_email", "reply_to")


@dataclass(frozen=True, kw_only=True)
class Said:
    """One content. `variant`: the one that goes on as this content; None for a new one. `body_format` as in Email."""

    name: str
    subject: str = ""
    html: str = ""
    text: str = ""
    body_format: str = ""
    variant: Variant | None = None

    @property
    def columns(self) -> dict[str, str]:
        """As the email's columns hold it."""
        return {"subject": self.subject, "html": self.html, "text": self.text, "body_format": self.body_format}


def written(campaign: Campaign) -> list[Variant]:
    """The contents there are, in their order; a campaign that says nothing yet has none."""
    rows = sorted(campaign.variants.all(), key=lambda variant: variant.position)
    return [variant for variant in rows if variant.email is not None]


def write(
    campaign: Campaign, contents: Sequence[Said], *, by: Actor, merge_language: str, sender: Mapping[str, str]
) -> None:
    """Exactly these contents, in this order, from this sender (SENDER); what is as it was is left alone.

    A new content is written in `merge_language`; one that goes on keeps its own. An approval of what was said before
    is void. Raises NotReady by field, Locked, NotAllowed.
    """
    if _is_said(campaign, contents):
        return
    with transaction.atomic():
        said = [
            variants.Content(
                email=_email(campaign, each, by=by, merge_language=merge_language, sender=sender),
                name=each.name,
                variant=each.variant,
                weight=each.variant.weight if each.variant else 1,
            )
            for each in contents
        ]
        variants.set_variants(campaign, said or [variants.Content()], by=by)


def set_sender(campaign: Campaign, sender: Mapping[str, str], *, by: Actor) -> None:
    """Have all contents come from this sender. Raises NotReady, Locked, NotAllowed."""
    for variant in written(campaign):
        email = variant.email
        if email is not None and any(getattr(email, name) != value for name, value in sender.items()):
            own = own_email(variant, by=by)
            drafts.edit_email(own, by=by, **sender)


def own_email(variant: Variant, *, by: Actor) -> Email:
    """The variant's email; a copy in its place where another campaign says it too."""
    email = variant.email
    if email is None:
        raise NotReady({"email": ["There is no content yet."]})
    if Variant.objects.filter(email=email).exclude(campaign=variant.campaign_id).exists():
        email = drafts.duplicate_email(email, by=by)
        Variant.objects.filter(pk=variant.pk).update(email=email)
        variant.email = email
    return email


def _is_said(campaign: Campaign, contents: Sequence[Said]) -> bool:
    there = written(campaign)
    return len(there) == len(contents) and all(
        each.variant is not None and each.variant.pk == variant.pk and _same(variant, each)
        for variant, each in zip(there, contents, strict=True)
    )


def _same(variant: Variant, said: Said) -> bool:
    return variant.name == said.name and all(
        getattr(variant.email, name) == value for name, value in said.columns.items()
    )


def _email(campaign: Campaign, said: Said, *, by: Actor, merge_language: str, sender: Mapping[str, str]) -> Email:
    if said.variant is not None and said.variant.email is not None:
        if _same(said.variant, said):
            return said.variant.email
        return drafts.edit_email(own_email(said.variant, by=by), by=by, **said.columns)
    email = Email(
        organization=campaign.organization,
        edition=campaign.edition,
        title=f"{campaign.name}: {said.name}"[:255],
        merge_language=merge_language,
        created_by=by.user,
        created_at=now(),
    )
    drafts.save_new(email, {**said.columns, **sender})
    return email
