import pytest

from accounts.actors import Actor, Surface
from campaigns import drafts
from campaigns.models import Campaign
from tags import tagging
from tags.models import Tag
from tests.factories import OrganizationFactory, draft_campaign, staff


def by(user):
    return Actor(user=user, surface=Surface.ADMIN)


def test_the_same_name_in_two_organizations_is_two_tags(organization):
    elsewhere = OrganizationFactory()

    (here,) = tagging.named(organization, ["News"])
    (there,) = tagging.named(elsewhere, ["News"])

    assert here != there
    assert Tag.objects.of(organization).get() == here


def test_a_campaign_never_takes_a_tag_of_another_organization(organization):
    elsewhere = OrganizationFactory()
    tagging.named(elsewhere, ["News"])

    campaign = draft_campaign(organization, tags=["News"])

    assert [tag.organization for tag in campaign.tags.all()] == [organization]


@pytest.mark.parametrize("spelling", ["news", " NEWS ", "News"])
def test_names_are_the_same_tag_whatever_their_case_and_blanks(organization, spelling):
    (tag,) = tagging.named(organization, ["News"])

    assert tagging.named(organization, [spelling]) == [tag]


def test_names_with_other_letters_are_compared_without_case_too(organization):
    (tag,) = tagging.named(organization, ["Ärger"])

    assert tagging.named(organization, ["ÄRGER"]) == [tag]


def test_names_without_a_common_slug_get_slugs_of_their_own(organization):
    tags = tagging.named(organization, ["a b", "a-b", "!!!", "???"])

    assert len({tag.slug for tag in tags}) == 4


def test_a_new_tag_remembers_who_made_it(organization, bob):
    campaign = draft_campaign(organization, by=by(bob), tags=["News"])

    assert campaign.tags.get().owner == bob


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_that_is_none_is_refused(organization, name):
    with pytest.raises(tagging.BadName):
        tagging.named(organization, [name])


def test_a_renamed_tag_stays_on_its_campaigns(organization, bob):
    campaign = draft_campaign(organization, tags=["News"])

    tagging.rename(campaign.tags.get(), "Bulletin", by=by(bob))

    assert [tag.name for tag in campaign.tags.all()] == ["Bulletin"]
    assert tagging.named(organization, ["bulletin"]) == [campaign.tags.get()]


def test_a_tag_can_change_the_case_of_its_own_name(organization, bob):
    (tag,) = tagging.named(organization, ["news"])

    assert tagging.rename(tag, "News", by=by(bob)).name == "News"


def test_a_tag_cannot_be_renamed_to_another(organization, bob):
    news, _ = tagging.named(organization, ["News", "Bulletin"])

    with pytest.raises(tagging.NameTaken):
        tagging.rename(news, "bulletin", by=by(bob))


def test_merging_leaves_each_campaign_with_one_tag(organization, bob):
    both = draft_campaign(organization, tags=["News", "Bulletin"])
    one = draft_campaign(organization, tags=["News"])
    news, bulletin = tagging.named(organization, ["News", "Bulletin"])

    tagging.merge(news, bulletin, by=by(bob))

    assert [list(each.tags.all()) for each in (both, one)] == [[bulletin], [bulletin]]
    assert Tag.objects.of(organization).get() == bulletin


def test_tags_of_two_organizations_are_never_merged(organization, bob):
    (news,) = tagging.named(organization, ["News"])
    (foreign,) = tagging.named(OrganizationFactory(), ["News"])

    with pytest.raises(tagging.TagError):
        tagging.merge(news, foreign, by=by(bob))


def test_deleting_a_tag_leaves_its_campaigns(organization, bob):
    campaign = draft_campaign(organization, tags=["News"])

    tagging.delete(campaign.tags.get(), by=by(bob))

    assert Campaign.objects.get(pk=campaign.pk).tags.count() == 0


@pytest.mark.parametrize("person", ["victor", "erin", "charlie"])
def test_only_marketers_and_administrators_change_tags(organization, person, request):
    (tag,) = tagging.named(organization, ["News"])
    actor = by(request.getfixturevalue(person))

    for act in (
        lambda: tagging.create(organization, "Other", by=actor),
        lambda: tagging.rename(tag, "Other", by=actor),
        lambda: tagging.delete(tag, by=actor),
        lambda: tagging.merge(tag, tag, by=actor),
    ):
        with pytest.raises(tagging.NotAllowed):
            act()

    assert Tag.objects.get() == tag


def test_two_campaigns_with_many_tags_cost_the_same_number_of_queries(organization, django_assert_max_num_queries):
    names = [f"tag {n}" for n in range(20)]
    tagging.named(organization, names)

    with django_assert_max_num_queries(1):
        assert len(tagging.named(organization, names)) == 20


def test_copying_a_campaign_shares_its_tags(organization):
    campaign = draft_campaign(organization, tags=["News"])

    twin = drafts.copy(campaign, by=staff(organization, "manager"))

    assert list(twin.tags.all()) == list(campaign.tags.all())
