"""A cache of frozen-tower features: with it a training takes minutes, not hours."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress, track
from safetensors.torch import load_file, save
from torch import Tensor

from search.encoders.compact.network import SIDE
from search.encoders.compact.picture_tower import prepare_picture
from search.encoders.compact.towers import FrozenTowers
from search.encoders.protocol import Pixels
from search.files import sha256_hex, write_atomically
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.types import Modality
from tools.training.image_augment import DEFAULT_VIEWS, View

TEXT_BATCH_SIZE = 1024


class FeatureCache:
    """Features in `folder` as half-precision safetensors, one file per list of inputs.

    `version` identifies the towers and the preprocessing: another version computes its features
    again. Files are written atomically, so that a killed training can be started again.
    """

    def __init__(
        self, towers: FrozenTowers, version: str, folder: Path, limits: PictureLimits
    ) -> None:
        self._towers = towers
        self._version = version
        self._folder = folder
        self._limits = limits

    def pictures(
        self, paths: Sequence[Path], name: str, views: Sequence[View] = DEFAULT_VIEWS
    ) -> Tensor:
        """Return the features of picture files, (views, n, features) float16.

        Each view has a file of its own. Raises MediaError for a picture that cannot be decoded.
        """
        inputs = [f"{path} {path.stat().st_size}" for path in paths]
        features = []
        for view in views:
            compute = partial(self._picture_features, paths, name, view)
            key = [*inputs, *view.key]
            features.append(self._load_or_compute(Modality.PICTURE, key, compute))
        return torch.stack(features)

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Return the features of texts, (n, 384) float16."""
        return self._load_or_compute(
            Modality.TEXT, texts, lambda: torch.cat([*self._text_batches(texts)])
        )

    def _load_or_compute(
        self, modality: Modality, inputs: Sequence[str], compute: Callable[[], Tensor]
    ) -> Tensor:
        key = sha256_hex("\n".join([self._version, *inputs]))[:16]
        path = self._folder / f"{modality}-{key}.safetensors"
        if not path.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, save({"features": compute()}))
        return load_file(path)["features"]

    def _text_batches(self, texts: Sequence[str]) -> Iterator[Tensor]:
        for start in track(
            range(0, len(texts), TEXT_BATCH_SIZE), "texts", console=Console(stderr=True)
        ):
            yield self._towers.text_features(texts[start : start + TEXT_BATCH_SIZE]).half()

    def _picture_features(self, paths: Sequence[Path], name: str, view: View) -> Tensor:
        batch = self._towers.runtime.picture_batch_size
        found = []
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task(name, total=len(paths))
            for prepared in _decode_ahead(paths, partial(self._decode, view), batch):
                found.append(self._towers.picture_features(prepared).half())
                progress.advance(task, len(prepared))
        return torch.cat(found)

    def _decode(self, view: View, path: Path) -> Pixels:
        return prepare_picture(view.apply(decode_picture(path, self._limits, at_least=SIDE)))


def _decode_ahead(
    paths: Sequence[Path], decode: Callable[[Path], Pixels], batch: int
) -> Iterator[list[Pixels]]:
    """Yield batches of decoded pictures; threads decode the next batch ahead."""
    waiting: deque[list[Future[Pixels]]] = deque()
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), batch):
            waiting.append([pool.submit(decode, path) for path in paths[start : start + batch]])
            if len(waiting) > 1:
                yield [future.result() for future in waiting.popleft()]
        for futures in waiting:
            yield [future.result() for future in futures]
