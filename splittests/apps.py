from django.apps import AppConfig


class SplittestsConfig(AppConfig):
    name = "splittests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from campaigns import archive
        from campaigns.approval import ALSO_LOOKED_AT
        from campaigns.completeness import ADDRESSED_OTHERWISE, ALSO_CHECKED
        from campaigns.drafts import ALSO_COPIED
        from campaigns.schedules import ALSO_REFUSED
        from campaigns.transitions import listen
        from delivery.audiences import ADDRESSED
        from delivery.freeze import SHARES_FIRST
        from splittests import planning, preflight, resending, standings

        ALSO_COPIED.extend([planning.copied, resending.copied])
        ALSO_REFUSED.extend([planning.refused, resending.refused])
        ADDRESSED.append(resending.again)
        ADDRESSED_OTHERWISE.append(resending.is_resend)
        ALSO_CHECKED.extend([preflight.findings, resending.findings])
        ALSO_LOOKED_AT.extend([planning.looked_at, resending.looked_at])
        archive.CHOSEN.append(standings.chosen_of)
        SHARES_FIRST.append(planning.share_first)
        listen(resending.go_with_original)
