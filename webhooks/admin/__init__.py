"""The admin of webhooks: endpoints, and the log of what each was told."""

from webhooks.admin import deliveries, endpoints

__all__ = ["deliveries", "endpoints"]
