from django.apps import AppConfig


class ManagementApiConfig(AppConfig):
    name = "api.management"
    label = "management_api"
    default_auto_field = "django.db.models.BigAutoField"
