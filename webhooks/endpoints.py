"""What people and programs do with endpoints: make, change, delete, rotate secrets, test, switch on and off."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.timezone import now

from accounts import sealing
from accounts.actors import Actor, Surface
from accounts.models import Organization
from accounts.permissions import Permission, may
from webhooks import addresses, outbox, signing
from webhooks.errors import InvalidEndpoint, NotAllowed, RefusedAddress, SwitchedOff
from webhooks.models import Delivery, Endpoint, Happening

MANAGE = Permission.UPDATE  # of administrators and marketers; it also takes this to see a secret
FIELDS = ("name", "url", "events", "edition", "is_active", "timeout_seconds", "form")


def create(organization: Organization, *, by: Actor, secret: str = "", **values: Any) -> Endpoint:
    """A new endpoint; without a secret, one is made. Raises NotAllowed and InvalidEndpoint."""
    require(by, organization)
    endpoint = Endpoint(organization=organization)
    _set(endpoint, values)
    endpoint.sealed_secret = sealing.seal(_good(secret) if secret else signing.new_secret())
    endpoint.save()
    return endpoint


def change(endpoint: Endpoint, *, by: Actor, secret: str = "", **values: Any) -> Endpoint:
    """Change what is given; another `secret` takes the place of the old one as in `rotate`.

    Switched on again, an endpoint begins anew: what still waits for it goes out. Raises NotAllowed and InvalidEndpoint.
    """
    with _locked(endpoint, by) as row:
        was_active = row.is_active
        _set(row, values)
        if row.is_active and not was_active:
            row.failing_since = row.switched_off_at = row.told_at = None
            row.switched_off_reason = ""
        if secret and secret != shown_secret(row):
            _replace_secret(row, _good(secret))
    return row


def rotate(endpoint: Endpoint, *, by: Actor) -> Endpoint:
    """A new secret; the old one signs beside it for WEBHOOK_SECRET_OVERLAP_HOURS. Raises NotAllowed."""
    with _locked(endpoint, by) as row:
        _replace_secret(row, signing.new_secret())
    return row


@contextmanager
def _locked(endpoint: Endpoint, by: Actor) -> Iterator[Endpoint]:
    """The row as it is now, saved at the end: a sender may switch it off meanwhile. Raises NotAllowed."""
    require(by, endpoint.organization)
    with transaction.atomic():
        rows = Endpoint.objects.select_for_update(of=("self",)).select_related("organization", "edition")
        row = rows.get(pk=endpoint.pk)
        yield row
        row.save()


def delete(endpoint: Endpoint, *, by: Actor) -> None:
    """With its log; what waits for it is not sent. Raises NotAllowed."""
    require(by, endpoint.organization)
    endpoint.delete()


def send_test(endpoint: Endpoint, *, by: Actor) -> Delivery:
    """Queue a test for it, tried as everything else is. Raises NotAllowed and SwitchedOff."""
    require_on(endpoint, by)
    delivery = outbox.row_of_test(endpoint)
    delivery.save()
    return delivery


def switch_off(endpoint_id: int, *, reason: str, at: datetime) -> bool:
    """By Broadsheet itself; whether it was on until now. What waits is kept for when it is switched on again."""
    return bool(
        Endpoint.objects.filter(pk=endpoint_id, is_active=True).update(
            is_active=False, switched_off_at=at, switched_off_reason=reason[:300], told_at=None, modified_at=at
        )
    )


# --- secrets -----------------------------------------------------------------------------------------------------


def secrets_of(endpoint: Endpoint, at: datetime | None = None) -> list[str]:
    """What signs for it: the current secret, and the old one until it expires. Raises sealing.CannotOpen."""
    sealed = [endpoint.sealed_secret]
    if endpoint.sealed_old_secret and endpoint.old_secret_expires_at and endpoint.old_secret_expires_at > (at or now()):
        sealed.append(endpoint.sealed_old_secret)
    return [sealing.open_sealed(each) for each in sealed]


def shown_secret(endpoint: Endpoint) -> str | None:
    """For who may manage it; None where the key that sealed it is gone."""
    try:
        return secrets_of(endpoint)[0]
    except sealing.CannotOpen:
        return None


def _replace_secret(endpoint: Endpoint, secret: str) -> None:
    endpoint.sealed_old_secret = endpoint.sealed_secret
    endpoint.old_secret_expires_at = now() + timedelta(hours=settings.WEBHOOK_SECRET_OVERLAP_HOURS)
    endpoint.sealed_secret = sealing.seal(secret)


def _good(secret: str) -> str:
    if problem := signing.problem_of(secret):
        raise InvalidEndpoint({"secret": [problem]})
    return secret


# --- what is asked of values -------------------------------------------------------------------------------------


def _set(endpoint: Endpoint, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in FIELDS:
            raise TypeError(name)
        setattr(endpoint, name, value)
    _require_good(endpoint)


def _require_good(endpoint: Endpoint) -> None:
    problems: dict[str, list[str]] = {}
    try:
        endpoint.clean_fields(exclude=["sealed_secret", "organization", "events"])
    except ValidationError as error:
        problems |= error.message_dict
    try:
        addresses.parsed(endpoint.url)
    except RefusedAddress as refusal:
        problems.setdefault("url", []).append(str(refusal))
    if wrong := _events_problem(endpoint.events):
        problems["events"] = [wrong]
    if endpoint.edition and endpoint.edition.organization_id != endpoint.organization_id:
        problems["edition"] = ["This edition belongs to another organization."]
    if problems:
        raise InvalidEndpoint(problems)
    endpoint.events = [name for name in Happening.values if name in endpoint.events]


def _events_problem(events: Sequence[str]) -> str:
    unknown = [name for name in events if name not in Happening.values]
    if unknown:
        return f"There is no event {unknown[0]}; there are {', '.join(Happening.values)}."
    return "" if events else "Choose at least one event."


def require(by: Actor, organization: Organization) -> None:
    """Raises NotAllowed."""
    is_system = by.surface == Surface.SYSTEM and by.user is None
    if not is_system and not may(by.user, MANAGE, organization):
        raise NotAllowed(f"You may not manage webhooks of {organization}.")


def require_on(endpoint: Endpoint, by: Actor) -> None:
    """Raises NotAllowed and SwitchedOff."""
    require(by, endpoint.organization)
    if not endpoint.is_active:
        raise SwitchedOff
