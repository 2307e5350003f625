"""The tables of modalities follow from their records: a new one needs no other table."""

from __future__ import annotations

import enum
from typing import cast

from search.media import file_formats
from search.modalities import MODALITIES, ModalityRecord, ModalityTable
from search.types import Modality


class _Invented(enum.StrEnum):
    MODEL = "model"


MODEL = cast("Modality", _Invented.MODEL)

WITH_MODELS = ModalityTable(
    (
        *MODALITIES,
        ModalityRecord(
            MODEL,
            view_modalities=(Modality.PICTURE, MODEL),
            encoder_modality=Modality.PICTURE,
            weights={Modality.TEXT: 0.75},
            query_field="model",
            icon="cube",
            upload_column="models",
            formats=("GLB", "STL"),
        ),
    )
)


def test_an_invented_modality_is_in_every_table() -> None:
    assert WITH_MODELS["model"].icon == "cube"
    assert WITH_MODELS.files == (*MODALITIES.files, MODEL)
    assert WITH_MODELS.upload_columns == {**MODALITIES.upload_columns, "models": MODEL}
    assert WITH_MODELS.query_fields == {**MODALITIES.query_fields, "model": MODEL}
    assert WITH_MODELS.weights == {**MODALITIES.weights, (Modality.TEXT, MODEL): 0.75}
    assert WITH_MODELS["model"].format_list == "GLB or STL"
    assert WITH_MODELS.accepted_formats == f"{MODALITIES.accepted_formats}; GLB, STL"
    assert MODEL in WITH_MODELS.asset_kinds(MODEL)
    assert MODEL in WITH_MODELS.asset_kinds(Modality.PICTURE)
    assert MODEL in WITH_MODELS.encodable({Modality.PICTURE})


def test_an_invented_modality_that_is_no_clip_is_not_treated_as_one() -> None:
    assert WITH_MODELS.clips == MODALITIES.clips
    assert MODEL not in WITH_MODELS.encodable({Modality.TEXT, Modality.AUDIO})


def test_every_modality_has_one_record() -> None:
    assert [record.modality for record in MODALITIES] == list(Modality)


def test_a_view_belongs_to_an_asset_of_its_own_kind_and_to_the_tracks_of_videos() -> None:
    for modality in Modality:
        assert modality in MODALITIES.asset_kinds(modality)
    assert MODALITIES.asset_kinds("audio") == [Modality.AUDIO, Modality.VIDEO]
    assert MODALITIES.asset_kinds("picture") == [Modality.PICTURE]


def test_videos_are_encoded_wherever_pictures_are() -> None:
    assert MODALITIES.encodable({Modality.PICTURE}) == {Modality.PICTURE, Modality.VIDEO}
    assert MODALITIES.encodable({Modality.TEXT, Modality.AUDIO}) == {Modality.TEXT, Modality.AUDIO}


def test_texts_are_no_files_and_only_clips_have_a_player() -> None:
    assert MODALITIES["text"].modality not in MODALITIES.files
    assert {record.modality for record in MODALITIES if record.player_tag} == set(MODALITIES.clips)


def test_kinds_of_files_are_those_that_file_formats_detects() -> None:
    heads = (b"\xff\xd8\xff", b"fLaC", b"\x1a\x45\xdf\xa3")
    detected = {file_formats.detect_format(head).kind for head in heads}
    assert detected == set(MODALITIES.files)
