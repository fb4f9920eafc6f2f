"""Nobody reaches into another organization, and who may only read changes nothing: every route is tried."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from tests.api.management.routes import WRITES, Route, belongings_of, every_route, everything_stored
from tests.factories import OrganizationFactory

pytestmark = pytest.mark.django_db

ROUTES = every_route()
DETAILS = [route for route in ROUTES if "{id}" in route.path]
LISTS = [route for route in ROUTES if "{id}" not in route.path and route.method == "get"]
MAKING = [route for route in ROUTES if route not in DETAILS + LISTS]
# asks for something that is too long for an address, and changes nothing
READS_BY_POST = ("preview/", "check/", "validate/")


@pytest.fixture(scope="module")
def organization(shared_db):
    with shared_db():
        return OrganizationFactory(name="Morning Post", slug="morning-post")


@pytest.fixture(scope="module")
def belongings(shared_db, organization):
    with shared_db():
        return belongings_of(organization)


def answers(belongings, client, routes, **kwargs):
    """What each route answers; nothing that is stored may change by it."""
    before = everything_stored()
    given = {}
    for route in routes:
        with writing() as written:
            given[str(route)] = belongings.ask(client, route, **kwargs)
        assert not written or everything_stored() == before, f"{route} changed something"
    assert everything_stored() == before
    return given


@contextmanager
def writing():
    """The statements of the block that may write, as it goes on."""
    written = []

    def note(execute, sql, *rest):
        if not sql.startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            written.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield written


def test_there_are_routes_of_every_kind():
    assert len(ROUTES) > 40
    assert {route.kind for route in DETAILS} >= {"campaigns", "editions", "segments", "email-messages", "organizations"}
    assert {route.kind for route in MAKING} >= {"campaigns", "editions", "segments", "email-messages", "mailing-lists"}
    assert {route.kind for route in MAKING} >= {"subscribers", "subscriptions", "custom-fields", "imports"}


def test_a_stranger_finds_nothing(stranger_api, belongings):
    given = answers(belongings, stranger_api, DETAILS)

    assert {route: answer.status_code for route, answer in given.items() if answer.status_code != 404} == {}


def test_a_stranger_sees_nothing_in_lists(stranger_api, belongings):
    seen = [answer.getvalue().decode() for answer in answers(belongings, stranger_api, LISTS).values()]

    for thing in belongings.by_kind.values():
        assert not any(thing.public_id in content or str(thing) in content for content in seen)


def test_a_stranger_makes_nothing_for_others(stranger_api, belongings):
    given = answers(belongings, stranger_api, MAKING)

    assert {answer.status_code for answer in given.values()} == {400}
    for answer in given.values():
        named = answer.json()
        owner = named.get("organization_id") or named["mailing_list_id"]
        assert owner[0].endswith("object does not exist.")


def test_a_member_finds_what_a_stranger_does_not(admin_api, belongings):
    reading = [route for route in DETAILS if route.method == "get"]

    given = {str(route): belongings.ask(admin_api, route) for route in reading}

    assert {answer.status_code for answer in given.values()} == {200}


@pytest.mark.parametrize("who", ["viewer_api", "stranger_api"])
def test_who_may_not_write_changes_nothing(request, belongings, who):
    writing = [route for route in ROUTES if route.method in WRITES and not route.path.endswith(READS_BY_POST)]

    given = answers(belongings, request.getfixturevalue(who), writing)

    refusals = {"viewer_api": 403, "stranger_api": 404}
    for route, answer in given.items():
        assert answer.status_code == (refusals[who] if "{id}" in route else 400), route


def test_nobody_gets_in_without_credentials(belongings):
    given = answers(belongings, Client(), ROUTES, content_type="application/json")

    assert {answer.status_code for answer in given.values()} == {401}


def test_there_is_no_put_anywhere(admin_api, belongings):
    given = answers(belongings, admin_api, [Route("put", route.path) for route in ROUTES])

    assert {answer.status_code for answer in given.values()} == {405}
