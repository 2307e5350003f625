"""The real loading code on tiny checkpoints, written here."""

from __future__ import annotations

import gc
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torch import nn

from search.config import EngineSettings
from search.encoders.device import Runtime
from search.encoders.open_clip.checkpoint import read_checkpoint
from search.encoders.open_clip.engine import OpenClipEncoder, load
from search.encoders.presets import load_preset, preset_names
from search.encoders.protocol import Encoder
from search.encoders.registry import resolve_space
from search.errors import InvalidWeights, SelfTestFailed
from search.files import file_sha256
from search.types import TextRole
from tests.search.encoders.tiny_open_clip import (
    CLIP,
    CONTEXT,
    DIM,
    SIGLIP,
    WORDS,
    tiny_preset,
    write_checkpoint,
)

WEIGHTS = "open_clip_model.safetensors"


def settings_of(weights_dir: Path) -> EngineSettings:
    return EngineSettings(device="cpu", weights_dir=weights_dir)


def noise(count: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)) for _ in range(count)
    ]


def parameters_in_memory() -> int:
    """Bytes of all parameters of this process that have weights."""
    gc.collect()
    found = [item for item in gc.get_objects() if type(item) is nn.Parameter]
    return sum(parameter.nbytes for parameter in found if not parameter.is_meta)


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_checkpoint(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def trained_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    write_checkpoint(folder / "tiny", trained=True)
    return folder


@pytest.fixture(scope="module")
def encoder(weights_dir: Path) -> OpenClipEncoder:
    return load(tiny_preset(), settings_of(weights_dir))


@pytest.mark.parametrize(
    "name", [name for name in preset_names() if load_preset(name).engine == "open_clip"]
)
def test_presets_exist_in_the_librarys_list(name: str) -> None:
    preset = load_preset(name)
    listed = open_clip.get_pretrained_cfg(preset.model, preset.weights)
    if preset.weights:
        assert listed["hf_hub"].strip("/") == preset.hub
        assert open_clip.get_model_config(preset.model)["embed_dim"] == preset.dim
    else:
        assert preset.hub.endswith(preset.model) and not listed


def test_vectors_are_unit_float32_of_the_space(encoder: OpenClipEncoder) -> None:
    assert isinstance(encoder, Encoder)
    picture = encoder.prepare_picture(Image.new("RGB", (80, 50), "red"))
    assert picture.shape == (3, 32, 32) and picture.dtype == np.float32
    assert encoder.decode_size == 32
    for vectors in (
        encoder.encode_pictures([picture, picture]),
        encoder.encode_texts(["a", "mug"], TextRole.QUERY),
    ):
        assert vectors.shape == (2, DIM) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_empty_input_gives_empty_output(encoder: OpenClipEncoder) -> None:
    assert (
        encoder.encode_pictures([]).shape
        == encoder.encode_texts([], TextRole.DOCUMENT).shape
        == (0, DIM)
    )


def test_siglip_text_is_cleaned_lower_cased_and_padded_to_the_context(
    encoder: OpenClipEncoder,
) -> None:
    tokenizer, _ = encoder.texts.get()
    tokens = tokenizer(["  A red   MUG! "])
    assert tokens.shape == (1, CONTEXT)
    assert tokens[0].tolist() == [WORDS.index(word) for word in ("a", "red", "mug")] + [0] * (
        CONTEXT - 3
    )


def test_letter_case_of_siglip_text_makes_no_difference(encoder: OpenClipEncoder) -> None:
    plain, shouted, other = encoder.encode_texts(
        ["a red mug", "A RED Mug", "a blue car"], TextRole.QUERY
    )
    assert np.array_equal(plain, shouted) and not np.allclose(plain, other, atol=1e-3)


def test_more_texts_than_one_call_holds(encoder: OpenClipEncoder) -> None:
    texts = ["red mug", "blue square"] * 50
    vectors = encoder.encode_texts(texts, TextRole.QUERY)
    assert vectors.shape == (100, DIM) and np.allclose(vectors[:2], vectors[98:], atol=5e-3)


@pytest.mark.parametrize("configuration", [SIGLIP, CLIP], ids=["siglip", "clip"])
def test_towers_read_separately_agree_with_the_whole_model(
    tmp_path: Path, configuration: dict[str, object]
) -> None:
    write_checkpoint(tmp_path / "tiny", configuration)
    name, texts = f"local-dir:{tmp_path / 'tiny'}", ["a red mug", "car"]
    whole, transform = open_clip.create_model_from_pretrained(name)
    encoder = load(tiny_preset(), settings_of(tmp_path))
    with torch.inference_mode():
        pictures = whole.eval().encode_image(
            torch.stack([transform(each) for each in noise()]), normalize=True
        )
        sentences = whole.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
    found = encoder.encode_pictures([encoder.prepare_picture(each) for each in noise()])
    assert np.allclose(found, pictures, atol=1e-2)
    assert np.allclose(encoder.encode_texts(texts, TextRole.QUERY), sentences, atol=1e-2)


@pytest.mark.parametrize("used", ["texts", "pictures"])
def test_only_the_used_tower_is_loaded(weights_dir: Path, used: str) -> None:
    checkpoint = read_checkpoint(weights_dir / "tiny")
    before = parameters_in_memory()
    encoder = load(tiny_preset(), settings_of(weights_dir))
    assert parameters_in_memory() == before
    if used == "texts":
        encoder.encode_texts(["red mug"], TextRole.QUERY)
        tower = checkpoint.text_tower()
    else:
        encoder.encode_pictures([encoder.prepare_picture(noise(1)[0])])
        tower = checkpoint.picture_tower()
    assert (encoder.texts.is_loaded, encoder.pictures.is_loaded) == (
        used == "texts",
        used == "pictures",
    )
    size = sum(parameter.nbytes for parameter in tower.parameters())
    del tower
    held = encoder.texts.get()[1] if used == "texts" else encoder.pictures.get()
    assert parameters_in_memory() - before == sum(
        parameter.nbytes for parameter in held.module.parameters()
    )
    assert 0 < parameters_in_memory() - before <= size


def test_concurrent_threads_load_each_tower_once(weights_dir: Path) -> None:
    encoder = load(tiny_preset(), settings_of(weights_dir))
    prepared = [encoder.prepare_picture(each) for each in noise()]
    towers: list[object] = []

    def work() -> None:
        encoder.encode_texts(["red mug"], TextRole.QUERY)
        encoder.encode_pictures(prepared)
        towers.extend([encoder.texts.get(), encoder.pictures.get()])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(towers) == 8 and len(set(map(id, towers))) == 2


@pytest.mark.parametrize("compiler", [None, "eager"])
def test_bfloat16_and_compilation_change_vectors_only_by_rounding(
    weights_dir: Path, compiler: str | None
) -> None:
    checkpoint, space = read_checkpoint(weights_dir / "tiny"), tiny_preset().make_space()
    exact, rounded = (
        OpenClipEncoder(space, checkpoint, runtime, sanity_check=False)
        for runtime in (
            Runtime(torch.device("cpu"), torch.float32),
            Runtime(torch.device("cpu"), torch.bfloat16, compiler),
        )
    )
    for batch in (noise(1), noise(4)):
        prepared = [exact.prepare_picture(each) for each in batch]
        assert (exact.encode_pictures(prepared) * rounded.encode_pictures(prepared)).sum(
            axis=1
        ).min() > 0.999
    texts = ["red mug", "car", "a photo of a sofa"]
    found = [encoder.encode_texts(texts, TextRole.QUERY) for encoder in (exact, rounded)]
    assert (found[0] * found[1]).sum(axis=1).min() > 0.999


def test_the_space_depends_on_the_content_of_the_checkpoint(
    weights_dir: Path, tmp_path: Path, encoder: OpenClipEncoder
) -> None:
    write_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / ".cache").mkdir()
    (tmp_path / "tiny" / ".cache" / "download.json").write_text("{}")
    assert load(tiny_preset(), settings_of(tmp_path)).space == encoder.space
    config = tmp_path / "tiny" / "tokenizer_config.json"
    config.write_text(config.read_text() + " ")
    assert load(tiny_preset(), settings_of(tmp_path)).space.fingerprint != encoder.space.fingerprint


def test_the_space_is_resolved_without_loading(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "clip-b32-laion2b")
    space = resolve_space(EngineSettings(preset="clip-b32-laion2b", weights_dir=tmp_path))
    assert space.preset == "clip-b32-laion2b" and space.dim == 512


def test_trained_encoder_passes_its_sanity_check_in_either_order(trained_dir: Path) -> None:
    for order in ((0, 1), (1, 0)):
        encoder = load(tiny_preset(sanity_check=True), settings_of(trained_dir))
        calls = (
            lambda encoder=encoder: encoder.encode_texts(["sofa"], TextRole.QUERY),
            lambda encoder=encoder: encoder.encode_pictures([encoder.prepare_picture(noise(1)[0])]),
        )
        assert all(calls[index]().shape == (1, DIM) for index in order)


def test_an_untrained_text_tower_is_refused_every_time(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny")
    encoder = load(tiny_preset(sanity_check=True), settings_of(tmp_path))
    with pytest.raises(SelfTestFailed, match="common words"):
        encoder.encode_texts(["mug"], TextRole.QUERY)
    shutil.rmtree(tmp_path)
    with pytest.raises(SelfTestFailed, match="common words"):
        encoder.encode_texts(["mug"], TextRole.QUERY)


def test_siglip_tokenizer_that_keeps_capitals_is_refused(trained_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(trained_dir / "tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / "open_clip_config.json"
    path.write_text(path.read_text().replace("canonicalize", "whitespace"))
    encoder = load(tiny_preset(sanity_check=True), settings_of(tmp_path))
    with pytest.raises(SelfTestFailed, match="capitals"):
        encoder.encode_texts(["mug"], TextRole.QUERY)


def test_towers_of_different_models_are_refused(trained_dir: Path, tmp_path: Path) -> None:
    """Preprocessing that swaps colours goes unseen until the second tower is there."""
    shutil.copytree(trained_dir / "tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / "open_clip_config.json"
    found = json.loads(path.read_text())
    found["preprocess_cfg"]["std"] = [-0.5, -0.5, -0.5]
    path.write_text(json.dumps(found))
    encoder = load(tiny_preset(sanity_check=True), settings_of(tmp_path))
    assert encoder.encode_texts(["mug"], TextRole.QUERY).shape == (1, DIM)
    with pytest.raises(SelfTestFailed, match="squares"):
        encoder.encode_pictures([encoder.prepare_picture(noise(1)[0])])


def test_checkpoint_of_another_dimension_is_refused(weights_dir: Path) -> None:
    with pytest.raises(InvalidWeights, match=r"dimension 48.*Put the checkpoint"):
        load(tiny_preset(dim=48), settings_of(weights_dir))


def test_wrong_checksum_is_refused(weights_dir: Path) -> None:
    right = file_sha256(weights_dir / "tiny" / WEIGHTS)
    assert load(tiny_preset(checksums={WEIGHTS: right}), settings_of(weights_dir)).space.dim == DIM
    with pytest.raises(
        InvalidWeights, match=r"SHA-256 should be 0000.*download the checkpoint again"
    ):
        load(tiny_preset(checksums={WEIGHTS: "0" * 64}), settings_of(weights_dir))


def test_pickle_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / "open_clip_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(InvalidWeights, match=r"and no pickle.*Keep only safetensors"):
        load(tiny_preset(), settings_of(tmp_path))


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / WEIGHTS).write_bytes(b"\0" * 100)
    with pytest.raises(InvalidWeights, match=r"cannot read.*Download the checkpoint again"):
        load(tiny_preset(), settings_of(tmp_path)).encode_texts(["mug"], TextRole.QUERY)


def test_weights_of_another_model_are_refused(weights_dir: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny", CLIP)
    shutil.copy(weights_dir / "tiny" / WEIGHTS, tmp_path / "tiny" / WEIGHTS)
    with pytest.raises(InvalidWeights, match="cannot read"):
        load(tiny_preset(), settings_of(tmp_path)).encode_texts(["mug"], TextRole.QUERY)


@pytest.mark.parametrize("content", ["nonsense", "{}", '{"model_cfg": {"embed_dim": 32}}'])
def test_wrong_configuration_is_refused(weights_dir: Path, tmp_path: Path, content: str) -> None:
    shutil.copytree(weights_dir / "tiny", tmp_path / "tiny")
    (tmp_path / "tiny" / "open_clip_config.json").write_text(content)
    with pytest.raises(InvalidWeights, match="open_clip_config"):
        load(tiny_preset(), settings_of(tmp_path))
