"""What a caller may do. An API key names its scopes; staff who are signed in have them by
Django's permissions.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    SEARCH = "search", _("search")
    CATALOG_READ = "catalog:read", _("read products, hidden ones too")
    CATALOG_WRITE = "catalog:write", _("change and delete products and assets")
    CLICKS_WRITE = "clicks:write", _("report which products were opened")
    UPLOADS_READ = "uploads:read", _("see uploads and their rows")
    UPLOADS_WRITE = "uploads:write", _("send and cancel uploads")
    INDEX_READ = "index:read", _("see index jobs and the state of the index")
    INDEX_WRITE = "index:write", _("retry index jobs that were set aside")


DJANGO_PERMISSIONS: dict[Scope, tuple[str, ...]] = {
    Scope.SEARCH: (),
    Scope.CATALOG_READ: ("catalog.view_product",),
    Scope.CATALOG_WRITE: (
        "catalog.add_product",
        "catalog.change_product",
        "catalog.delete_product",
    ),
    Scope.CLICKS_WRITE: ("clicklog.add_clickcount",),
    Scope.UPLOADS_READ: ("catalog.view_upload",),
    Scope.UPLOADS_WRITE: ("catalog.add_upload", "catalog.change_upload"),
    Scope.INDEX_READ: ("catalog.view_indexjob",),
    Scope.INDEX_WRITE: ("catalog.change_indexjob",),
}
"""A signed-in staff member has a scope when they have all of these."""


def staff_has(user: AbstractBaseUser | AnonymousUser, scope: Scope) -> bool:
    """Shop customers with an account count as anonymous here."""
    return bool(
        user.is_active
        and getattr(user, "is_staff", False)
        and user.has_perms(DJANGO_PERMISSIONS[scope])
    )
