from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open

from search.encoders.compact.engine import HEADS_FILE, CompactEncoder
from search.encoders.compact.heads import (
    LABEL_VECTORS,
    PictureHead,
    TextHead,
    load_heads,
    save_heads,
)
from search.encoders.compact.imagenet_labels import (
    CLASSES,
    UNSEEN_CLASS_WEIGHT,
    LabelEmbedding,
    build_label_vectors,
    list_label_texts,
)
from search.encoders.compact.network import ARCHITECTURE, load_unfused_network
from search.encoders.compact.picture_tower import prepare_picture

FEATURES, DIM = 1300, 384


def some_words() -> LabelEmbedding:
    return LabelEmbedding(torch.randn(CLASSES, DIM, generator=torch.Generator().manual_seed(0)))


def picture_of(words: LabelEmbedding, number: int) -> torch.Tensor:
    """Features (1, FEATURES) of which the classifier is sure."""
    own = torch.nn.functional.normalize(words.weight[number] - words.weight.mean(0), dim=0)
    return torch.cat([100 * own, torch.zeros(FEATURES - len(own))]).unsqueeze(0)


def test_probabilities_agree_with_the_published_network(compact: CompactEncoder) -> None:
    """timm's own classifier, on the same picture, gives the same probabilities as the first
    features do."""
    rng = np.random.default_rng(0)
    pixels = prepare_picture(Image.fromarray(rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)))
    words = some_words()
    whole = timm.create_model(ARCHITECTURE, pretrained=False).eval()
    published = {**load_unfused_network(["head"]).layers.state_dict()}
    whole.load_state_dict(
        published | {"classifier.weight": words.weight, "classifier.bias": words.bias}
    )
    with torch.inference_mode():
        expected = whole(torch.from_numpy(pixels)[None]).softmax(1)
    found = words.probabilities(torch.from_numpy(compact.picture_features([pixels])))
    assert found.argmax() == expected.argmax()
    assert torch.cosine_similarity(found, expected) > 0.98


@pytest.mark.parametrize("number", [0, 831, 999])
def test_a_picture_of_a_class_gives_that_classs_vector(number: int) -> None:
    words = some_words()
    found = words(picture_of(words, number))[0]
    assert torch.cosine_similarity(found, words.words, dim=-1).argmax() == number


def test_classes_with_many_training_pictures_get_less_weight() -> None:
    words = some_words()
    before = words.words.clone()
    some, few = picture_of(words, 3), picture_of(words, 4)
    words.downweight_seen_classes([torch.cat([some] * 30 + [few]), few.repeat(100, 1)])
    kept = words.words.norm(dim=1) / before.norm(dim=1) / UNSEEN_CLASS_WEIGHT
    assert kept[3] < 0.01 and kept[4] < 0.01 and kept[5] > 0.9


def test_label_vectors_have_zero_mean() -> None:
    shared = torch.nn.functional.normalize(torch.randn(8), dim=0)
    own = 0.5 * torch.randn(2, CLASSES, 8)
    found = build_label_vectors(torch.nn.functional.normalize(own + shared, dim=-1))
    assert found.shape == (CLASSES, 8) and torch.allclose(found.mean(0), torch.zeros(8), atol=1e-5)


def test_classes_have_names_and_definitions() -> None:
    named, defined = list_label_texts()
    assert len(named) == len(defined) == CLASSES
    assert named[831] == "a photo of a studio couch, day bed" and defined[831].startswith(
        "studio couch, day bed: "
    )


def test_a_file_holds_the_label_vectors_and_not_the_classifier(tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    words = some_words()
    heads = PictureHead(FEATURES, 5, classes=words).eval(), TextHead(3)
    save_heads(path, *heads)
    with safe_open(path, "pt") as file:
        stored = [name for name in file.keys() if ".classes." in name]  # noqa: SIM118
    assert (
        sorted(name.removeprefix("scale of ") for name in stored)
        == [f"picture.{LABEL_VECTORS}"] * 2
    )
    features = torch.randn(4, FEATURES)
    assert torch.cosine_similarity(load_heads(path)[0](features), heads[0](features)).min() > 0.999


def test_the_shipped_heads_have_label_vectors() -> None:
    head = load_heads(HEADS_FILE)[0]
    assert head.classes is not None and head.classes.words.norm(dim=1).max() > 0.5
