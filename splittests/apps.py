from django.apps import AppConfig


class SplittestsConfig(AppConfig):
    name = "splittests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns.approval import ALSO_LOOKED_AT
        from campaigns.completeness import ALSO_CHECKED
        from campaigns.drafts import ALSO_COPIED
        from delivery.freeze import SHARES_FIRST
        from splittests import planning, preflight

        ALSO_COPIED.append(planning.copied)
        ALSO_CHECKED.append(preflight.findings)
        ALSO_LOOKED_AT.append(planning.looked_at)
        SHARES_FIRST.append(planning.share_first)
