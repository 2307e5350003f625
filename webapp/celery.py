"""The Celery application. `webapp` sends tasks by name; the tasks themselves live in `indexer`."""

from __future__ import annotations

import logging
import os

from celery import Celery
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

logger = logging.getLogger(__name__)

# The embedded broker's URL is "folder://localhost".
TRANSPORT_ALIASES["folder"] = "webapp.broker:FolderTransport"

app = Celery("omnishelf")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["indexer"])

IMPORT_UPLOAD = "indexer.import_upload"
ENCODE_QUEUED = "indexer.encode_queued"
MAKE_PREVIEWS = "indexer.make_previews"
COMPACT = "indexer.compact"
REPAIR_INDEX = "indexer.mend"
RECONCILE = "indexer.sweep"
TUNE = "indexer.tune"
ROLL_BACK_TUNING = "indexer.roll_back_tuning"


def notify_worker(task: str, *args: object) -> bool:
    """Ask a worker to look at its work. False when the broker is away: the rows are safe and the
    sweep finds them.

    Messages only wake a worker; what is to be done stands in the database.
    """
    try:
        app.send_task(task, args=args, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("broker away, %s waits for the sweep: %s", task, error)
        return False
    return True
