"""The sample shop's own words are shown in the shopper's language."""

from __future__ import annotations

import pytest
from django.utils.translation import gettext, override

from tools.sample_shop.product_types import KINDS
from tools.sample_shop.spec import Kind


def test_a_word_of_the_sample_shop_is_shown_in_chinese() -> None:
    with override("zh-hans"):
        assert gettext("classic mug") == "经典马克杯"
        assert gettext("heart print") == "爱心印花"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_every_style_and_size_is_translated(kind: Kind) -> None:
    with override("zh-hans"):
        missing = [
            english
            for english, _ in (*kind.shapes, *kind.sizes)
            if gettext(english) == english and not english.isupper()
        ]
    assert missing == []
