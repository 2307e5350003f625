"""The Celery application. `webapp` sends tasks by name; `indexer` defines them."""

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
    """Tell a worker that the database has work for it; return whether the broker accepted that.

    Messages may be lost, because the work is in the database: reconciliation finds it later.
    """
    try:
        app.send_task(task, args=args, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("the broker does not answer; %s waits for reconciliation: %s", task, error)
        return False
    return True
