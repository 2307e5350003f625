"""What the pages, the API and the workers say of each modality is complete.

A new modality fails here until each of these places knows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

from django.conf import settings

from indexer.previews.render import RENDERERS
from search.modalities import MODALITIES
from search.types import Modality
from webapp.api.schemas.assets import AssetForm
from webapp.api.schemas.base import ModalityName
from webapp.catalog.models import AssetKind
from webapp.importing.cells import READERS
from webapp.importing.columns import COLUMNS
from webapp.importing.schema import ProductRow
from webapp.shop.match_reasons import _label, label_at


def test_assets_have_every_kind() -> None:
    assert AssetKind.values == [modality.value for modality in Modality]


def test_the_api_names_every_modality() -> None:
    assert get_args(ModalityName) == tuple(modality.value for modality in Modality)
    assert set(get_args(get_type_hints(AssetForm)["kind"])) == {"", *MODALITIES.files}


def test_an_upload_has_a_column_for_every_kind_of_file() -> None:
    for column in MODALITIES.upload_columns:
        assert column in COLUMNS
        assert column in READERS
        assert column in ProductRow.model_fields


def test_every_modality_has_an_icon_and_a_reason() -> None:
    icons = (Path(settings.BASE_DIR) / "webapp/static/shop/icons.svg").read_text("utf-8")
    for record in MODALITIES:
        assert f'<symbol id="{record.icon}"' in icons
        assert _label(record.modality)
        assert "0:12" in label_at(record.modality, "0:12")


def test_every_clip_has_a_preview() -> None:
    assert set(RENDERERS) == set(MODALITIES.clips)
