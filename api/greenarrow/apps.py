from django.apps import AppConfig


class GreenArrowApiConfig(AppConfig):
    name = "api.greenarrow"
    label = "greenarrow_api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from api.greenarrow import notifications
        from webhooks.models import Form
        from webhooks.payloads import FORMS

        FORMS[Form.GREENARROW.value] = notifications.told
        FORMS[Form.GREENARROW_ARRAY.value] = notifications.told_as_arrays
