"""Scopes: what a caller may do.

An API key names its scopes; signed-in staff have them through Django's permissions.
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What an API key allows."""

    SEARCH = "search", _("search")
    CATALOG_READ = "catalog:read", _("read products, including hidden ones")
    CATALOG_WRITE = "catalog:write", _("change and delete products and assets")
    CLICKS_WRITE = "clicks:write", _("report which products were opened")
    UPLOADS_READ = "uploads:read", _("read uploads and their rows")
    UPLOADS_WRITE = "uploads:write", _("create and cancel uploads")
    INDEX_READ = "index:read", _("read index jobs and the state of the index")
    INDEX_WRITE = "index:write", _("retry failed index jobs")


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
"""Permissions by scope. Signed-in staff have a scope if they have all of its permissions."""


def staff_has(user: AbstractBaseUser | AnonymousUser, scope: Scope) -> bool:
    """Return whether a user has a scope. Users who are not staff have none."""
    return (
        isinstance(user, User)
        and user.is_active
        and user.is_staff
        and user.has_perms(DJANGO_PERMISSIONS[scope])
    )
