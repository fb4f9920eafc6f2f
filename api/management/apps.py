from django.apps import AppConfig


class ManagementApiConfig(AppConfig):
    name = "api.management"
    label = "management_api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from api.management import personal_data  # models are there from here on

        personal_data.register()
