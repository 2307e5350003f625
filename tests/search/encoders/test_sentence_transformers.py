"""The real loading code on tiny SentenceTransformer folders, written here."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from sentence_transformers import SentenceTransformer

from search.config import EngineSettings
from search.encoders.device import Runtime
from search.encoders.presets import Preset, load_preset
from search.encoders.protocol import Encoder
from search.encoders.registry import ENGINES
from search.encoders.sentence_transformers.engine import SentenceTransformerEncoder, load
from search.errors import InvalidWeights, ModalityUnsupported, SelfTestFailed
from search.files import file_sha256
from search.types import Modality, TextRole
from tests.search.encoders.tiny_sentence_transformers import (
    DIM,
    write_clip,
    write_gemma,
    write_text_model,
)

GEMMA = load_preset("embeddinggemma-2")
BOTH = frozenset({Modality.TEXT, Modality.PICTURE})
TEXTS = ["a red mug", "photo of a green mug", "blue"]


def tiny_preset(**changes: object) -> Preset:
    preset = Preset(
        name="tiny",
        engine="sentence_transformers",
        model="tiny",
        dim=DIM,
        licence="none",
        sanity_check=False,
        modalities=BOTH,
    )
    return preset.model_copy(update=changes)


def like_gemma(**changes: object) -> Preset:
    return tiny_preset(prompts=GEMMA.prompts, parts=GEMMA.parts, **changes)


def settings_of(weights_dir: Path) -> EngineSettings:
    return EngineSettings(device="cpu", weights_dir=weights_dir)


def pictures() -> list[Image.Image]:
    """Of several shapes, so that some models make inputs of several lengths of them."""
    rng = np.random.default_rng(0)
    sizes = [(60, 40), (40, 90), (200, 20), (64, 64)]
    return [Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)) for size in sizes]


def parameters(encoder: SentenceTransformerEncoder, part: str) -> int:
    models = [
        lazy.get().transformer
        for lazy in (encoder.text_model, encoder.whole_model)
        if lazy.is_loaded
    ]
    return sum(part in name for model in models for name, _ in model.named_parameters())


@pytest.fixture(scope="module")
def clip_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    write_clip(folder)
    return folder


@pytest.fixture(scope="module")
def gemma_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gemma")
    write_gemma(folder)
    return folder


@pytest.fixture(scope="module")
def text_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    write_text_model(folder)
    return folder


@pytest.fixture(scope="module", params=["clip", "gemma"])
def folder_and_encoder(request: pytest.FixtureRequest) -> tuple[Path, SentenceTransformerEncoder]:
    folder = request.getfixturevalue(f"{request.param}_dir")
    return folder / "tiny", load(
        tiny_preset() if request.param == "clip" else like_gemma(), settings_of(folder)
    )


Loaded = tuple[Path, SentenceTransformerEncoder]


def test_vectors_are_unit_float32_of_the_space(folder_and_encoder: Loaded) -> None:
    _, encoder = folder_and_encoder
    assert isinstance(encoder, Encoder)
    seen = encoder.encode_pictures([encoder.prepare_picture(each) for each in pictures()])
    for vectors, count in ((seen, 4), (encoder.encode_texts(TEXTS, TextRole.QUERY), 3)):
        assert vectors.shape == (count, DIM) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_empty_input_gives_empty_output(folder_and_encoder: Loaded) -> None:
    _, encoder = folder_and_encoder
    assert (
        encoder.encode_pictures([]).shape
        == encoder.encode_texts([], TextRole.DOCUMENT).shape
        == (0, DIM)
    )


def test_pictures_prepared_one_by_one_agree_with_the_library(
    folder_and_encoder: Loaded,
) -> None:
    folder, encoder = folder_and_encoder
    expected = SentenceTransformer(str(folder), device="cpu").encode(
        pictures(), normalize_embeddings=True
    )
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(encoder.prepare_picture, pictures()))
    assert (encoder.encode_pictures(prepared) * expected).sum(axis=1).min() > 0.999
    assert (encoder.encode_pictures(prepared[2:3]) * expected[2:3]).sum() > 0.999
    assert not np.allclose(expected[0], expected[1], atol=1e-3)


def test_pictures_are_prepared_while_texts_are_encoded(folder_and_encoder: Loaded) -> None:
    """Fast tokenizers refuse to change their settings while another thread uses them."""
    _, encoder = folder_and_encoder
    expected = encoder.encode_pictures([encoder.prepare_picture(each) for each in pictures()])
    with ThreadPoolExecutor(4) as pool:
        preparing = [pool.submit(encoder.prepare_picture, each) for each in pictures() * 8]
        for count in range(12):
            encoder.encode_texts(TEXTS * (count + 1), list(TextRole)[count % 2])
        prepared = [future.result() for future in preparing]
    assert np.allclose(encoder.encode_pictures(prepared[-4:]), expected, atol=1e-2)


@pytest.mark.parametrize(
    ("role", "name"), [(TextRole.QUERY, "SearchQuery"), (TextRole.DOCUMENT, "Document")]
)
def test_each_role_uses_the_presets_prompt(gemma_dir: Path, role: TextRole, name: str) -> None:
    found = load(like_gemma(), settings_of(gemma_dir)).encode_texts(TEXTS, role)
    model = SentenceTransformer(str(gemma_dir / "tiny"), device="cpu")
    assert (found * model.encode(TEXTS, prompt_name=name, normalize_embeddings=True)).sum(
        axis=1
    ).min() > 0.999
    assert (found * model.encode(TEXTS, normalize_embeddings=True)).sum(axis=1).min() < 0.99


def test_prompts_are_part_of_the_space() -> None:
    assert (
        tiny_preset().make_space().fingerprint
        != tiny_preset(prompts=GEMMA.prompts).make_space().fingerprint
    )


def test_the_picture_tower_is_loaded_at_the_first_picture(
    gemma_dir: Path,
) -> None:
    encoder = load(like_gemma(), settings_of(gemma_dir))
    texts = encoder.encode_texts(TEXTS, TextRole.QUERY)
    assert not encoder.whole_model.is_loaded and parameters(encoder, "layers") > 0 == parameters(
        encoder, "vision"
    )
    encoder.encode_pictures([encoder.prepare_picture(pictures()[0])])
    assert not encoder.text_model.is_loaded and parameters(encoder, "vision") > 0
    assert np.allclose(encoder.encode_texts(TEXTS, TextRole.QUERY), texts, atol=1e-2)


def test_text_model_embeds_texts_and_refuses_pictures(text_dir: Path) -> None:
    encoder = load(tiny_preset(modalities=frozenset({Modality.TEXT})), settings_of(text_dir))
    assert encoder.encode_texts(TEXTS, TextRole.DOCUMENT).shape == (3, DIM)
    for call in (
        lambda: encoder.prepare_picture(pictures()[0]),
        lambda: encoder.encode_pictures([]),
    ):
        with pytest.raises(ModalityUnsupported, match="no picture tower"):
            call()


def test_a_picture_preset_of_a_text_model_is_refused(text_dir: Path) -> None:
    with pytest.raises(ModalityUnsupported, match=r"no picture tower.*Choose a preset"):
        load(tiny_preset(), settings_of(text_dir)).prepare_picture(pictures()[0])


@pytest.mark.parametrize("compiler", [None, "eager"])
def test_bfloat16_and_compilation_change_vectors_only_by_rounding(
    clip_dir: Path, compiler: str | None
) -> None:
    cpu, preset = torch.device("cpu"), tiny_preset()
    runtimes = (Runtime(cpu, torch.float32), Runtime(cpu, torch.bfloat16, compiler))
    encoders = [
        SentenceTransformerEncoder(preset, preset.make_space(), clip_dir / "tiny", runtime)
        for runtime in runtimes
    ]
    exact, rounded = (
        encoder.encode_pictures([encoder.prepare_picture(each) for each in pictures()])
        for encoder in encoders
    )
    assert (exact * rounded).sum(axis=1).min() > 0.99 and not np.array_equal(exact, rounded)


def test_untrained_model_fails_its_sanity_check(clip_dir: Path) -> None:
    encoder = load(tiny_preset(sanity_check=True), settings_of(clip_dir))
    with pytest.raises(SelfTestFailed, match="common words"):
        encoder.encode_texts(["mug"], TextRole.QUERY)


def test_model_of_another_dimension_is_refused(clip_dir: Path) -> None:
    with pytest.raises(InvalidWeights, match="dimension 48"):
        load(tiny_preset(dim=48), settings_of(clip_dir)).encode_texts(["mug"], TextRole.QUERY)


def test_wrong_checksum_is_refused(clip_dir: Path) -> None:
    right = file_sha256(clip_dir / "tiny" / "model.safetensors")
    load(tiny_preset(checksums={"model.safetensors": right}), settings_of(clip_dir))
    with pytest.raises(
        InvalidWeights, match=r"SHA-256 should be 0000.*download the checkpoint again"
    ):
        load(tiny_preset(checksums={"model.safetensors": "0" * 64}), settings_of(clip_dir))


def test_pickle_in_any_module_is_refused(clip_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(clip_dir / "tiny", tmp_path / "tiny")
    (tmp_path / "tiny" / "2_Dense").mkdir()
    (tmp_path / "tiny" / "2_Dense" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(InvalidWeights, match=r"and no pickle.*2_Dense"):
        load(tiny_preset(), settings_of(tmp_path))


def test_code_of_a_checkpoint_is_never_run(clip_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(clip_dir / "tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / "modules.json"
    modules = json.loads(path.read_text())
    modules[0]["type"] = "own.Module"
    path.write_text(json.dumps(modules))
    (tmp_path / "tiny" / "own.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Module: ...\n"
    )
    with pytest.raises(InvalidWeights, match="code of their own"):
        load(tiny_preset(), settings_of(tmp_path)).encode_texts(["mug"], TextRole.QUERY)
    assert not (tmp_path / "ran").exists()


def test_broken_weights_are_refused(clip_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(clip_dir / "tiny", tmp_path / "tiny")
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(InvalidWeights, match=r"cannot read.*Download the checkpoint again"):
        load(tiny_preset(), settings_of(tmp_path)).encode_texts(["mug"], TextRole.QUERY)


def test_every_engine_of_a_preset_is_known() -> None:
    assert set(ENGINES) == set(get_args(Preset.model_fields["engine"].annotation))


def test_an_omni_model_encodes_sounds(tmp_path: Path) -> None:
    write_gemma(tmp_path, has_audio=True)
    encoder = load(like_gemma(modalities=BOTH | {Modality.AUDIO}), settings_of(tmp_path))
    rng = np.random.default_rng(0)
    sounds = [
        (rng.standard_normal(round(seconds * 16_000)) * 0.1).astype(np.float32)
        for seconds in (2.0, 0.7, 1.2)
    ]
    batch = [encoder.prepare_audio(sound) for sound in sounds]
    vectors = encoder.encode_audio(batch)
    assert vectors.shape == (3, DIM) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, encoder.project_audio(encoder.audio_features(batch)))
    assert np.allclose(encoder.encode_audio(batch[1:2])[0], vectors[1], atol=1e-2)
    assert encoder.encode_audio([]).shape == (0, DIM)


def test_a_model_without_an_audio_tower_refuses_sounds(text_dir: Path, gemma_dir: Path) -> None:
    with pytest.raises(ModalityUnsupported, match="no audio tower"):
        load(tiny_preset(modalities=BOTH | {Modality.AUDIO}), settings_of(text_dir)).prepare_audio(
            np.zeros(1600, "f4")
        )
    with pytest.raises(ModalityUnsupported, match="has no audio tower"):
        load(like_gemma(), settings_of(gemma_dir)).encode_audio([])
