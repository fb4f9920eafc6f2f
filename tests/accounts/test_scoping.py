"""Nobody sees a row of an organization they do not belong to: every model is walked, with a row of its own."""

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.timezone import now

from accounts.models import Membership, Organization, User
from accounts.scoping import ScopedQuerySet
from tests.conftest import acting
from tests.factories import MembershipFactory, OrganizationFactory, draft_campaign

# Models whose rows belong to no organization, and why that is right.
GLOBAL = {
    "accounts.User": "a person may belong to several organizations; memberships are scoped",
    "stats.SpoolPosition": "how far this installation has read its spool files",
    "stats.StrayHit": "a hit that names no recipient we know, so nobody's",
    "tracking.StrayMail": "a report that names no recipient we know, so nobody's",
    "stats.SeenHit": "hashes of what has been counted, with nothing that says whose",
    "stats.Refusal": "how many links were refused on a day; a forged link is nobody's",
}
OTHER_PEOPLES = ("django.", "taggit.", "allauth.", "django_celery_beat.")
OURS = [model for model in apps.get_models() if not model.__module__.startswith(OTHER_PEOPLES)]
SCOPED = [model for model in OURS if model._meta.label not in GLOBAL]


def label(model):
    return model._meta.label


@pytest.mark.parametrize("model", SCOPED, ids=label)
def test_every_model_is_scoped_or_global_for_a_reason(model):
    assert isinstance(model._default_manager.all(), ScopedQuerySet)
    assert leads_to(model, model._default_manager.all().organization_path) is Organization


def leads_to(model, path):
    for name in path.split("__"):
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        model = field.related_model if field.is_relation else field.model
    return model


def test_global_models_exist():
    assert GLOBAL.keys() <= {model._meta.label for model in OURS}


# --- with real rows ----------------------------------------------------------------------------------------------

VALUES = {
    models.CharField: "x",
    models.TextField: "x",
    models.SlugField: "x",
    models.IntegerField: 1,
    models.PositiveIntegerField: 1,
    models.PositiveSmallIntegerField: 1,
    models.PositiveBigIntegerField: 1,
    models.BigIntegerField: 1,
    models.BooleanField: False,
    models.BinaryField: b"x",
    models.JSONField: {"x": 1},
    models.FileField: "x.csv",
    models.EmailField: "x@example.com",
}


def row_of(model, made):
    """A row of this model in the organization of `made`, with whatever it hangs on."""
    if model not in made:
        values = {field.name: value_of(field, made) for field in model._meta.concrete_fields if needs_value(field)}
        made[model] = model._base_manager.create(**values)
    return made[model]


def needs_value(field):
    if field.name in {"organization", "email"}:  # may be empty, but then the row is nobody's, or nobody
        return True
    makes_itself = field.primary_key and not field.is_relation
    return not (makes_itself or field.null or field.blank or field.has_default())


def value_of(field, made):
    if field.is_relation:
        return row_of(field.related_model, made)
    if isinstance(field, (models.DateTimeField, models.DateField)):
        return now()
    return field.choices[0][0] if field.choices else VALUES[type(field)]


@pytest.fixture
def rows(organization, alice):
    """One row of every scoped model, all of them Alice's organization's."""
    campaign = draft_campaign(organization, by=acting(alice), tags=["News"])
    made = {
        Organization: organization,
        User: alice,
        Membership: alice.memberships.get(),
        type(campaign): campaign,
        type(campaign.variants.get()): campaign.variants.get(),
        type(campaign.tags.get()): campaign.tags.get(),
    }
    for part in (campaign.audience.get(), campaign.events.get(), campaign.campaign_tags.get()):
        made[type(part)] = part
    made[type(campaign.audience.get().mailing_list)] = campaign.audience.get().mailing_list
    return {model: row_of(model, made) for model in SCOPED}


@pytest.fixture
def charlies(charlie):
    """Charlie has an organization of his own with campaigns, so that seeing nothing is not for want of anything."""
    organization = charlie.memberships.get().organization
    return draft_campaign(organization, by=acting(charlie), tags=["News"])


def test_members_see_their_own_rows(rows, alice):
    for model, row in rows.items():
        assert row in model._default_manager.visible_to(alice), model
        assert row in model._default_manager.of(rows[Organization]), model


def test_a_stranger_sees_none_of_them(rows, charlie, charlies):
    elsewhere = charlie.memberships.get().organization

    for model, row in rows.items():
        assert row not in model._default_manager.visible_to(charlie), model
        assert row not in model._default_manager.of(elsewhere), model
        assert not model._default_manager.visible_to(charlie).filter(pk=row.pk).exists(), model


def test_nobody_is_shown_anything(rows, alice):
    alice.is_active = False
    alice.save()

    for person in (alice, AnonymousUser(), None):
        for model in rows:
            assert not model._default_manager.visible_to(person).exists(), model


def test_an_organization_that_is_not_active_is_hidden_from_its_members(rows, organization, alice):
    organization.is_active = False
    organization.save()

    for model in rows:
        assert not model._default_manager.visible_to(alice).exists(), model


def test_who_leaves_sees_nothing_any_more(rows, alice):
    alice.memberships.all().delete()

    for model in rows:
        if model is not Membership:
            assert not model._default_manager.visible_to(alice).exists(), model


def test_somebody_in_two_organizations_sees_both_and_no_third(rows, organization, charlie):
    here = rows[Organization]
    MembershipFactory(user=charlie, organization=here, role="viewer")
    third = OrganizationFactory()

    seen = Organization.objects.visible_to(charlie)

    assert here in seen
    assert third not in seen
    assert seen.count() == 2


def test_a_superuser_sees_every_organization(rows, charlie, charlies):
    charlie.is_superuser = True
    charlie.save()

    for model, row in rows.items():
        assert row in model._default_manager.visible_to(charlie), model
