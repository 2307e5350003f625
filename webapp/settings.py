"""Django settings. Values that vary come from webapp.config and search.config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from search.config import engine_settings
from webapp.config import signing_key, split_list, web_settings

ENV = web_settings()
ENGINE = engine_settings()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = ENGINE.var_dir.resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = ENV.debug
SECRET_KEY = signing_key(ENV)
ALLOWED_HOSTS = split_list(ENV.allowed_hosts)
CSRF_TRUSTED_ORIGINS = split_list(ENV.csrf_trusted_origins)
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_NAME = "Omnishelf"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "django_prometheus",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "treebeard",
    "webapp.catalog",
    "webapp.clicklog",
    "webapp.shop",
    "webapp.api",
    "webapp.ops",
    "indexer",
]
# The Docker image does not contain tools (benchmarks, sample shop, training).
if (BASE_DIR / "tools").is_dir():
    INSTALLED_APPS.append("tools")

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "webapp.middleware.permissions_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "webapp" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database() -> dict[str, Any]:
    if ENV.database_url:
        parsed: dict[str, Any] = dict(dj_database_url.parse(ENV.database_url))
        if parsed["ENGINE"].endswith("postgresql"):
            parsed["OPTIONS"] = {
                "pool": {"min_size": 1, "max_size": ENV.database_pool_max, "timeout": 10}
            }
        return parsed
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "omnishelf.sqlite3",
        "OPTIONS": {
            # A deferred transaction fails at its first write if another writer came first; an
            # immediate one waits.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
            "PRAGMA mmap_size=268435456;",
        },
        # Worker processes of tests cannot share an in-memory database.
        "TEST": {"NAME": VAR_DIR / "test.sqlite3"},
    }


DATABASES = {"default": _database()}


def _cache(name: str, *, entries: int) -> dict[str, Any]:
    """Return a cache in Redis, or one in the memory of the process with at most `entries`."""
    if ENV.cache_url:
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.cache_url}
    return {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": name,
        "OPTIONS": {"MAX_ENTRIES": entries},
    }


# Counted clicks have their own cache, so that they evict no other entries.
CACHES = {"default": _cache("", entries=300), "clicks": _cache("clicks", entries=20_000)}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "webapp" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "webapp" / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = VAR_DIR / "media"


def _media_storage() -> dict[str, Any]:
    if not ENV.s3_bucket:
        return {"BACKEND": "webapp.storage.DurableFileStorage"}
    options: dict[str, Any] = {
        "bucket_name": ENV.s3_bucket,
        "file_overwrite": True,
        "querystring_auth": True,
    }
    if ENV.s3_endpoint:
        options["endpoint_url"] = ENV.s3_endpoint
    if ENV.s3_region:
        options["region_name"] = ENV.s3_region
    if ENV.s3_access_key and ENV.s3_secret_key:
        options["access_key"] = ENV.s3_access_key.get_secret_value()
        options["secret_key"] = ENV.s3_secret_key.get_secret_value()
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


STORAGES = {
    "default": _media_storage(),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = True

DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.body_max_bytes
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_TEMP_DIR = VAR_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

SECURE_SSL_REDIRECT = ENV.https
SESSION_COOKIE_SECURE = ENV.https
CSRF_COOKIE_SECURE = ENV.https
SECURE_HSTS_SECONDS = 31_536_000 if ENV.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.https
SECURE_HSTS_PRELOAD = ENV.https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.behind_proxy else None
X_FRAME_OPTIONS = "DENY"
MEDIA_ORIGINS = [ENV.s3_endpoint or "https://*.amazonaws.com"] if ENV.s3_bucket else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:", *MEDIA_ORIGINS],
        "media-src": [SELF, "blob:", *MEDIA_ORIGINS],
        "style-src": [SELF, "'unsafe-inline'"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    # At INFO, these log every request and every missing CPU-specific build.
    "loggers": {name: {"level": "WARNING"} for name in ("faiss.loader", "httpx")},
}

CLICK_LOG = ENV.click_log
CLICK_LOG_DAYS = ENV.click_log_days
ANONYMOUS_SEARCH = ENV.anonymous_search
API_RATE_ANONYMOUS = ENV.throttle_anonymous
API_RATE_KEY = ENV.throttle_key
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "webapp.api.access.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["webapp.api.access.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["webapp.api.throttling.CallerThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["webapp.api.parsing.JsonBytes"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "webapp.api.problems.exception_handler",
    "NUM_PROXIES": 1 if ENV.behind_proxy else 0,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Omnishelf API",
    "DESCRIPTION": "Cross-modal product search: catalogue, uploads, search and index status.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "PATH_CONVERTER_OVERRIDES": {
        "sku": {"type": "string", "minLength": 1, "maxLength": 64},
        "rowid": {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999},
    },
    # The schemas name their choices.
    "POSTPROCESSING_HOOKS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

BROKER_DIR = VAR_DIR / "broker"
if ENV.embedded_broker:
    BROKER_DIR.mkdir(exist_ok=True)
CELERY_BROKER_URL = ENV.broker_url or "folder://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "data_folder_in": str(BROKER_DIR),
        "data_folder_out": str(BROKER_DIR),
        "control_folder": str(VAR_DIR / "broker-control"),
        "polling_interval": 0.2,
    }
    if ENV.embedded_broker
    else {"visibility_timeout": 3600}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "index"
CELERY_TASK_ROUTES = {
    "indexer.import_upload": {"queue": "import"},
    "indexer.encode_queued": {"queue": "encode"},
    "indexer.make_previews": {"queue": "encode"},
    "indexer.compact": {"queue": "index"},
    "indexer.mend": {"queue": "index"},
    "indexer.sweep": {"queue": "index"},
    "indexer.tune": {"queue": "index"},
    "indexer.roll_back_tuning": {"queue": "index"},
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "indexer.sweep",
        "schedule": ENV.sweep_every_s,
        # A message that waits longer than the interval is superseded by the next one.
        "options": {"expires": ENV.sweep_every_s},
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
