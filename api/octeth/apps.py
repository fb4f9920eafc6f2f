from django.apps import AppConfig


class OctethApiConfig(AppConfig):
    name = "api.octeth"
    label = "octeth_api"
    default_auto_field = "django.db.models.BigAutoField"
