"""Named colours: names in both languages, and the colours that the renderer paints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.sample_shop.distance_fields import Array


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour; `partners` are the colours that suit it as an accent."""

    name: str
    zh: str
    hex: str
    partners: tuple[str, ...]


def to_linear(code: str) -> Array:
    """Convert sRGB `#rrggbb` to linear light, (3,), 0…1 (IEC 61966-2-1)."""
    srgb = np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)], dtype=np.float32) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


_ALL = (
    Colour("red", "红色", "#d21f2b", ("white", "cream", "navy", "yellow")),
    Colour("orange", "橙色", "#ef7b1a", ("white", "cream", "navy", "brown")),
    Colour("yellow", "黄色", "#f6c522", ("white", "grey", "blue", "brown")),
    Colour("green", "绿色", "#3a8f46", ("white", "cream", "yellow", "navy")),
    Colour("mint", "薄荷绿色", "#9fd9bd", ("white", "pink", "brown", "green")),
    Colour("turquoise", "青绿色", "#17a5a8", ("white", "cream", "orange", "navy")),
    Colour("blue", "蓝色", "#2463c9", ("white", "cream", "yellow", "orange")),
    Colour("navy", "藏青色", "#1c2c58", ("white", "cream", "red", "yellow")),
    Colour("purple", "紫色", "#74399f", ("white", "cream", "pink", "yellow")),
    Colour("pink", "粉色", "#f090ac", ("white", "cream", "red", "purple")),
    Colour("brown", "棕色", "#7d4a2a", ("cream", "orange", "mint", "white")),
    Colour("cream", "米色", "#efe0c0", ("brown", "red", "green", "blue")),
    Colour("white", "白色", "#f1f0ec", ("blue", "red", "black", "green")),
    Colour("grey", "灰色", "#8d9197", ("white", "yellow", "pink", "navy")),
    Colour("black", "黑色", "#222224", ("white", "cream", "orange", "turquoise")),
    Colour("gold", "金色", "#d9a441", ("red", "navy", "black", "white")),
    Colour("silver", "银色", "#c3c7cb", ("blue", "black", "red", "white")),
    Colour("copper", "铜色", "#c8713f", ("black", "cream", "green", "navy")),
)

COLOURS = {colour.name: colour for colour in _ALL}
PAINT_COLOURS = tuple(colour.name for colour in _ALL[:15])
"""Colours of paints, glazes and dyes."""
METAL_COLOURS = ("gold", "silver", "copper")

BACKDROPS = (
    "#e9e4dc",
    "#dfe6e8",
    "#ece0d6",
    "#e2e7dc",
    "#e6e0ea",
    "#d3dde2",
    "#ecdfdc",
    "#d9d3c8",
    "#cfd6d0",
)
"""Studio paper behind the product."""


def choose_backdrop(colour: str, pick: int) -> str:
    """Return a studio paper in contrast to the colour: pale products get darker papers."""
    pale = colour in {"white", "cream", "silver", "mint", "pink"}
    choices = ("#a9bcc4", "#b9a896", "#a7b5a3", "#b7a5ad", "#9fb3ad") if pale else BACKDROPS
    return choices[pick % len(choices)]
