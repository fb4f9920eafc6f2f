"""Custom fields: their keys and the values they take."""

from accounts.models import Organization
from audience.models import CustomField

BUILT_IN = {"email", "phone"}


def known_keys(organization: Organization) -> set[str]:
    """Names an email may use as merge fields."""
    return BUILT_IN | set(CustomField.objects.of(organization).values_list("key", flat=True))
