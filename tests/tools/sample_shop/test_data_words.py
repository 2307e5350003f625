"""The sample shop's own words are shown in the shopper's language."""

from __future__ import annotations

import pytest
from django.utils.translation import gettext, override

from tools.sample_shop.design import ProductType
from tools.sample_shop.product_types import PRODUCT_TYPES


def test_a_word_of_the_sample_shop_is_shown_in_chinese() -> None:
    with override("zh-hans"):
        assert gettext("classic mug") == "经典马克杯"
        assert gettext("heart print") == "爱心印花"


@pytest.mark.parametrize("product_type", PRODUCT_TYPES, ids=lambda product_type: product_type.key)
def test_every_style_and_size_is_translated(product_type: ProductType) -> None:
    with override("zh-hans"):
        missing = [
            english
            for english, _ in (*product_type.shapes, *product_type.sizes)
            if gettext(english) == english and not english.isupper()
        ]
    assert missing == []
