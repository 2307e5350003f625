"""Settings of the engine, read once from the environment, validated, and refused with a clear
message.
"""

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
    """Every setting is an environment variable `OMNISHELF_<NAME>`; `docs/settings.md` lists
    them.
    """

    model_config = SettingsConfigDict(env_prefix="OMNISHELF_", extra="ignore", frozen=True)

    var_dir: Path = Field(
        Path("var"), description="folder for everything the product writes on local disk"
    )
    preset: str = Field("compact", description="encoder preset, see search/encoders/presets")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where the model runs")
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads of the model; 0 leaves the choice to the runtime"
    )
    precision: Precision = Field(
        "auto", description="auto, fp32, bf16, or int8 (compact only, loses a little)"
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="torch.compile; auto: on CUDA where it can"
    )
    weights_dir: Path | None = Field(
        None, description="folder with local checkpoints, one sub-folder a preset"
    )

    picture_max_bytes: int = Field(
        25 * MEBIBYTE, ge=1024, description="largest picture file accepted, in bytes"
    )
    picture_max_pixels: int = Field(
        80_000_000, ge=64, le=170_000_000, description="largest picture accepted, width × height"
    )
    clip_max_bytes: int = Field(
        200 * MEBIBYTE, ge=1024, description="largest audio or video file accepted, in bytes"
    )
    clip_max_seconds: float = Field(
        1800, gt=0, description="longest audio or video accepted, in seconds"
    )
    clip_max_pixels: int = Field(
        4096 * 4096,
        ge=64,
        le=170_000_000,
        description="largest frame of a video accepted, width × height",
    )
    clip_time_per_second: float = Field(
        0.5,
        ge=0,
        description="seconds that reading one second of a clip may take, on top of half a minute",
    )
    query_clip_max_seconds: float = Field(
        60, gt=0, description="longest sound or video that may ask, in seconds"
    )
    speech: SpeechEngine = Field(
        "auto",
        description="spoken queries: auto, off, pocketsphinx (English, on the processor) or whisper",
    )
    speech_max_bytes: int = Field(
        5 * MEBIBYTE, ge=1024, description="largest recording of a query, in bytes"
    )
    speech_max_seconds: float = Field(
        30, gt=0, le=30, description="longest recording of a query, in seconds"
    )
    speech_time_limit_s: float = Field(
        20, gt=0, description="time limit for writing down one recording"
    )
    fetch_timeout_s: float = Field(
        20, gt=0, description="time limit for one media URL, redirects included"
    )

    exact_up_to: int = Field(
        20_000, ge=0, description="views per segment searched exactly; above it inverted lists"
    )
    index_memory_bytes: int = Field(
        0,
        ge=0,
        description="memory for the codes of one segment; above it they are mapped from disk; 0: no limit",
    )
    index_lock_memory: bool = Field(
        False,
        description="keep the files of the index in memory: the system may not page them out (faiss only)",
    )
    recall_target: float = Field(
        0.97, ge=0.5, le=1, description="recall@10 against exact search that the index is tuned to"
    )
    index_device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="where vectors are searched; cuda: on a GPU, as far as it has room (faiss only)",
    )
    index_gpu_shape: GpuIndexType = Field(
        "auto",
        description="on the GPU: exact (all vectors are scanned), ivf_pq (codes only; builders need this too) or cagra "
        "(a graph); auto: exact, or ivf_pq where the vectors have no room",
    )
    delta_compact_at: int = Field(
        2_000, ge=1, description="changed views that make a compaction worthwhile"
    )
    delta_poll_s: float = Field(
        0.25, ge=0, description="how old a reader's view of the delta may get, in seconds"
    )

    tenant: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="merchant whose vectors these are: letters, digits, - and _",
    )
    index_backend: IndexBackend = Field(
        "faiss", description="where vectors are searched: faiss or milvus"
    )
    milvus_uri: str = Field(
        "", description="http://host:19530, or a local file ending in .db (milvus-lite, for tests)"
    )
    milvus_token: SecretStr = Field(SecretStr(""), description="user:password or API key of Milvus")
    milvus_index_type: MilvusIndexType = Field(
        "auto", description="index type in Milvus; auto: IVF_PQ, on milvus-lite FLAT"
    )


def read_settings(model: type[SettingsT]) -> SettingsT:
    """Read `model` from the environment. Raises ConfigError naming every variable that is wrong
    and why.
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
    """The settings of this process."""
    return read_settings(EngineSettings)
