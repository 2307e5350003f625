"""Configuration of the click log app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClickLogConfig(AppConfig):
    """The click log, with its own section in the admin."""

    name = "webapp.clicklog"
    verbose_name = _("Click log")
