"""Logging in to the admin."""

import pytest
from django.test import Client


@pytest.fixture
def login():
    """`login(bob)` is a browser bob has logged in with."""

    def logged_in(user, **kwargs):
        browser = Client(**kwargs)
        browser.force_login(user)
        return browser

    return logged_in
