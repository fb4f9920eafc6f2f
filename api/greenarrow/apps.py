from django.apps import AppConfig


class GreenArrowApiConfig(AppConfig):
    name = "api.greenarrow"
    label = "greenarrow_api"
    default_auto_field = "django.db.models.BigAutoField"
