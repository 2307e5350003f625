"""`manage.py calibrate_int8`: measure the activation ranges that INT8 needs."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from search.config import engine_settings
from search.encoders.compact.int8 import RANGES, calibrate
from search.encoders.compact.network import load_network
from search.encoders.compact.onnx_backend import build_onnx_model
from search.encoders.compact.picture_tower import prepare_picture
from search.encoders.compact.pooling import MAPS
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from tools.sample_shop.writer import write_sample_shop

PRODUCTS = 64
SEED = 7


class Command(BaseCommand):
    help = "Measure the activation ranges of the bundled encoder on drawn products, for INT8."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, default=RANGES, help="file to write")
        parser.add_argument(
            "--products", type=int, default=PRODUCTS, help="number of products to draw"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        limits = PictureLimits.from_settings(engine_settings())
        with tempfile.TemporaryDirectory() as folder:
            write_sample_shop(Path(folder), seed=SEED, products=options["products"], clips=False)
            pictures = sorted(Path(folder).rglob("*.jpg"))
            calibrate(
                build_onnx_model(load_network(MAPS)),
                (prepare_picture(decode_picture(path, limits)) for path in pictures),
                options["out"],
            )
        self.stdout.write(f"{options['out']}: ranges over {len(pictures)} pictures")
