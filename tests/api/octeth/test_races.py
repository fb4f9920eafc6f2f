"""Two clients that say the same at the same moment."""

from audience.models import CustomField
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import MailingListFactory
from tests.races import at_once, race


@race
def test_fields_of_one_name_made_at_once_get_keys_of_their_own(bob, organization):
    key, of = key_of(bob), MailingListFactory(organization=organization).pk

    def make():
        return Wire(key)("customfield.create", SubscriberListID=of, FieldName="Color", FieldType="Single line")

    answers = at_once(*[make] * 4)

    assert {each["Success"] for each in answers} == {True}
    assert len(set(CustomField.objects.values_list("key", flat=True))) == 4
