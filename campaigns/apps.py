from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import tasks, wakeup
        from campaigns.transitions import listen, react

        for verb in ("submit", "edit", "reschedule", "void_approval"):
            react(verb, tasks.queue_notice)
        for verb in ("approve", "reject"):
            react(verb, tasks.queue_decision)
        listen(wakeup.keep_in_step)
