"""The Celery application; tasks live in each room's `tasks` module."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# `folder://`, the broker that needs no server
TRANSPORT_ALIASES["folder"] = "delivery.folder_broker:Transport"

app = Celery("broadsheet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
