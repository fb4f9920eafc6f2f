from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import transitions
        from delivery import settlement
        from stats import ingest
        from webhooks import outbox, personal_data

        transitions.listen(outbox.on_campaign_event)
        settlement.LISTENERS.append(outbox.on_accepted)
        ingest.LISTENERS.append(outbox.on_hits)
        personal_data.register()
