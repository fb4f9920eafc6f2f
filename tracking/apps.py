from django.apps import AppConfig
from django.conf import settings


class TrackingConfig(AppConfig):
    name = "tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if settings.ESP_WEBHOOK_SECRET:
            from anymail.signals import tracking

            from tracking import esp

            tracking.connect(esp.receive, dispatch_uid="tracking.esp")
