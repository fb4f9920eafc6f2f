"""An endpoint of Alice's organization, and the server behind it."""

import pytest

from tests.factories import staff
from tests.webhooks import servers
from webhooks import endpoints
from webhooks.models import Happening


@pytest.fixture(autouse=True)
def own_lock(settings, own_spool):
    """Senders of other tests are no other senders."""
    settings.WEBHOOK_LOCK = own_spool.parent / "webhooks.lock"


@pytest.fixture
def local(settings):
    """Webhooks may be sent to this machine; `local(port)` allows a port."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    settings.WEBHOOK_ALLOWED_PORTS = []
    return settings.WEBHOOK_ALLOWED_PORTS.append


@pytest.fixture
def receiver(local):
    with servers.receiver() as server:
        local(server.port)
        yield server


@pytest.fixture
def endpoint(organization, receiver):
    """It wants everything."""
    return an_endpoint(organization, receiver.url)


def an_endpoint(organization, url="https://hooks.example/in", **values):
    values = {"name": "Shop", "events": list(Happening.values), **values}
    return endpoints.create(organization, by=staff(organization), url=url, **values)
