"""Finishes: how a surface reflects the studio light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grain = Literal["none", "wood", "weave", "knit", "speck", "brush"]


@dataclass(frozen=True, slots=True)
class Finish:
    """Optical properties of a surface.

    `mirror` is the reflectance at normal incidence. `rough`, 0…1, blurs reflections. `sheen`
    brightens cloth at grazing angles. `glow` adds emitted light, in units of albedo. `clear`,
    0…1, is the transparency. `grain` is the texture.
    """

    mirror: float = 0.04
    rough: float = 0.5
    metal: bool = False
    sheen: float = 0.0
    glow: float = 0.0
    clear: float = 0.0
    grain: Grain = "none"


GLAZED = Finish(mirror=0.075, rough=0.08)
SATIN = Finish(mirror=0.045, rough=0.38)
STONEWARE = Finish(mirror=0.04, rough=0.45, grain="speck")
CLAY = Finish(mirror=0.02, rough=0.9, grain="speck")
STEEL = Finish(mirror=0.6, rough=0.3, metal=True, grain="brush")
POLISHED = Finish(mirror=0.7, rough=0.08, metal=True)
LACQUER = Finish(mirror=0.05, rough=0.05)
PLASTIC = Finish(mirror=0.045, rough=0.25)
RUBBER = Finish(mirror=0.04, rough=0.42)
WOOD = Finish(mirror=0.035, rough=0.45, grain="wood")
CLOTH = Finish(mirror=0.01, rough=1.0, sheen=0.12, grain="weave")
VELVET = Finish(mirror=0.01, rough=1.0, sheen=0.55)
KNIT = Finish(mirror=0.01, rough=1.0, sheen=0.18, grain="knit")
LEATHER = Finish(mirror=0.04, rough=0.42, grain="speck")
WAX = Finish(mirror=0.03, rough=0.5, glow=0.10)
SHADE = Finish(mirror=0.01, rough=1.0, glow=0.45, grain="weave")
BULB = Finish(glow=2.2)
GLASS = Finish(mirror=0.06, rough=0.03, clear=0.82)
LEAF = Finish(mirror=0.04, rough=0.4)
SKIN = Finish(mirror=0.02, rough=0.6)
