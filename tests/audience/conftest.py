"""A list to import into, and small chunks to import by."""

import pytest

from audience import fields
from tests.audience.importing import chunks_of
from tests.factories import MailingListFactory


@pytest.fixture(autouse=True)
def files(settings, own_spool):
    """A folder of its own for the files of each test."""
    settings.MEDIA_ROOT = own_spool.parent / "media"


@pytest.fixture
def news(organization):
    """A list with a choice of its own, beside a text and a number of the organization."""
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town", name="Town")
    fields.create(organization, key="age", name="Age", kind="number")
    fields.create(organization, key="size", name="Size", kind="choice", choices=["S", "M"], mailing_list=mailing_list)
    return mailing_list


@pytest.fixture
def small_chunks(monkeypatch):
    chunks_of(monkeypatch, 3)
