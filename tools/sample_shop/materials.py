"""Materials of products: names in both languages, finish and price factor."""

from __future__ import annotations

from dataclasses import dataclass

from tools.sample_shop import finishes


@dataclass(frozen=True, slots=True)
class Material:
    """A material; `factor` multiplies the price."""

    name: str
    zh: str
    finish: finishes.Finish
    factor: float = 1.0


_ALL = (
    Material("stoneware", "炻器", finishes.STONEWARE, 1.1),
    Material("porcelain", "细瓷", finishes.GLAZED, 1.3),
    Material("ceramic", "陶瓷", finishes.GLAZED),
    Material("terracotta", "陶土", finishes.CLAY, 0.9),
    Material("enamel", "搪瓷", finishes.LACQUER, 1.05),
    Material("glass", "玻璃", finishes.GLASS, 1.15),
    Material("steel", "不锈钢", finishes.STEEL, 1.3),
    Material("brass", "黄铜", finishes.POLISHED, 1.6),
    Material("copper", "紫铜", finishes.POLISHED, 1.7),
    Material("powder-coated steel", "喷漆钢", finishes.SATIN, 1.2),
    Material("tin", "马口铁", finishes.LACQUER, 0.9),
    Material("painted wood", "彩漆木", finishes.SATIN, 1.1),
    Material("lacquered wood", "亮漆木", finishes.LACQUER, 1.2),
    Material("plastic", "塑料", finishes.PLASTIC, 0.7),
    Material("rubber", "橡胶", finishes.RUBBER, 0.8),
    Material("leather", "皮革", finishes.LEATHER, 2.0),
    Material("cotton", "纯棉", finishes.CLOTH),
    Material("organic cotton", "有机棉", finishes.CLOTH, 1.25),
    Material("linen", "亚麻", finishes.CLOTH, 1.3),
    Material("canvas", "帆布", finishes.CLOTH, 1.05),
    Material("wool", "羊毛", finishes.KNIT, 1.5),
    Material("felt", "毛毡", finishes.VELVET, 1.2),
    Material("straw", "草编", finishes.CLOTH, 0.95),
    Material("velvet", "天鹅绒", finishes.VELVET, 1.4),
    Material("soy wax", "大豆蜡", finishes.WAX),
    Material("beeswax", "蜂蜡", finishes.WAX, 1.3),
    Material("paper", "纸艺", finishes.SHADE, 0.8),
    Material("fabric", "布艺", finishes.SHADE),
)

MATERIALS = {material.name: material for material in _ALL}

OAK, WALNUT, BEECH = "#c89c66", "#6f4a2f", "#dcb989"
"""Colours of bare wood."""
