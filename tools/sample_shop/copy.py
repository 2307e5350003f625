"""Titles, descriptions and attributes of a product in English and Simplified Chinese."""

from __future__ import annotations

import numpy as np

from tools.sample_shop.materials import STUFFS
from tools.sample_shop.palette import COLOURS
from tools.sample_shop.product_types import BY_KEY
from tools.sample_shop.spec import PLAIN, Kind, Spec

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


def _adjectives(spec: Spec) -> str:
    """`red dotted porcelain`, leaving out what goes without saying."""
    ahead = (
        "" if spec.pattern == PLAIN or spec.pattern.endswith(("print", "stripe")) else spec.pattern
    )
    stuff = "" if spec.stuff == spec.colour else spec.stuff
    return " ".join(part for part in (spec.colour, ahead, stuff) if part)


def title_en(spec: Spec, line: int, size: bool) -> str:
    kind = BY_KEY[spec.kind]
    noun, name = kind.shapes[spec.shape][0], LINES[line][0]
    what = _adjectives(spec).removesuffix(" rubber" if "rubber" in noun else "")
    if spec.pattern.endswith(("print", "stripe")):
        motif = f" with {spec.accent} {MARKS[spec.pattern].removesuffix(' on the front')}"
    else:
        motif = ""
    tail = f", {kind.sizes[spec.size][0]}" if size else ""
    if spec.number % 2:
        return f"{what[0].upper()}{what[1:]} {noun} {name}{motif}{tail}"
    return f"{name} {what} {noun}{motif}{tail}"


def title_zh(spec: Spec, line: int, size: bool) -> str:
    kind = BY_KEY[spec.kind]
    pattern = "" if spec.pattern == PLAIN else PATTERN_ZH[spec.pattern]
    stuff = "" if spec.kind == "duck" else STUFFS[spec.stuff].zh
    tail = f" {kind.sizes[spec.size][1]}" if size else ""
    return f"「{LINES[line][1]}」{COLOURS[spec.colour].zh}{pattern}{stuff}{kind.shapes[spec.shape][1]}{tail}"


def description_en(spec: Spec) -> str:
    kind = BY_KEY[spec.kind]
    noun, use = kind.shapes[spec.shape][0], kind.uses[spec.number % len(kind.uses)][0]
    article = "An" if spec.colour[0] in "aeiou" else "A"
    stuff = spec.stuff if spec.stuff not in noun else ""
    what = " ".join(f"{article} {spec.colour} {noun}".split()) + (
        f" made of {stuff}" if stuff else ""
    )
    size = kind.sizes[spec.size][0]
    return f"{what}{_decoration(spec, kind)}, {use}. Size: {size}. {CARE.get(spec.stuff, DEFAULT_CARE)[0]}"


def _decoration(spec: Spec, kind: Kind) -> str:
    if spec.pattern in MARKS:
        return f", with {'a ' if spec.pattern in {'heart print', 'sun print'} else ''}{spec.accent} {MARKS[spec.pattern]}"
    if spec.pattern != PLAIN:
        return {
            "ribbed": ", with a ribbed surface",
            "rainbow": ", with bars in all colours of the rainbow on a painted frame",
        }.get(spec.pattern, f", in {spec.colour} and {spec.accent}")
    return f", with details in {spec.accent}" if kind.accented else ", in one calm colour"


def description_zh(spec: Spec) -> str:
    kind = BY_KEY[spec.kind]
    noun, use = kind.shapes[spec.shape][1], kind.uses[spec.number % len(kind.uses)][1]
    colour, accent = COLOURS[spec.colour].zh, COLOURS[spec.accent].zh
    if spec.pattern in MARKS:
        look = f"饰以{accent}{PATTERN_ZH[spec.pattern]}"
    elif spec.pattern == PLAIN:
        look = f"点缀{accent}细节" if kind.accented else "纯色设计，简洁耐看"
    else:
        look = f"{PATTERN_ZH[spec.pattern]}设计"
    return (
        f"{colour}{noun}，{STUFFS[spec.stuff].zh}材质，{look}，{use}。"
        f"规格：{kind.sizes[spec.size][1]}。{CARE.get(spec.stuff, DEFAULT_CARE)[1]}"
    )


def titles(specs: list[Spec], seed: int) -> list[tuple[str, str]]:
    """English and Chinese titles, each unique within the shop."""
    rng = np.random.default_rng([seed, 77])
    taken: set[str] = set()
    chosen = []
    for spec in specs:
        with_size = bool(rng.random() < 0.55)
        for line in rng.permutation(len(LINES)):
            pair = title_en(spec, int(line), with_size), title_zh(spec, int(line), with_size)
            if not taken.intersection(pair):
                break
        else:
            raise ValueError(f"every title of this design is taken: {spec}")
        taken.update(pair)
        chosen.append(pair)
    return chosen


def attributes(spec: Spec) -> dict[str, str]:
    kind = BY_KEY[spec.kind]
    facts = {
        "colour": spec.colour,
        "material": spec.stuff,
        "pattern": spec.pattern,
        "style": kind.shapes[spec.shape][0],
        "size": kind.sizes[spec.size][0],
    }
    if spec.pattern != PLAIN or kind.accented:
        facts["accent"] = spec.accent
    return facts
