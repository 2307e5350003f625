"""Configuration of the shop app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopConfig(AppConfig):
    """The pages of the shop. The app has no models; its click log moved to `clicklog`."""

    name = "webapp.shop"
    verbose_name = _("Shop")
