"""The real loading code on a tiny checkpoint of random weights, written here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from search.config import EngineSettings
from search.encoders.base import Encoder
from search.encoders.open_clip.engine import OpenClipEncoder, load
from search.encoders.presets import Preset
from search.encoders.registry import space_of
from search.errors import SelfTestFailed, WeightsRefused
from search.types import Modality, TextRole

DIM = 32
CONTEXT = 64
WORDS = ["<pad>", "<unk>", "a", "photo", "of", "red", "green", "blue", "mug", "square"]
MODEL = {
    "embed_dim": DIM,
    "custom_text": True,
    "init_logit_bias": -10,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {
        "context_length": CONTEXT, "vocab_size": len(WORDS), "width": 64, "heads": 2, "layers": 1,
        "hf_tokenizer_name": "tiny", "tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True,
        "proj_bias": True, "pool_type": "last",
    },
}  # fmt: skip
PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}


def tiny_preset(**changes: object) -> Preset:
    preset = Preset(
        name="tiny", engine="open_clip", model="tiny", dim=DIM, licence="none", self_test=False,
        modalities=frozenset({Modality.TEXT, Modality.PICTURE}),
    )  # fmt: skip
    return preset.model_copy(update=changes)


def write_checkpoint(folder: Path) -> None:
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(open_clip.CustomTextCLIP(**MODEL_ARGUMENTS).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL, "preprocess_cfg": PREPROCESS}))
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))


MODEL_ARGUMENTS = {key: value for key, value in MODEL.items() if key != "custom_text"}


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_checkpoint(folder / "tiny")
    return folder


@pytest.fixture(scope="module")
def encoder(weights_dir: Path) -> OpenClipEncoder:
    return load(tiny_preset(), EngineSettings(device="cpu", weights_dir=weights_dir))


def test_vectors_are_unit_float32_of_the_space(encoder: OpenClipEncoder) -> None:
    assert isinstance(encoder, Encoder)
    picture = encoder.prepare_picture(Image.new("RGB", (80, 50), "red"))
    assert picture.shape == (3, 32, 32) and picture.dtype == np.float32
    assert encoder.decode_size == 32
    for vectors in (encoder.encode_pictures([picture, picture]), encoder.encode_texts(["a", "mug"], TextRole.QUERY)):
        assert vectors.shape == (2, DIM) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(encoder: OpenClipEncoder) -> None:
    assert encoder.encode_pictures([]).shape == encoder.encode_texts([], TextRole.DOCUMENT).shape == (0, DIM)


def test_pixels_are_normalised_as_the_checkpoint_says(encoder: OpenClipEncoder) -> None:
    assert np.allclose(encoder.prepare_picture(Image.new("RGB", (9, 9), "white")), 1, atol=1e-6)


def test_text_is_cleaned_lower_cased_and_padded_to_the_context(encoder: OpenClipEncoder) -> None:
    tokens = encoder.tokenizer(["  A red   MUG! "])
    assert tokens.shape == (1, CONTEXT)
    assert tokens[0].tolist() == [WORDS.index(word) for word in ("a", "red", "mug")] + [0] * (CONTEXT - 3)


def test_more_texts_than_one_call_holds(encoder: OpenClipEncoder) -> None:
    texts = ["red mug", "blue square"] * 50
    vectors = encoder.encode_texts(texts, TextRole.QUERY)
    assert vectors.shape == (100, DIM) and np.allclose(vectors[:2], vectors[98:], atol=5e-3)


def test_space_names_the_content_of_the_checkpoint(weights_dir: Path, tmp_path: Path, encoder: OpenClipEncoder) -> None:
    write_checkpoint(tmp_path / "tiny")
    settings = EngineSettings(device="cpu", weights_dir=tmp_path)
    assert load(tiny_preset(), settings).space == encoder.space
    config = tmp_path / "tiny" / "tokenizer_config.json"
    config.write_text(config.read_text() + " ")
    assert load(tiny_preset(), settings).space.fingerprint != encoder.space.fingerprint


def test_space_is_known_without_loading(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "clip-b32-laion2b")
    space = space_of(EngineSettings(preset="clip-b32-laion2b", weights_dir=tmp_path))
    assert space.preset == "clip-b32-laion2b" and space.dim == 512


def test_encoder_whose_pairs_do_not_match_is_refused(weights_dir: Path) -> None:
    with pytest.raises(SelfTestFailed, match="squares"):
        load(tiny_preset(self_test=True), EngineSettings(device="cpu", weights_dir=weights_dir))


def test_checkpoint_of_another_dimension_is_refused(weights_dir: Path) -> None:
    with pytest.raises(WeightsRefused, match="dimension 48"):
        load(tiny_preset(dim=48), EngineSettings(device="cpu", weights_dir=weights_dir))


def test_pickle_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / "open_clip_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(WeightsRefused, match="never a pickle"):
        load(tiny_preset(), EngineSettings(device="cpu", weights_dir=tmp_path))


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / "open_clip_model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(WeightsRefused, match="cannot read"):
        load(tiny_preset(), EngineSettings(device="cpu", weights_dir=tmp_path))
