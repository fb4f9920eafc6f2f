"""Clients of the REST API: one for each person, with a key of theirs."""

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts import keys
from accounts.actors import SYSTEM
from accounts.permissions import membership_of
from tests.delivery.conftest import mail_relay as mail_relay

ROOT = "/api/management/"


class JsonClient(APIClient):
    default_format = "json"


def key_of(user, organization):
    """The plain text of a new key of this member."""
    return keys.issue(membership_of(user, organization), name="test", by=SYSTEM)[1]


def client_of(user, organization):
    """A program that acts as this member."""
    client = JsonClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key_of(user, organization)}")
    return client


@pytest.fixture
def cache_of_its_own():
    """Throttling counts in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def api(bob, organization):
    """Bob's program: a trusted marketer."""
    return client_of(bob, organization)


@pytest.fixture
def admin_api(alice, organization):
    return client_of(alice, organization)


@pytest.fixture
def untrusted_api(dora, organization):
    return client_of(dora, organization)


@pytest.fixture
def approver_api(erin, organization):
    return client_of(erin, organization)


@pytest.fixture
def viewer_api(victor, organization):
    return client_of(victor, organization)


@pytest.fixture
def stranger_api(charlie):
    return client_of(charlie, charlie.memberships.get().organization)
