"""A client of a Milvus server with a time limit on every call and typed errors."""

from __future__ import annotations

import logging
from typing import Any

import grpc
from pymilvus import MilvusClient, MilvusException
from pymilvus.exceptions import ConnectionConfigException

from search.errors import ConfigError, IndexingError, OmnishelfError, Unavailable

ANSWER_SECONDS = 5.0
"""Time limit of requests that a shopper waits for. pymilvus retries a dead server until then."""

CHANGE_SECONDS = 60.0
"""Time limit of creating, dropping and pointing to a collection."""

BUILD_SECONDS = 4 * 3600.0
"""Time limit of one step of a build: flushing, indexing or loading a billion vectors takes
hours."""

# Codes of merr in Milvus's source. milvus-lite answers 100 for an alias that does not exist, the
# server 1600.
NOT_FOUND = frozenset({100, 1600})
TEMPORARY_ERRORS = frozenset({*range(1, 10), 11, 100, 101, 103})
INVALID_TOKEN = frozenset({1400, 1401})

LITE_SUFFIX = ".db"

# Failed calls raise typed errors; pymilvus would also log a traceback for each.
logging.getLogger("pymilvus.decorators").setLevel(logging.CRITICAL)


class Connection:
    """Calls methods of `pymilvus.MilvusClient` by name.

    Safe to use from many threads. Open it after any fork.
    """

    def __init__(self, uri: str, token: str = "") -> None:
        """Connect to a server, or open a file of milvus-lite.

        Raises ConfigError for an invalid URI or token, Unavailable when the server does not answer.
        """
        self.uri = uri
        try:
            self._client = MilvusClient(uri=uri, token=token, timeout=ANSWER_SECONDS)
        except ConnectionConfigException as error:
            raise ConfigError(
                f"Milvus cannot be opened: {error.message}",
                value=uri,
                fix="Correct OMNISHELF_MILVUS_URI.",
            ) from error
        except (MilvusException, grpc.RpcError) as error:
            raise _to_error(error, uri, "connect") from error

    @property
    def is_lite(self) -> bool:
        """Whether this is milvus-lite: embedded, one process, few index types."""
        return self.uri.endswith(LITE_SUFFIX)

    def __call__(
        self, method: str, *arguments: Any, seconds: float = ANSWER_SECONDS, **options: Any
    ) -> Any:
        """Call a method of the client and return its result.

        Raises Unavailable, ConfigError (token), IndexingError (anything else).
        """
        try:
            return getattr(self._client, method)(*arguments, timeout=seconds, **options)
        except (MilvusException, grpc.RpcError) as error:
            raise _to_error(error, self.uri, method) from error

    def resolve_alias(self, alias: str) -> str | None:
        """Return the collection that an alias points to; None when there is no such alias."""
        try:
            found = self._client.describe_alias(alias, timeout=ANSWER_SECONDS)
        except (MilvusException, grpc.RpcError) as error:
            if isinstance(error, MilvusException) and error.code in NOT_FOUND:
                return None
            raise _to_error(error, self.uri, "describe_alias") from error
        return str(found["collection_name"])

    def close(self) -> None:
        self._client.close()


def _to_error(error: MilvusException | grpc.RpcError, uri: str, method: str) -> OmnishelfError:
    if isinstance(error, grpc.RpcError):
        return _rpc_to_error(error, uri, method)
    problem = f"Milvus refused {method}: {error.message}"
    if isinstance(error.code, grpc.StatusCode) or error.code in TEMPORARY_ERRORS or error.retriable:
        return Unavailable(problem, value=uri, fix="Check the server, or wait until it is back.")
    if error.code in INVALID_TOKEN:
        return ConfigError(problem, value=uri, fix="Correct OMNISHELF_MILVUS_TOKEN.")
    return IndexingError(problem, value=uri)


def _rpc_to_error(error: grpc.RpcError, uri: str, method: str) -> OmnishelfError:
    code = error.code() if isinstance(error, grpc.Call) else None
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return ConfigError(
            f"Milvus refused {method}: {code}", value=uri, fix="Correct OMNISHELF_MILVUS_TOKEN."
        )
    if code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT):
        return IndexingError(f"Milvus cannot {method}: {error}", value=uri)
    return Unavailable(
        f"Milvus did not answer {method}: {code}", value=uri, fix="Check the server."
    )
