from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns.approval import ALSO_LOOKED_AT
        from campaigns.drafts import ALSO_COPIED
        from campaigns.transitions import react
        from delivery import dispatches, origins, personal_data, tasks
        from tracking.bounces.whose import FINDERS

        for verb in ("start", "send_now"):
            react(verb, tasks.queue_freeze)
        for verb in ("freeze", "release"):
            react(verb, tasks.queue_batches)
        react("freeze", tasks.queue_seeds)
        react("resume", tasks.go_on)
        react("cancel", tasks.queue_drop)
        react("retry_failed", tasks.queue_retry)
        ALSO_COPIED.append(dispatches.copied)
        ALSO_LOOKED_AT.append(dispatches.looked_at)
        personal_data.register()
        FINDERS.append(origins.find)
