"""A client of the GreenArrow API, as its programs are: HTTP Basic, JSON in any content type."""

import base64
import json

import pytest
from django.test import Client

from accounts import keys
from accounts.actors import SYSTEM
from tests.factories import MailingListFactory, SubscriptionFactory


class GreenArrow:
    """Calls the API with one key. `get`, `post`, `put`, `delete` give the whole envelope."""

    def __init__(self, organization_id, plain):
        self.organization_id, self.plain = organization_id, plain
        self.header = "Basic " + base64.b64encode(f"{organization_id}:{plain}".encode()).decode()
        self.client = Client(raise_request_exception=False)

    def send(self, method, path, body=None, *, content_type="application/json", header=None, base="/ga/api/v2/"):
        path = path if path.startswith("/") else base + path
        raw = body if isinstance(body, (bytes, str)) else json.dumps(body) if body is not None else b""
        headers = {"HTTP_AUTHORIZATION": self.header if header is None else header}
        return self.client.generic(method, path, raw, content_type=content_type, **headers)

    def call(self, method, path, body=None, **kwargs):
        response = self.send(method, path, body, **kwargs)
        return json.loads(response.content)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.call("POST", path, body, **kwargs)

    def put(self, path, body=None, **kwargs):
        return self.call("PUT", path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self.call("DELETE", path, **kwargs)


def done(envelope):
    assert envelope["success"], envelope
    return envelope["data"]


def refused(envelope, code="validation_failed"):
    assert not envelope["success"], envelope
    assert envelope["error_code"] == code, envelope
    return envelope["error_message"]


def program(user, organization):
    """A program with a key of this person."""
    membership = user.memberships.get(organization=organization)
    _, plain = keys.issue(membership, name="program", by=SYSTEM, hexadecimal=True)
    return GreenArrow(organization.pk, plain)


@pytest.fixture
def api(bob, organization):
    """With the key of a trusted marketer."""
    return program(bob, organization)


@pytest.fixture
def readers(organization):
    """A list of three people."""
    mailing_list = MailingListFactory(organization=organization, name="Default Mailing List")
    for _ in range(3):
        SubscriptionFactory(mailing_list=mailing_list)
    return mailing_list
