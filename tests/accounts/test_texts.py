"""What is refused on one line, and what is made fit for one."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Edition
from accounts.texts import breaks, one_line, validate_one_line
from campaigns import drafts
from campaigns.errors import NotReady
from campaigns.models import Campaign
from content.models import Email
from tests.factories import EditionFactory, EmailFactory, draft_campaign, staff

BREAKS = ["\n", "\r", "\v", "\f", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"]


@pytest.mark.parametrize("break_", BREAKS)
def test_whatever_could_end_a_line_is_refused(break_):
    with pytest.raises(ValidationError, match="one line"):
        validate_one_line(f"Good{break_}morning")


@pytest.mark.parametrize("text", ["", "Good morning", "Grüße, 世界 🎉", "a\u00a0b", "\u200bzero width", "עברית"])
def test_every_script_passes(text):
    validate_one_line(text)


@given(st.text())
def test_what_is_made_fit_for_a_line_is_on_one_line(text):
    assert not breaks(one_line(text))
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.django_db
@pytest.mark.parametrize("break_", BREAKS[:-1])
@pytest.mark.parametrize(
    ("factory", "field"),
    [(EmailFactory, "title"), (EmailFactory, "subject"), (EmailFactory, "from_name"), (EditionFactory, "from_name")],
)
def test_every_form_refuses_it(factory, field, break_):
    row = factory()
    setattr(row, field, f"Good{break_}morning")

    with pytest.raises(ValidationError) as refused:
        row.full_clean()

    assert field in refused.value.message_dict


@pytest.mark.django_db
@pytest.mark.parametrize("break_", BREAKS[:-1])
def test_no_surface_gives_a_campaign_such_a_name(organization, break_):
    campaign = draft_campaign(organization)

    with pytest.raises(NotReady) as refused:
        drafts.edit(campaign, by=staff(organization), name=f"Good{break_}morning")

    assert "name" in refused.value.problems
    assert Campaign.objects.get().name == campaign.name


def test_the_models_ask_one_validator():
    fields = [
        Campaign._meta.get_field("name"),
        Edition._meta.get_field("from_name"),
        *(Email._meta.get_field(name) for name in ("title", "subject", "from_name")),
    ]

    assert all(validate_one_line in field.validators for field in fields)
