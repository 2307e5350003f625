"""Common words of product data: their translations, and the colours shown as swatches.

Words are listed here so that translators find them; the translations are in webapp/locale.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

SWATCHES = {
    gettext_noop("red"): "#d21f2b", gettext_noop("orange"): "#ef7b1a",
    gettext_noop("yellow"): "#f6c522", gettext_noop("green"): "#3a8f46",
    gettext_noop("mint"): "#9fd9bd", gettext_noop("turquoise"): "#17a5a8",
    gettext_noop("teal"): "#0f7f83", gettext_noop("blue"): "#2463c9",
    gettext_noop("navy"): "#1c2c58", gettext_noop("navy blue"): "#1c2c58",
    gettext_noop("purple"): "#74399f", gettext_noop("lavender"): "#b9a5dc",
    gettext_noop("pink"): "#f090ac", gettext_noop("magenta"): "#c2247f",
    gettext_noop("maroon"): "#7a1f2b", gettext_noop("burgundy"): "#6d1a2d",
    gettext_noop("brown"): "#7d4a2a", gettext_noop("tan"): "#c9a27a",
    gettext_noop("beige"): "#e6d8bd", gettext_noop("khaki"): "#b5a878",
    gettext_noop("cream"): "#efe0c0", gettext_noop("off white"): "#f4efe3",
    gettext_noop("white"): "#f5f4f0", gettext_noop("grey"): "#8d9197",
    gettext_noop("gray"): "#8d9197", gettext_noop("charcoal"): "#3b4045",
    gettext_noop("black"): "#222224", gettext_noop("gold"): "#d9a441",
    gettext_noop("silver"): "#c3c7cb", gettext_noop("copper"): "#c8713f",
    gettext_noop("bronze"): "#9a6a3a", gettext_noop("olive"): "#6f7434",
    gettext_noop("peach"): "#f6bf9c", gettext_noop("rust"): "#a9502a",
    gettext_noop("mustard"): "#d4a017",
}  # fmt: skip

MATERIALS = (
    gettext_noop("wood"), gettext_noop("oak"), gettext_noop("walnut"), gettext_noop("beech"),
    gettext_noop("bamboo"), gettext_noop("metal"), gettext_noop("steel"), gettext_noop("brass"),
    gettext_noop("tin"), gettext_noop("glass"), gettext_noop("ceramic"), gettext_noop("porcelain"),
    gettext_noop("stoneware"), gettext_noop("terracotta"), gettext_noop("enamel"),
    gettext_noop("leather"), gettext_noop("cotton"), gettext_noop("wool"), gettext_noop("linen"),
    gettext_noop("canvas"), gettext_noop("felt"), gettext_noop("velvet"), gettext_noop("fabric"),
    gettext_noop("plastic"), gettext_noop("rubber"), gettext_noop("paper"), gettext_noop("cork"),
    gettext_noop("stone"), gettext_noop("marble"), gettext_noop("rattan"),
    gettext_noop("organic cotton"), gettext_noop("straw"),
)  # fmt: skip

PATTERNS = (
    gettext_noop("plain"), gettext_noop("striped"), gettext_noop("pinstriped"),
    gettext_noop("dotted"), gettext_noop("checked"), gettext_noop("zigzag"), gettext_noop("wavy"),
    gettext_noop("diamond"), gettext_noop("floral"), gettext_noop("terrazzo"),
    gettext_noop("starry"), gettext_noop("chevron"), gettext_noop("matte"), gettext_noop("glossy"),
    gettext_noop("satin"), gettext_noop("brushed"), gettext_noop("ribbed"),
)  # fmt: skip

SIZES = (
    gettext_noop("small"), gettext_noop("medium"), gettext_noop("large"), gettext_noop("S"),
    gettext_noop("M"), gettext_noop("L"), gettext_noop("XL"), gettext_noop("one size"),
)  # fmt: skip

FIELDS = (
    gettext_noop("Colour"), gettext_noop("Color"), gettext_noop("Material"),
    gettext_noop("Pattern"), gettext_noop("Size"), gettext_noop("Style"), gettext_noop("Gender"),
    gettext_noop("Season"), gettext_noop("Usage"), gettext_noop("Finish"), gettext_noop("Shape"),
    gettext_noop("Weight"), gettext_noop("Width"), gettext_noop("Height"), gettext_noop("Depth"),
    gettext_noop("Length"), gettext_noop("Capacity"), gettext_noop("Accent"),
    gettext_noop("Accent colour"), gettext_noop("Second colour"), gettext_noop("Type"),
    gettext_noop("Room"), gettext_noop("Age"), gettext_noop("Year"), gettext_noop("Use"),
    gettext_noop("Uses"), gettext_noop("Made for"),
)  # fmt: skip


def translate_value(word: str) -> str:
    """Return a word of the data in the shopper's language; unknown words stay as they are."""
    return gettext(word) if word else ""


def swatch_colour(word: str) -> str:
    """Return the CSS colour that a word names, '' for other words."""
    return SWATCHES.get(word.strip().casefold(), "")


def field_label(name: str) -> str:
    """Return the label of an attribute: 'accent_colour' → 'Accent colour', translated."""
    label = name.replace("_", " ").strip()
    return translate_value(label[:1].upper() + label[1:])
