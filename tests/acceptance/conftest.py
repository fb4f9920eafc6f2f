"""A browser, and an inbox for what is sent."""

import os
from pathlib import Path

import pytest
from django.db import connections

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


@pytest.fixture
def chromium(monkeypatch):
    """Debian's Chromium, started for this test and gone after it.

    Playwright keeps an event loop in this thread, and Django takes that for a mistake; hence the variable.
    """
    if not CHROMIUM.exists():
        reason = "There is no /usr/bin/chromium (Debian: apt-get install chromium)."
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    # The live server's threads give their connections back, or the test database could not be removed.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()  # Django keeps others where a loop is running; nobody would close these


@pytest.fixture
def sign_in(chromium, live_server):
    """`sign_in(dora)` is a page of a browser dora has logged in with; what goes wrong in it is in `page.trouble`."""

    def signed_in(user):
        size = {"width": 1280, "height": 900}
        page = chromium.new_context(base_url=live_server.url, locale="en-GB", viewport=size).new_page()
        page.trouble = []
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on("console", lambda line: page.trouble.append(line.text) if line.type == "error" else None)
        page.goto("/admin/")
        page.get_by_label("Login").fill(user.username)
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/admin/")
        return page

    return signed_in
