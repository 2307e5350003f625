"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

application = get_wsgi_application()

# The first shopper should not wait for the model. Imported here because it needs Django set up.
from webapp.retrieval.models_runtime import warm_up  # noqa: E402

warm_up()
