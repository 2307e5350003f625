"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

application = get_wsgi_application()

# Load the model before the first request. The import needs Django to be set up.
from webapp.retrieval.models_runtime import warm_up  # noqa: E402

warm_up()
