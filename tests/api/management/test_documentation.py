"""The examples of `docs/api/management.md` are true: each curl command is carried out, in the order of the page."""

import re
import shlex
from pathlib import Path
from string import Template

import pytest
from django.test import Client

from api.management.urls import router
from tests.api.management.conftest import ROOT, key_of
from tests.factories import MailingListFactory, SegmentFactory, SubscriptionFactory, campaign_in

PAGE = Path(__file__).parents[3] / "docs" / "api" / "management.md"


def commands():
    """Each curl command with what its comment says to expect: the status, and the name of the id it answers."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for written in re.split(r"\n(?=curl )", block):
            if written.startswith("curl "):
                expected = re.search(r"#\s+(\d{3})(?:, ([A-Z]+))?\s*\Z", written)
                status, name = expected.groups() if expected else (200, None)
                found.append((written, int(status), name))
    return found


def carry_out(written, known):
    """Send what this command would send."""
    words = shlex.split(written.replace("\\\n", " "), comments=True)[1:]
    words = [Template(word).substitute(known) for word in words]
    method, headers, body, address = None, {}, None, None
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0)
            case word:
                address = word
    content_type = headers.pop("Content-Type", "application/json")
    method = method or ("POST" if body is not None else "GET")
    return Client().generic(method, address, body or "", content_type=content_type, headers=headers)


@pytest.fixture
def known(organization, bob, erin):
    """What the page calls by name before it has made anything."""
    organization.custom_fields.create(key="first_name", name="First name")
    mailing_list = MailingListFactory(organization=organization)
    SubscriptionFactory.create_batch(3, mailing_list=mailing_list)
    return {
        "API": ROOT.rstrip("/"),
        "KEY": key_of(bob, organization),
        "APPROVER_KEY": key_of(erin, organization),
        "ORGANIZATION": organization.public_id,
        "LIST": mailing_list.public_id,
        "SEGMENT": SegmentFactory(organization=organization).public_id,
        "WAITING": campaign_in("pending_approval", organization).public_id,
    }


def test_every_example_works(known):
    SegmentFactory._meta.model.objects.update(rules={"field": "email", "operator": "is", "value": "nobody@example.com"})

    for written, status, name in commands():
        response = carry_out(written, known)
        assert response.status_code == status, f"{written}\n{response.content.decode()}"
        if name:
            known[name] = response.json()["id"]

    assert {"EMAIL", "CAMPAIGN", "READERS"} <= known.keys()


def test_there_are_examples_of_everything_that_matters():
    text = " ".join(written for written, _, _ in commands())

    acts = ("schedule/", "send/", "pause/", "resume/", "unschedule/", "estimate/", "preview/", "stats/", "links/")
    assert all(f"campaigns/$CAMPAIGN/{act}" in text for act in acts)


def test_the_page_names_every_resource():
    page = PAGE.read_text()

    assert [prefix for prefix, _, _ in router.registry if f"`{prefix}/`" not in page] == ["campaigns"]
