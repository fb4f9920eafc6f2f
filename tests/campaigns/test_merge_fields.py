"""What an email in Octeth's language can hold."""

import pytest

from audience.models import CustomField
from campaigns.merge_fields import personalization_tags
from tests.factories import MailingListFactory

pytestmark = pytest.mark.django_db


def test_the_tags_of_an_organization_and_of_one_list(organization):
    here, there = MailingListFactory(organization=organization), MailingListFactory(organization=organization)
    for key, mailing_list in (("first_name", None), ("shoe_size", here), ("shoe_size", there), ("town", there)):
        CustomField.objects.create(organization=organization, key=key, name=key, mailing_list=mailing_list)
    CustomField.objects.create(organization=MailingListFactory().organization, key="secret", name="Secret")
    twin = CustomField.objects.get(mailing_list=there, key="shoe_size")

    everything = {tag.tag: tag.category for tag in personalization_tags(organization)}
    of_list = {tag.tag for tag in personalization_tags(organization, here)}

    fields = {"{{ Subscriber:FirstName }}", "{{ Subscriber:ShoeSize }}"}
    others = {"{{ Subscriber:Town }}", f"{{{{ Subscriber:CustomField{twin.pk} }}}}"}
    assert fields | others <= everything.keys()
    assert everything.keys() - of_list == others
    assert "{{ Subscriber:Secret }}" not in everything
    assert everything["%Link:Unsubscribe%"] == "ListLinks"
    assert {"Subscriber", "ListLinks", "CampaignLinks", "OptLinks", "User", "List", "Campaign", "Other"} == {
        *everything.values()
    }
