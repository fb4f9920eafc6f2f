"""The web application: opens and clicks are answered in front of Django, everything else by it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_wsgi_application()  # loads the settings, which the tracking endpoints read

from tracking.endpoints import TrackingApplication  # noqa: E402

application = TrackingApplication(django_application)
