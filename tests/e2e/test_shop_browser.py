"""The shop in a real browser, with a real web process, worker and the bundled encoder."""

from __future__ import annotations

import base64
import os
import re
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.admin_site import sign_in, upload
from tests.support.browsed_shop import PRODUCTS, Shop, violations, write_catalogue
from tests.support.films import square_on, write_film
from tests.support.installation import Installation
from tests.support.tones import tone_file
from tests.support.voices import require_espeak, say

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shop_browser")]

SPOKEN = "navy teapot"
MAX_RESPONSE_MS = 30_000
CHROMIUM = shutil.which("chromium")
DROP = """([encoded, event, name = "seen.jpg", type = "image/jpeg"]) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type }));
  const made = event === "paste"
    ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true })
    : new DragEvent(event, { dataTransfer: files, bubbles: true, cancelable: true });
  document.body.dispatchEvent(made);
}"""

IS_AT_SECOND = """([name, from, until]) => {
  const player = document.querySelector(name);
  return player.readyState > 1 && player.currentTime >= from && player.currentTime <= until;
}"""

BROKEN_PICTURES = """[...document.querySelectorAll("main img")]
  .filter((image) => image.complete && !image.naturalWidth)
  .map((image) => image.src)"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with Installation(folder) as site:
        site.start_worker(ready=False)
        catalogue, rows = write_catalogue(folder / "drawn")
        media = folder / "drawn" / "media"
        site.manage("import_catalog", str(catalogue), "--media", str(media), "--wait")
        yield Shop(site, rows, media)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The input of the browser's microphone: silence, then words, in a loop."""
    path = tmp_path_factory.mktemp("spoken") / "query.wav"
    if shutil.which("espeak-ng"):
        say(SPOKEN, path)
        with wave.open(str(path)) as said:
            params, words = said.getparams(), said.readframes(said.getnframes())
        with wave.open(str(path), "wb") as file:
            file.setparams(params)
            file.writeframes(bytes(params.framerate) + words + bytes(params.framerate))
    return path


@pytest.fixture(scope="module")
def browser(spoken: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        assert not os.environ.get("OMNISHELF_TEST_REQUIRE_ALL"), "Chromium is required"
        pytest.skip("needs Chromium")
    # The first search of a web process loads the encoder.
    expect.set_options(timeout=MAX_RESPONSE_MS)
    with sync_playwright() as playwright:
        microphone = [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={spoken}",
        ]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *microphone]
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, shop: Shop) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=shop.address, locale="en-GB", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(MAX_RESPONSE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose scripts must not fail, and must not violate the content security policy."""
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    yield page
    assert [fault for fault in faults if "status of 4" not in fault] == []


def first_sku(page: Page) -> str:
    return str(page.locator("#hit-list .card-link").first.get_attribute("href")).split("/")[2]


def test_text_search(page: Page, shop: Shop) -> None:
    wanted = shop.row("teapot")
    page.goto("/")
    page.get_by_label("What are you looking for?").fill(f"{wanted['attributes']['colour']} teapot")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=\w+\+teapot$"))
    assert "teapot" in page.locator(".card-title").first.inner_text()


def test_a_picture_is_chosen_dropped_or_pasted(page: Page, shop: Shop) -> None:
    row = shop.row("mug")
    same = {row["sku"], *(f"MORE-{n}" for n in range(PRODUCTS))}
    encoded = base64.b64encode(shop.picture(row).read_bytes()).decode()
    for method in ("choose", "drop", "paste"):
        page.goto("/")
        if method == "choose":
            page.set_input_files("[data-ask-file] >> nth=0", shop.picture(row))
        else:
            page.evaluate(DROP, [encoded, method])
        expect(page.get_by_role("button", name="Remove the picture")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Like your picture")
        assert first_sku(page) in same
        assert page.locator(".card-picture img").first.evaluate("(image) => image.naturalWidth > 0")
    page.get_by_role("button", name="Remove the picture").click()
    expect(page.locator("[data-ask-chip]")).to_be_hidden()


def test_spoken_words_are_corrected_and_searched(context: BrowserContext, page: Page) -> None:
    require_espeak()
    context.grant_permissions(["microphone"])
    page.goto("/")
    speak = page.get_by_role("button", name="Speak")
    speak.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    expect(page.locator("[data-ask-note]")).to_contain_text("Recording")
    expect(page.locator("[data-voice-time]")).to_have_text("0:03")
    page.keyboard.press("Enter")
    words = page.get_by_label("What are you looking for?")
    expect(words).to_have_value(re.compile("teapot"))
    expect(page.locator("[data-ask-note]")).to_have_text("Check the words, then search.")
    expect(words).to_be_focused()
    expect(page).to_have_url(re.compile("/$"))
    words.fill(SPOKEN)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=navy\+teapot$"))
    assert "teapot" in page.locator(".card-title").first.inner_text()


def test_a_dropped_sound_is_searched(page: Page, spoken: Path) -> None:
    require_espeak()
    page.goto("/")
    page.evaluate(
        DROP, [base64.b64encode(spoken.read_bytes()).decode(), "drop", "spoken.wav", "audio/wav"]
    )
    expect(page.locator("[data-ask-note]")).to_have_text("Check the words, then search.")
    page.get_by_role("button", name="Search by this sound").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Like your sound")
    expect(page).to_have_url(re.compile(r"/search\?sound_token="))
    page.get_by_role("link", name="Remove the sound").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("All products")


def test_a_recording_can_be_cancelled_or_blocked(context: BrowserContext, page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("[data-ask-note]")).to_contain_text("The microphone is blocked")
    context.grant_permissions(["microphone"])
    page.get_by_role("button", name="Speak").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.locator("[data-ask-note]")).to_be_empty()
    expect(page.get_by_role("button", name="Speak")).to_be_focused()


def test_dragging_shows_where_to_drop(page: Page) -> None:
    page.goto("/")
    page.evaluate(DROP, ["", "dragenter"])
    expect(page.locator("body")).to_have_class(re.compile("is-dropping"))
    page.evaluate(DROP, ["", "dragleave"])
    expect(page.locator("body")).not_to_have_class(re.compile("is-dropping"))


def test_a_file_that_is_not_a_picture(page: Page, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    page.goto("/")
    page.set_input_files("[data-ask-file] >> nth=0", tmp_path / "letter.txt")
    expect(page.locator("[data-ask-note]")).to_contain_text("not a picture")
    page.set_input_files("[data-ask-file] >> nth=0", tmp_path / "broken.png")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This picture cannot be read")


def test_facets_order_and_paging_in_place(page: Page) -> None:
    page.goto("/search")
    expect(page.locator("#hit-list > li")).to_have_count(24)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("#hit-list > li")).to_have_count(PRODUCTS)
    # The focus follows the new hits a moment after they are there.
    page.wait_for_function(
        "document.activeElement.closest('li') === document.querySelectorAll('#hit-list > li')[24]"
    )
    box = page.locator("input[name=brand]").first
    box.check()
    expect(page).to_have_url(re.compile("brand="))
    expect(box).to_be_checked()
    expect(box).to_be_focused()
    page.get_by_label("Sort by").select_option("price")
    expect(page).to_have_url(re.compile("sort=price"))
    prices = [
        float(text.strip("€").replace(",", ""))
        for text in page.locator(".card .price").all_inner_texts()
    ]
    assert prices == sorted(prices)
    expect(page.locator("#result-count")).to_have_text(re.compile(rf"^{len(prices)} products?\s*$"))
    page.get_by_role("link", name="remove this filter").click()
    expect(page.locator("#result-count")).to_have_text(f"{PRODUCTS} products")
    page.go_back()
    expect(page).to_have_url(re.compile("brand=.*sort=price"))


def test_product_page_with_gallery_and_similar_products(page: Page, shop: Shop) -> None:
    row = shop.row("mug")
    page.goto(f"/p/{row['sku']}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(row["title"])
    page.locator("[data-gallery-frames]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-gallery-thumb]").nth(1)).to_have_attribute("aria-current", "true")
    assert page.locator(".cards-row .card").count() > 3
    page.get_by_role("button", name="Search with this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Like your picture")


def test_opened_products_are_counted(page: Page, shop: Shop) -> None:
    before = set(shop.clicks())
    page.goto("/search?q=Red+Teapot")
    page.locator("#hit-list .card-link").first.click()
    expect(page).to_have_url(re.compile("/p/"))
    page.go_back()
    page.locator("#hit-list .card-link").nth(1).click(button="middle")
    page.locator("#hit-list .card-link").nth(2).click(button="right")
    shop.site.wait_for(
        lambda: len(shop.clicks()) == len(before) + 2, what="both clicks to be counted"
    )
    assert set(shop.clicks()) - before == {("red teapot", 1)}


def test_language_and_localised_titles(page: Page, shop: Shop) -> None:
    page.goto(f"/p/{shop.rows[0]['sku']}/")
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(shop.rows[0]["title_zh"])
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(shop.rows[0]["title"])


def test_keyboard_only(page: Page) -> None:
    page.goto("/search")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_label("What are you looking for?")).to_be_focused()
    page.keyboard.type("duck")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=duck"))
    reach(page, "input[name=brand]")
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("brand="))
    reach(page, ".card-link")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/"))


def reach(page: Page, selector: str) -> None:
    """Tab until an element that matches has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


def test_on_a_phone_filters_open_as_a_drawer(browser: Browser, shop: Shop) -> None:
    phone = browser.new_context(
        base_url=shop.address,
        locale="en-GB",
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
    )
    page = phone.new_page()
    page.goto("/search")
    drawer = page.locator("#facets")
    expect(drawer).to_be_hidden()
    page.get_by_role("button", name="Filters", exact=True).click()
    page.locator("input[name=brand]").first.check()
    expect(page).to_have_url(re.compile("brand="))
    expect(drawer).to_be_visible()
    page.get_by_role("button", name="Show the results").click()
    expect(drawer).to_be_hidden()
    for path in shop.pages():
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{path} scrolls sideways"
        )
    phone.close()


def test_without_script(browser: Browser, shop: Shop) -> None:
    plain = browser.new_context(base_url=shop.address, locale="en-GB", java_script_enabled=False)
    page = plain.new_page()
    page.goto("/")
    page.locator("#ask-words").fill("lamp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Results for “lamp”")
    page.locator("input[name=brand]").first.check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".chip").first).to_be_visible()
    clicks = shop.clicks()
    page.locator("#hit-list .card-link").first.click()
    expect(page).to_have_url(re.compile("/p/"))
    assert shop.clicks() == clicks
    page.goto("/")
    page.locator("[data-ask-file]").first.set_input_files(shop.picture(shop.row("mug")))
    page.get_by_role("button", name="Search with the picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Like your picture")
    plain.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser: Browser, shop: Shop, scheme: Any) -> None:
    context = browser.new_context(
        base_url=shop.address, locale="en-GB", color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    found = {path: violations(page, path) for path in shop.pages()}
    context.close()
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_an_uploaded_clip_plays_from_the_matching_second(
    page: Page, shop: Shop, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.mp4", square_on([(205, 25, 30), (25, 45, 200)], seconds=4))
    sign_in(page, shop.site)
    row = {"sku": "CLIP-1", "title": "Film 1", "video": ["film.mp4"], "audio": ["tone.wav"]}
    upload(page, row, {"film.mp4": film.read_bytes(), "tone.wav": tone_file([440, 0, 880])})
    rendered = "SELECT count(*) FROM catalog_clippreview WHERE made_at IS NOT NULL"
    shop.site.wait_for(lambda: shop.site.query(rendered) == [(2,)], what="both previews")
    page.goto("/search?q=something+blue")
    card = page.locator(".card", has_text="Film 1")
    expect(card).to_contain_text("at 0:04")
    assert card.locator("img").evaluate(
        "(image) => image.src.includes('frame-1') && image.naturalWidth > 0"
    )
    card.locator(".card-link").click()
    expect(page.get_by_text("Starts at 0:04.0")).to_be_visible()
    page.wait_for_function(IS_AT_SECOND, arg=[".clip-video video", 3.6, 4.4])
    expect(page.locator(".frame[data-best]")).to_contain_text("0:04")
    page.locator(".frame").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(IS_AT_SECOND, arg=[".clip-video video", 0.05, 3])
    assert not page.locator("video").evaluate("(video) => video.paused || video.error")
    page.locator(".clip-audio [data-wave]").click(position={"x": 200, "y": 20})
    page.wait_for_function(IS_AT_SECOND, arg=[".clip-audio audio", 0.5, 3])
    assert page.evaluate(BROKEN_PICTURES) == []
    assert violations(page, page.url) == []
