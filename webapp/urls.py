"""The routes of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/v1/", include("webapp.api.urls")),
    path("", include("webapp.ops.urls")),
    path("", include("webapp.shop.urls")),
]
