from django.apps import AppConfig


class StatisticsConfig(AppConfig):
    name = "stats"
    verbose_name = "Statistics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from stats import personal_data, rules  # models are there from here on

        rules.register()
        personal_data.register()
