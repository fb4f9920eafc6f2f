"""Campaign tags: every code, in the order in which it is looked for."""

import pytest

from tags.models import Tag
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import draft_campaign

pytestmark = pytest.mark.usefixtures("desk")

OK = {"Success": True, "ErrorCode": 0, "ErrorText": ""}


@pytest.fixture
def tag(wire):
    return wire("Tag.Create", Tag="newsletter")["TagID"]


def row(pk, name, organization):
    return {"TagID": pk, "Tag": name, "RelOwnerUserID": organization.pk}


def test_tags_are_listed_by_name_with_their_owner(wire, tag, organization):
    wire("tag.create", Tag="Autumn 20%-off")

    assert wire("Tags.Get") == OK | {
        "TotalTagCount": 2,
        "Tags": [
            {
                "TagID": Tag.objects.get(name="Autumn 20%-off").pk,
                "Tag": "Autumn 20%-off",
                "RelOwnerUserID": organization.pk,
            },
            row(tag, "newsletter", organization),
        ],
    }


@pytest.mark.parametrize(("name", "code"), [("", 1), ("   ", 4), ("a/b", 3), ("x" * 101, 3), ("NewsLetter", 2)])
def test_a_tag_that_cannot_be_made_says_why_in_one_number(wire, tag, name, code):
    assert wire("tag.create", Tag=name) == {"Success": False, "ErrorCode": code}
    assert Tag.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ({}, [1, 2]),
        ({"Tag": "x"}, [1]),
        ({"TagID": "1"}, [2]),
        ({"Tag": " "}, [1]),
        ({"TagID": 999999, "Tag": "x"}, [1]),
    ],
)
def test_renaming_lists_what_is_missing(wire, sent, codes):
    assert wire("tag.update", **sent) == {"Success": False, "ErrorCode": codes}


def test_a_tag_is_renamed_unless_another_is_called_that(wire, tag):
    wire("tag.create", Tag="other")

    assert wire("tag.update", TagID=tag, Tag="news")["Success"] is True
    assert wire("tag.update", TagID=tag, Tag="Other")["ErrorCode"] == [3]
    assert wire("tag.update", TagID=tag, Tag=" ")["ErrorCode"] == [4]
    assert wire("tag.update", TagID=tag, Tag="a;b")["ErrorCode"] == [3]
    assert Tag.objects.get(pk=tag).name == "news"


def test_tags_are_put_on_campaigns_and_taken_off_again_and_again(wire, tag, organization):
    campaign = draft_campaign(organization)
    for _ in range(2):
        assert wire("Tag.AssignToCampaigns", TagID=tag, CampaignIDs=f"{campaign.pk}, 999999") == OK
    assert [each.pk for each in campaign.tags.all()] == [tag]
    for _ in range(2):
        assert wire("Tag.UnassignFromCampaigns", TagID=tag, CampaignIDs=[str(campaign.pk)]) == OK
    assert not campaign.tags.exists()


@pytest.mark.parametrize("command", ["tag.assigntocampaigns", "tag.unassignfromcampaigns"])
def test_putting_tags_on_lists_what_is_missing(wire, command):
    assert wire(command)["ErrorCode"] == [1, 2]
    assert wire(command, TagID=999999, CampaignIDs="1")["ErrorCode"] == [1]


def test_tags_are_deleted_and_those_of_others_passed_over(wire, tag, charlie):
    theirs = Wire(key_of(charlie))("tag.create", Tag="theirs")["TagID"]

    assert wire("tags.delete") == {"Success": False, "ErrorCode": [1]}
    assert wire("tags.delete", Tags=f"{tag},{theirs}") == OK
    assert [each.pk for each in Tag.objects.all()] == [theirs]
