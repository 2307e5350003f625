"""Materials as a shopper knows them: words in both languages, a finish and what they do to the
price.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.sample_shop import finishes as m


@dataclass(frozen=True, slots=True)
class Stuff:
    name: str
    zh: str
    finish: m.Finish
    factor: float = 1.0


_ALL = (
    Stuff("stoneware", "炻器", m.STONEWARE, 1.1),
    Stuff("porcelain", "细瓷", m.GLAZED, 1.3),
    Stuff("ceramic", "陶瓷", m.GLAZED),
    Stuff("terracotta", "陶土", m.CLAY, 0.9),
    Stuff("enamel", "搪瓷", m.LACQUER, 1.05),
    Stuff("glass", "玻璃", m.GLASS, 1.15),
    Stuff("steel", "不锈钢", m.STEEL, 1.3),
    Stuff("brass", "黄铜", m.POLISHED, 1.6),
    Stuff("copper", "紫铜", m.POLISHED, 1.7),
    Stuff("powder-coated steel", "喷漆钢", m.SATIN, 1.2),
    Stuff("tin", "马口铁", m.LACQUER, 0.9),
    Stuff("painted wood", "彩漆木", m.SATIN, 1.1),
    Stuff("lacquered wood", "亮漆木", m.LACQUER, 1.2),
    Stuff("plastic", "塑料", m.PLASTIC, 0.7),
    Stuff("rubber", "橡胶", m.RUBBER, 0.8),
    Stuff("leather", "皮革", m.LEATHER, 2.0),
    Stuff("cotton", "纯棉", m.CLOTH),
    Stuff("organic cotton", "有机棉", m.CLOTH, 1.25),
    Stuff("linen", "亚麻", m.CLOTH, 1.3),
    Stuff("canvas", "帆布", m.CLOTH, 1.05),
    Stuff("wool", "羊毛", m.KNIT, 1.5),
    Stuff("felt", "毛毡", m.VELVET, 1.2),
    Stuff("straw", "草编", m.CLOTH, 0.95),
    Stuff("velvet", "天鹅绒", m.VELVET, 1.4),
    Stuff("soy wax", "大豆蜡", m.WAX),
    Stuff("beeswax", "蜂蜡", m.WAX, 1.3),
    Stuff("paper", "纸艺", m.SHADE, 0.8),
    Stuff("fabric", "布艺", m.SHADE),
)

STUFFS = {stuff.name: stuff for stuff in _ALL}

OAK, WALNUT, BEECH = "#c89c66", "#6f4a2f", "#dcb989"
"""Colours of bare wood."""
