from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopConfig(AppConfig):
    name = "webapp.shop"
    verbose_name = _("Shop")
