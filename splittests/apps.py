from django.apps import AppConfig


class SplittestsConfig(AppConfig):
    name = "splittests"
    default_auto_field = "django.db.models.BigAutoField"
