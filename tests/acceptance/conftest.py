"""A browser, and an inbox for what is sent."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from delivery import inbox as built_in
from tests.delivery.conftest import running

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest.fixture
def inbox(settings, transactional_db):
    """The built-in inbox, listening; campaigns go there."""
    with running(built_in.listening("127.0.0.1", 0)) as (_, port):
        settings.SMTP_PORT = port
        yield port


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, started for a module's tests and gone after them.

    Playwright keeps an event loop in this thread, and Django takes that for a mistake; hence the variable.
    """
    if not CHROMIUM.exists():
        reason = "There is no /usr/bin/chromium (Debian: apt-get install chromium)."
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()


@pytest.fixture
def chromium(browser, monkeypatch):
    """The module's browser, with nothing in it that others did."""
    # The live server's threads give their connections back, or the test database could not be removed.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    yield browser
    for context in browser.contexts:
        context.close()
    connections.close_all()  # Django keeps others where a loop is running; nobody would close these


def page_of(chromium, url):
    """An empty page of a browser of somebody's own; what goes wrong in it is in `page.trouble`."""
    context = chromium.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda line: page.trouble.append(line.text) if line.type == "error" else None)
    return page


@pytest.fixture
def log_in(chromium, live_server):
    """`log_in(dora)` is a page of a browser dora has logged in with, as people do."""

    def logged_in(user):
        page = page_of(chromium, live_server.url)
        page.goto("/admin/")
        page.get_by_label("Login").fill(user.username)
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/admin/")
        return page

    return logged_in


@pytest.fixture
def sign_in(chromium, live_server):
    """`sign_in(dora)` is an empty page of a browser dora has logged in with before."""

    def signed_in(user):
        client = Client()
        client.force_login(user)
        page = page_of(chromium, live_server.url)
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies([{"name": session.key, "value": session.value, "url": live_server.url}])
        return page

    return signed_in
