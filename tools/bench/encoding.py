"""Speed and accuracy of the bundled encoder by precision, against plain torch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from search.config import engine_settings
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.presets import load_preset
from search.errors import ConfigError
from search.evaluation.encoder_eval import evaluate_encoder
from search.evaluation.folder import EvaluationFolder, read_folder
from tools.bench.drawn_folder import draw_folder
from tools.bench.pictures import EAGER, PictureRates, measure_pictures
from tools.bench.texts import TextFigures, measure_texts

FOLDERS = ("clothing", "grocery-fine")
PRECISIONS = ("fp32", "bf16", "int8")
MAX_FILES = 64


@dataclass(frozen=True, slots=True)
class Effort:
    """Repetitions of each measurement; number and width of the drawn products without data."""

    repetitions: int = 7
    products: int = 64
    size: int = 512


@dataclass(frozen=True, slots=True)
class EncodingReport:
    """All figures.

    `chosen` is the precision that `auto` selects here; `refused` gives the reason by unavailable
    precision; mean average precision is by folder and precision.
    """

    device: str
    cpu: str
    threads: int
    chosen: str
    refused: dict[str, str]
    pictures: PictureRates
    texts: TextFigures
    mean_average_precision: dict[str, dict[str, float]]

    def ratios(self) -> dict[str, float]:
        """Return the rate in production by that of plain torch: batch, single, with decoding."""
        found = self.pictures
        kinds = {"batch": found.batch, "single": found.single, "with_decoding": found.with_decoding}
        return {name: rates[self.chosen] / rates[EAGER] for name, rates in kinds.items()}

    def losses(self) -> dict[str, dict[str, float]]:
        """Return the loss of mean average precision against float32, by folder and precision."""
        return {
            name: {
                precision: reached["fp32"] - value
                for precision, value in reached.items()
                if precision != "fp32"
            }
            for name, reached in self.mean_average_precision.items()
        }

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ratios": self.ratios(), "losses": self.losses()}


def measure_encoding(data: Path | None, effort: Effort) -> EncodingReport:
    """Measure on the evaluation folders of `data`, or on drawings without it.

    Raises InputError for a malformed folder.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folders = (
            {name: read_folder(data / "eval" / name) for name in FOLDERS}
            if data
            else {"drawings": draw_folder(Path(scratch), effort.products, effort.size)}
        )
        return _measure(folders, effort)


def _measure(folders: Mapping[str, EvaluationFolder], effort: Effort) -> EncodingReport:
    encoders, refused = load_precisions()
    served = _encoder("auto")
    runtime = served.towers.runtime
    chosen = "bf16" if runtime.dtype == torch.bfloat16 else "fp32"
    files = [path for folder in folders.values() for _, path in folder.pictures()]
    texts = [query.text for folder in folders.values() for query in folder.queries if query.text]
    return EncodingReport(
        device=str(runtime.device),
        cpu=str(torch.cpu.get_capabilities().get("cpu_name", "")),
        threads=torch.get_num_threads(),
        chosen=chosen,
        refused=refused,
        pictures=measure_pictures(encoders, _spread(files), effort.repetitions),
        texts=measure_texts(encoders[chosen], texts, effort.repetitions),
        mean_average_precision={
            name: {
                precision: _precision(folder, encoder) for precision, encoder in encoders.items()
            }
            for name, folder in folders.items()
        },
    )


def load_precisions() -> tuple[dict[str, CompactEncoder], dict[str, str]]:
    """Load the encoder in each precision; return also the reason by unavailable precision."""
    encoders, refused = {}, {}
    for precision in PRECISIONS:
        try:
            encoders[precision] = _encoder(precision)
        except ConfigError as error:
            refused[precision] = str(error)
    return encoders, refused


def _encoder(precision: str) -> CompactEncoder:
    settings = engine_settings().model_copy(update={"precision": precision})
    return load(load_preset("compact"), settings)


def _precision(folder: EvaluationFolder, encoder: CompactEncoder) -> float:
    return fmean(answer.average_precision for answer in evaluate_encoder(folder, encoder))


def _spread(files: Sequence[Path]) -> Sequence[Path]:
    return files[:: max(1, len(files) // MAX_FILES)][:MAX_FILES]
