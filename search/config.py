"""Settings of the engine, read once from the environment and validated."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from search.errors import ConfigError

SettingsT = TypeVar("SettingsT", bound=BaseSettings)

MEBIBYTE = 1024 * 1024

Precision = Literal["auto", "fp32", "bf16", "int8"]

SpeechEngine = Literal["auto", "off", "pocketsphinx", "whisper"]

GpuIndexType = Literal["auto", "exact", "ivf_pq", "cagra"]

IndexBackend = Literal["faiss", "milvus"]

MilvusIndexType = Literal[
    "auto", "FLAT", "IVF_FLAT", "IVF_PQ", "AUTOINDEX", "GPU_IVF_PQ", "GPU_CAGRA"
]


class EngineSettings(BaseSettings):
    """Settings of the engine.

    Each is an environment variable `OMNISHELF_<NAME>`; `docs/settings.md` lists them.
    """

    model_config = SettingsConfigDict(env_prefix="OMNISHELF_", extra="ignore", frozen=True)

    var_dir: Path = Field(
        Path("var"), description="folder for all files that the product writes to local disk"
    )
    preset: str = Field("compact", description="encoder preset, see search/encoders/presets")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="device that the model runs on"
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of the model; 0: as many as the runtime chooses"
    )
    precision: Precision = Field(
        "auto", description="auto, fp32, bf16, or int8 (compact only, slightly less accurate)"
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="torch.compile; auto: on CUDA if it is supported"
    )
    weights_dir: Path | None = Field(
        None, description="folder with local checkpoints, one sub-folder per preset"
    )

    picture_max_bytes: int = Field(
        25 * MEBIBYTE, ge=1024, description="maximum size of a picture file, in bytes"
    )
    picture_max_pixels: int = Field(
        80_000_000, ge=64, le=170_000_000, description="maximum pixels of a picture, width × height"
    )
    clip_max_bytes: int = Field(
        200 * MEBIBYTE, ge=1024, description="maximum size of an audio or video file, in bytes"
    )
    clip_max_seconds: float = Field(
        1800, gt=0, description="maximum duration of an audio or video file, in seconds"
    )
    clip_max_pixels: int = Field(
        4096 * 4096,
        ge=64,
        le=170_000_000,
        description="maximum pixels of a video frame, width × height",
    )
    clip_time_per_second: float = Field(
        0.5,
        ge=0,
        description="maximum seconds for decoding one second of a clip, in addition to 30 seconds "
        "per clip",
    )
    query_clip_max_seconds: float = Field(
        60, gt=0, description="maximum duration of an audio or video query, in seconds"
    )
    speech: SpeechEngine = Field(
        "auto",
        description="engine for spoken queries: auto, off, pocketsphinx (English, on the CPU) or "
        "whisper",
    )
    speech_max_bytes: int = Field(
        5 * MEBIBYTE, ge=1024, description="maximum size of a recorded query, in bytes"
    )
    speech_max_seconds: float = Field(
        30, gt=0, le=30, description="maximum duration of a recorded query, in seconds"
    )
    speech_time_limit_s: float = Field(
        20, gt=0, description="time limit for transcribing one recording, in seconds"
    )
    fetch_timeout_s: float = Field(
        20,
        gt=0,
        description="time limit for downloading one media URL, redirects included, in seconds",
    )

    exact_up_to: int = Field(
        20_000,
        ge=0,
        description="maximum views of a segment that is searched exactly; larger ones use "
        "inverted lists",
    )
    index_memory_bytes: int = Field(
        0,
        ge=0,
        description="maximum memory for the codes of one segment, in bytes; larger ones are "
        "memory-mapped from disk; 0: no limit",
    )
    index_lock_memory: bool = Field(
        False,
        description="lock the index files in memory, so that the system cannot page them out "
        "(faiss only)",
    )
    recall_target: float = Field(
        0.97,
        ge=0.5,
        le=1,
        description="recall@10 (compared with exact search) that the index is tuned to reach",
    )
    index_device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="device that searches vectors; cuda: a GPU, as far as its memory allows "
        "(faiss only)",
    )
    index_gpu_shape: GpuIndexType = Field(
        "auto",
        description="index on the GPU: exact (scan of all vectors), ivf_pq (codes only; builders "
        "need it too) or cagra (a graph); auto: exact, or ivf_pq if the vectors do not fit",
    )
    delta_compact_at: int = Field(
        2_000, ge=1, description="number of changed views that triggers a compaction"
    )
    delta_poll_s: float = Field(
        0.25, ge=0, description="interval at which readers look for changes, in seconds"
    )

    tenant: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="merchant that the vectors belong to: letters, digits, - and _",
    )
    index_backend: IndexBackend = Field(
        "faiss", description="vector search engine: faiss or milvus"
    )
    milvus_uri: str = Field(
        "",
        description="http://host:19530, or a local file that ends in .db (milvus-lite, for tests)",
    )
    milvus_token: SecretStr = Field(SecretStr(""), description="user:password or API key of Milvus")
    milvus_index_type: MilvusIndexType = Field(
        "auto", description="index type in Milvus; auto: IVF_PQ (FLAT on milvus-lite)"
    )


def read_settings(model: type[SettingsT]) -> SettingsT:
    """Read `model` from the environment.

    Raises ConfigError, which names every variable that is wrong and why.
    """
    try:
        return model()
    except ValidationError as error:
        prefix = model.model_config.get("env_prefix", "")
        wrong = "; ".join(
            f"{prefix}{'_'.join(str(part) for part in item['loc'])}".upper() + f": {item['msg']}"
            for item in error.errors()
        )
        raise ConfigError(
            f"settings refused: {wrong}", fix="Correct these environment variables and start again."
        ) from error


@functools.cache
def engine_settings() -> EngineSettings:
    """Return the settings of this process."""
    return read_settings(EngineSettings)
