"""List the words of the sample shop's data, so that `make messages` finds them for translators.

The shop translates attribute values at run time (`webapp/shop/data_translations.py`); their
translations are in `tools/locale`. Bilingual that any shop may use belong to the product.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

MATERIALS_AND_PATTERNS = (
    gettext_noop("beeswax"), gettext_noop("powder-coated steel"), gettext_noop("painted wood"),
    gettext_noop("lacquered wood"), gettext_noop("soy wax"), gettext_noop("heart print"),
    gettext_noop("sun print"), gettext_noop("mountain print"), gettext_noop("rainbow"),
    gettext_noop("two-tone"), gettext_noop("racing stripe"),
)  # fmt: skip

STYLES = (
    gettext_noop("classic mug"), gettext_noop("rounded mug"), gettext_noop("tapered mug"),
    gettext_noop("tall latte mug"), gettext_noop("round teapot"), gettext_noop("tall teapot"),
    gettext_noop("low teapot"), gettext_noop("whistling kettle"),
    gettext_noop("round whistling kettle"), gettext_noop("deep bowl"),
    gettext_noop("serving bowl"), gettext_noop("footed bowl"), gettext_noop("water bottle"),
    gettext_noop("slim water bottle"), gettext_noop("wide-neck flask"),
    gettext_noop("amphora vase"), gettext_noop("bottle vase"), gettext_noop("waisted vase"),
    gettext_noop("belly vase"), gettext_noop("table lamp"), gettext_noop("drum-shade lamp"),
    gettext_noop("reading lamp"), gettext_noop("square cushion"), gettext_noop("lumbar cushion"),
    gettext_noop("round cushion"), gettext_noop("twin-bell alarm clock"),
    gettext_noop("mantel clock"), gettext_noop("wall clock"), gettext_noop("scented jar candle"),
    gettext_noop("pillar candle with tray"), gettext_noop("taper candle with holder"),
    gettext_noop("potted cactus"), gettext_noop("potted snake plant"),
    gettext_noop("potted succulent"), gettext_noop("ladder-back chair"), gettext_noop("tub chair"),
    gettext_noop("armchair"), gettext_noop("bar stool"), gettext_noop("three-legged stool"),
    gettext_noop("pouffe"), gettext_noop("round side table"), gettext_noop("coffee table"),
    gettext_noop("bistro table"), gettext_noop("love seat"), gettext_noop("two-seat sofa"),
    gettext_noop("three-seat sofa"), gettext_noop("crew-neck T-shirt"),
    gettext_noop("V-neck T-shirt"), gettext_noop("long-sleeved T-shirt"),
    gettext_noop("wide-brim hat"), gettext_noop("bobble beanie"), gettext_noop("baseball cap"),
    gettext_noop("bucket hat"), gettext_noop("shoulder tote bag"), gettext_noop("tote bag"),
    gettext_noop("hand bell"), gettext_noop("counter bell"), gettext_noop("ribbon bell"),
    gettext_noop("marching drum"), gettext_noop("goblet drum"), gettext_noop("tom drum"),
    gettext_noop("xylophone"), gettext_noop("football"), gettext_noop("basketball"),
    gettext_noop("beach ball"), gettext_noop("play ball"), gettext_noop("toy saloon car"),
    gettext_noop("toy bus"), gettext_noop("toy racing car"), gettext_noop("rubber duck"),
    gettext_noop("sailor rubber duck"), gettext_noop("bow-tie rubber duck"),
    gettext_noop("cool rubber duck"),
)  # fmt: skip

SIZES = (
    gettext_noop("300 ml"), gettext_noop("350 ml"), gettext_noop("420 ml"), gettext_noop("0.6 l"),
    gettext_noop("0.9 l"), gettext_noop("1.2 l"), gettext_noop("1.6 l"), gettext_noop("2.2 l"),
    gettext_noop("Ø 14 cm"), gettext_noop("Ø 18 cm"), gettext_noop("Ø 24 cm"),
    gettext_noop("500 ml"), gettext_noop("750 ml"), gettext_noop("1 l"), gettext_noop("18 cm"),
    gettext_noop("25 cm"), gettext_noop("32 cm"), gettext_noop("38 cm"), gettext_noop("46 cm"),
    gettext_noop("40 cm"), gettext_noop("50 cm"), gettext_noop("Ø 12 cm"), gettext_noop("Ø 25 cm"),
    gettext_noop("25 h"), gettext_noop("45 h"), gettext_noop("Ø 10 cm"),
    gettext_noop("seat 45 cm"), gettext_noop("seat 48 cm"), gettext_noop("45 cm"),
    gettext_noop("65 cm"), gettext_noop("compact"), gettext_noop("deep"), gettext_noop("Ø 22 cm"),
    gettext_noop("Ø 30 cm"), gettext_noop("8 bars"), gettext_noop("size 3"),
    gettext_noop("size 5"), gettext_noop("12 cm"), gettext_noop("8 cm"),
)  # fmt: skip
