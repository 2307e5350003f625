"""Settings of the web application and the queue, read once from the environment and validated."""

from __future__ import annotations

import contextlib
import functools
import secrets
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from search.config import MEBIBYTE, engine_settings, read_settings
from search.files import write_atomically

RATE = r"^[1-9][0-9]*/(s|min|hour|day)$"


class WebSettings(BaseSettings):
    """Settings of the web application and the queue.

    Each is an environment variable `OMNISHELF_<NAME>`; `docs/settings.md` lists them.
    """

    model_config = SettingsConfigDict(env_prefix="OMNISHELF_", extra="ignore", frozen=True)

    debug: bool = Field(False, description="Django's debug pages; never on a public site")
    secret_key: SecretStr | None = Field(
        None, description="signing key; the embedded set-up creates one in the var folder"
    )
    allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]", description="host names of the site, comma-separated"
    )
    csrf_trusted_origins: str = Field(
        "", description="trusted origins, such as https://shop.example, comma-separated"
    )
    https: bool = Field(False, description="serve over HTTPS only: secure cookies, HSTS, redirect")
    behind_proxy: bool = Field(
        False, description="a reverse proxy is in front: trust its X-Forwarded-Proto"
    )

    database_url: str = Field("", description="postgresql://…; empty: SQLite in the var folder")
    database_pool_max: int = Field(
        10, ge=1, le=200, description="maximum number of PostgreSQL connections of a process"
    )
    broker_url: str = Field(
        "", description="redis://…; empty: the embedded broker in the var folder"
    )
    cache_url: str = Field("", description="redis://…; empty: memory of each process")

    s3_bucket: str = Field(
        "", description="S3 bucket of the media; empty: local disk in the var folder"
    )
    s3_endpoint: str = Field("", description="endpoint of an S3-compatible store; empty: AWS")
    s3_region: str = Field("", description="region of the bucket")
    s3_access_key: SecretStr | None = Field(None, description="access key of the bucket")
    s3_secret_key: SecretStr | None = Field(None, description="secret key of the bucket")

    upload_max_bytes: int = Field(
        2048 * MEBIBYTE, ge=1024, description="maximum size of a catalogue file or zip, in bytes"
    )
    body_max_bytes: int = Field(
        30 * MEBIBYTE, ge=1024, description="maximum size of a JSON or picture request, in bytes"
    )
    anonymous_search: bool = Field(
        True, description="allow search and product reads without an API key"
    )
    throttle_anonymous: str = Field(
        "120/min", pattern=RATE, description="API rate of each address without a key"
    )
    throttle_key: str = Field("1200/min", pattern=RATE, description="API rate of each key")
    click_log: bool = Field(
        True, description="count which products are opened for which queries; `on` or `off`"
    )
    click_log_days: int = Field(
        180, ge=1, le=3650, description="days after which clicks are deleted"
    )
    job_lease_s: float = Field(
        120, gt=0, description="seconds without a sign of life after which a worker loses its jobs"
    )
    sweep_every_s: float = Field(30, gt=0, description="seconds between two searches for lost work")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="lowest level that is logged"
    )

    @model_validator(mode="after")
    def _require_secret_key(self) -> Self:
        if self.secret_key is None and (self.https or self.database_url):
            raise ValueError("secret_key must be set when https or database_url is")
        if self.secret_key is not None and len(self.secret_key.get_secret_value()) < 50:
            raise ValueError("secret_key must have at least 50 characters")
        return self

    @property
    def embedded_broker(self) -> bool:
        return not self.broker_url


def split_list(value: str) -> list[str]:
    """Return the parts of a comma-separated text: 'a, b' → ['a', 'b']."""
    return [part.strip() for part in value.split(",") if part.strip()]


@functools.cache
def web_settings() -> WebSettings:
    """Return the settings of this process. Raises ConfigError."""
    return read_settings(WebSettings)


def signing_key(settings: WebSettings) -> str:
    """Return the configured key, or the one that the embedded set-up creates in its var folder."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path: Path = engine_settings().var_dir / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        write_atomically(path, secrets.token_urlsafe(64), mode=0o600, overwrite=False)
    return path.read_text("ascii")
