"""Titles, descriptions and attributes of a product in English and Simplified Chinese."""

from __future__ import annotations

import numpy as np

from tools.sample_shop.design import PLAIN, ProductDesign, ProductType
from tools.sample_shop.materials import MATERIALS
from tools.sample_shop.palette import COLOURS
from tools.sample_shop.product_types import PRODUCT_TYPES_BY_KEY

BRANDS = (
    "Fennwick Row",
    "Tallow & Thrush",
    "Casa Lumbra",
    "Moonpebble",
    "Hearthwren",
    "Brindlemoor",
    "Kittiwick",
    "Saltgrass Lane",
    "Plumforth",
    "Oddly Oak",
    "Dappleby",
    "Maison Tournelle",
)

LINES = (
    ("Harbour", "海港"),
    ("Meadow", "草甸"),
    ("Aurora", "极光"),
    ("Pebble", "卵石"),
    ("Orchard", "果园"),
    ("Lagoon", "潟湖"),
    ("Sunday", "周日"),
    ("Juniper", "杜松"),
    ("Festival", "节日"),
    ("Hazel", "榛果"),
    ("Cloudberry", "云莓"),
    ("Lantern", "灯笼"),
    ("Dune", "沙丘"),
    ("Skipper", "船长"),
    ("Poppy", "虞美人"),
    ("Willow", "柳树"),
    ("Comet", "彗星"),
    ("Sorbet", "雪葩"),
)

PATTERN_ZH = {
    "striped": "条纹",
    "pinstriped": "竖条纹",
    "dotted": "圆点",
    "checked": "格纹",
    "zigzag": "锯齿纹",
    "wavy": "波浪纹",
    "diamond": "菱格",
    "floral": "碎花",
    "terrazzo": "水磨石纹",
    "starry": "星星图案",
    "ribbed": "棱纹",
    "heart print": "爱心印花",
    "sun print": "太阳印花",
    "mountain print": "山峰印花",
    "rainbow": "彩虹色",
    "two-tone": "双色",
    "racing stripe": "赛车条纹",
}

MARKS = {
    "striped": "stripes",
    "pinstriped": "pinstripes",
    "dotted": "dots",
    "checked": "checks",
    "zigzag": "zigzags",
    "wavy": "waves",
    "diamond": "diamonds",
    "floral": "flowers",
    "terrazzo": "terrazzo chips",
    "starry": "stars",
    "heart print": "heart on the front",
    "sun print": "sun on the front",
    "mountain print": "mountains on the front",
    "racing stripe": "racing stripes",
}

CARE = {
    "stoneware": ("Dishwasher and microwave safe.", "可用洗碗机清洗，可微波加热。"),
    "porcelain": ("Fired at 1,280 °C; dishwasher safe.", "1280 度高温烧制，可用洗碗机清洗。"),
    "ceramic": ("Hand glazed, so no two are quite alike.", "手工上釉，每一件都略有不同。"),
    "terracotta": ("Unglazed clay that breathes.", "素烧陶土，透气自然。"),
    "enamel": ("Hard enamel on steel: light and nearly unbreakable.", "钢胎搪瓷，轻巧耐摔。"),
    "glass": ("Mouth-blown, tinted all the way through.", "人工吹制，通体着色。"),
    "velvet": ("Dense velvet that changes with the light.", "细密天鹅绒，光泽随光线变化。"),
    "wool": ("Pure new wool; wash cold.", "纯新羊毛，请冷水洗涤。"),
    "cotton": ("Machine wash at 40 °C.", "可 40 度机洗。"),
    "organic cotton": ("Certified organic cotton, washed at 40 °C.", "有机棉，可 40 度机洗。"),
    "linen": ("Stone-washed linen that softens with time.", "水洗亚麻，越用越柔软。"),
    "leather": ("Vegetable-tanned leather that ages well.", "植鞣皮革，历久弥新。"),
    "brass": ("Solid brass, polished by hand.", "实心黄铜，手工抛光。"),
    "steel": ("Stainless steel, brushed.", "拉丝不锈钢，不易生锈。"),
    "copper": ("Real copper that gains a patina.", "真紫铜，会慢慢生成独特包浆。"),
}
DEFAULT_CARE = ("Made to be used and to last.", "经久耐用，放心日常使用。")


def _adjectives(design: ProductDesign) -> str:
    """Return for example `red dotted porcelain`, without words that repeat each other."""
    pattern = (
        ""
        if design.pattern == PLAIN or design.pattern.endswith(("print", "stripe"))
        else design.pattern
    )
    material = "" if design.material == design.colour else design.material
    return " ".join(part for part in (design.colour, pattern, material) if part)


def make_english_title(design: ProductDesign, line: int, size: bool) -> str:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    noun, name = product_type.shapes[design.shape][0], LINES[line][0]
    what = _adjectives(design).removesuffix(" rubber" if "rubber" in noun else "")
    if design.pattern.endswith(("print", "stripe")):
        motif = f" with {design.accent} {MARKS[design.pattern].removesuffix(' on the front')}"
    else:
        motif = ""
    tail = f", {product_type.sizes[design.size][0]}" if size else ""
    if design.number % 2:
        return f"{what[0].upper()}{what[1:]} {noun} {name}{motif}{tail}"
    return f"{name} {what} {noun}{motif}{tail}"


def make_chinese_title(design: ProductDesign, line: int, size: bool) -> str:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    pattern = "" if design.pattern == PLAIN else PATTERN_ZH[design.pattern]
    material = "" if design.type_key == "duck" else MATERIALS[design.material].zh
    tail = f" {product_type.sizes[design.size][1]}" if size else ""
    noun = product_type.shapes[design.shape][1]
    return f"「{LINES[line][1]}」{COLOURS[design.colour].zh}{pattern}{material}{noun}{tail}"


def describe_in_english(design: ProductDesign) -> str:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    noun, use = (
        product_type.shapes[design.shape][0],
        product_type.uses[design.number % len(product_type.uses)][0],
    )
    article = "An" if design.colour[0] in "aeiou" else "A"
    material = design.material if design.material not in noun else ""
    what = " ".join(f"{article} {design.colour} {noun}".split()) + (
        f" made of {material}" if material else ""
    )
    size = product_type.sizes[design.size][0]
    care = CARE.get(design.material, DEFAULT_CARE)[0]
    return f"{what}{_describe_decoration(design, product_type)}, {use}. Size: {size}. {care}"


def _describe_decoration(design: ProductDesign, product_type: ProductType) -> str:
    if design.pattern in MARKS:
        article = "a " if design.pattern in {"heart print", "sun print"} else ""
        return f", with {article}{design.accent} {MARKS[design.pattern]}"
    if design.pattern != PLAIN:
        return {
            "ribbed": ", with a ribbed surface",
            "rainbow": ", with bars in all colours of the rainbow on a painted frame",
        }.get(design.pattern, f", in {design.colour} and {design.accent}")
    return f", with details in {design.accent}" if product_type.accented else ", in one calm colour"


def describe_in_chinese(design: ProductDesign) -> str:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    noun, use = (
        product_type.shapes[design.shape][1],
        product_type.uses[design.number % len(product_type.uses)][1],
    )
    colour, accent = COLOURS[design.colour].zh, COLOURS[design.accent].zh
    if design.pattern in MARKS:
        look = f"饰以{accent}{PATTERN_ZH[design.pattern]}"
    elif design.pattern == PLAIN:
        look = f"点缀{accent}细节" if product_type.accented else "纯色设计，简洁耐看"
    else:
        look = f"{PATTERN_ZH[design.pattern]}设计"
    return (
        f"{colour}{noun}，{MATERIALS[design.material].zh}材质，{look}，{use}。"
        f"规格：{product_type.sizes[design.size][1]}。{CARE.get(design.material, DEFAULT_CARE)[1]}"
    )


def make_titles(designs: list[ProductDesign], seed: int) -> list[tuple[str, str]]:
    """Return the English and the Chinese title of each design, unique within the shop."""
    rng = np.random.default_rng([seed, 77])
    taken: set[str] = set()
    chosen = []
    for design in designs:
        with_size = bool(rng.random() < 0.55)
        for line in rng.permutation(len(LINES)):
            pair = (
                make_english_title(design, int(line), with_size),
                make_chinese_title(design, int(line), with_size),
            )
            if not taken.intersection(pair):
                break
        else:
            raise ValueError(f"every title of this design is taken: {design}")
        taken.update(pair)
        chosen.append(pair)
    return chosen


def product_attributes(design: ProductDesign) -> dict[str, str]:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    facts = {
        "colour": design.colour,
        "material": design.material,
        "pattern": design.pattern,
        "style": product_type.shapes[design.shape][0],
        "size": product_type.sizes[design.size][0],
    }
    if design.pattern != PLAIN or product_type.accented:
        facts["accent"] = design.accent
    return facts
