"""The page for everyone: axe-core finds nothing, keys lead everywhere, nothing is wider than a phone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from support.browser import NARROW, shot, turn

Visit = Callable[..., Any]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
COMPARE = "compare=nafnet-gopro-width32,nafnet-gopro-width64,restormer-motion-deblurring"


def faults(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds wrong with all that is shown, by rule, with the places."""
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(result["passes"]) > 10
    return [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in result["violations"]]


VIEWS = {"start": "", "model": "model=uvdoc", "declared": "model=restormer-deraining", "compare": COMPARE}


@pytest.mark.parametrize(("language", "scheme"), [("es", "light"), ("en", "dark")])
def test_axe_finds_nothing(visit: Visit, real: Path, language: str, scheme: str) -> None:
    page = visit(real, color_scheme=scheme)
    page.evaluate(AXE)
    for name, view in VIEWS.items():
        turn(page, f"{view}&lang={language}")
        assert faults(page) == [], name
        shot(page, f"real-{name}-{language}-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_where_every_state_is_shown(visit: Visit, few: Path, scheme: str) -> None:
    page = visit(few, "q=model-01&pick=model-010", color_scheme=scheme, viewport=NARROW)
    page.evaluate(AXE)
    assert faults(page) == []
    for view in ("compare=model-000,model-005", "model=model-013", "q=none"):
        turn(page, view)
        assert faults(page) == [], view


def test_nothing_is_wider_than_a_phone(visit: Visit, real: Path) -> None:
    page = visit(real, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    for view in (*VIEWS.values(), "model=restormer-gaussian-color-denoising-blind"):
        turn(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, view
        tallest = "Math.max(0, ...[...document.querySelectorAll('tr')].map((one) => one.offsetHeight))"
        assert page.evaluate(tallest) < 160, "columns as narrow as a letter"


def test_keys_lead_to_the_content_and_to_a_model(visit: Visit, real: Path) -> None:
    page = visit(real)
    focused = "document.activeElement.id || document.activeElement.textContent"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "skip"
    assert page.locator("#skip").bounding_box()["y"] > 0
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "content"
    for _ in range(page.locator(".flow button").count() + 1):  # the layers of the flow, then the search
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "query"
    page.keyboard.type("uvdoc")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "uvdoc":
            break
    outline = "getComputedStyle(document.activeElement.closest('.tile')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")
    assert page.evaluate(focused) == "uvdoc"


# Whether what has the focus can be seen: not under the tray nor the finder, nor out of the window.
COVERED = """() => new Promise((done) => requestAnimationFrame(() => {
    const one = document.activeElement;
    if (one.closest(".tray, .skip") || one === document.body) return done(null);
    const box = one.getBoundingClientRect();
    const tray = document.querySelector(".tray").getBoundingClientRect();
    const finder = document.querySelector(".finder");
    const { top, bottom } = finder.getBoundingClientRect();
    const above = top <= 0 && !finder.contains(one) ? Math.max(0, bottom) : 0;
    const seen = box.bottom > above && box.top < Math.min(tray.top, innerHeight);
    done(seen ? null : `${one.outerHTML.slice(0, 120)} at ${box.top} of ${tray.top}`);
}))"""


def test_what_has_the_focus_is_not_under_the_tray(visit: Visit, real: Path, made: Path) -> None:
    phone, wide = {"width": 360, "height": 740}, {"width": 1440, "height": 900}
    for home, view, size, keys in (
        (real, COMPARE.replace("compare", "pick"), phone, 20),
        (made, "pick=model-000,model-005", phone, 16),
        (made, "pick=model-000,model-005", wide, 30),
    ):
        page = visit(home, view, viewport=size)
        for _ in range(keys):
            page.keyboard.press("Tab")
            assert page.evaluate(COVERED) is None
        turn(page, "")
        assert page.evaluate("getComputedStyle(document.documentElement).scrollPaddingBottom") == "0px"


STYLE = """selector => {
    const style = getComputedStyle(document.querySelector(selector));
    return [style.backgroundColor, style.outlineStyle, style.borderTopStyle];
}"""


def test_forced_colours_leave_what_is_chosen_and_focused_to_be_seen(visit: Visit, few: Path) -> None:
    page = visit(few, "pick=model-000&use=yes", forced_colors="active", contrast="more")
    page.evaluate(AXE)
    assert faults(page) == []
    plain, chosen = (page.evaluate(STYLE, f".languages [aria-pressed={on}]") for on in ("false", "true"))
    assert plain[0] != chosen[0]
    assert page.evaluate(STYLE, ".tile.picked")[1] == "solid"
    assert page.evaluate(STYLE, ".badge")[2] == page.evaluate(STYLE, ".tray li")[2] == "solid"
    page.locator(".tile:not([hidden]) h3 a").nth(1).focus()
    assert page.evaluate(STYLE, ".tile:has(:focus)")[1] == "solid"
    turn(page, "model=model-000")
    page.get_by_role("slider").press("ArrowRight")
    assert page.evaluate(STYLE, ".slider")[1] == "solid"
    # The line and its handle keep colours of their own over any picture.
    assert page.evaluate(STYLE, ".slider .line")[0] == "rgb(255, 255, 255)"


def test_nothing_moves_where_that_is_not_wanted_and_paper_is_light(visit: Visit, few: Path) -> None:
    page = visit(few, color_scheme="dark", reduced_motion="reduce")
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
        const style = getComputedStyle(one);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0 ||
            style.scrollBehavior === "smooth";
    }).length"""
    assert page.evaluate(moving) == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.locator(".finder").is_hidden() and page.locator(".tile").first.is_visible()


def test_light_and_dark_by_the_system_and_by_the_switch(visit: Visit, real: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    page = visit(real, color_scheme="dark")
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Tema oscuro", pressed=True).click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    page.wait_for_selector("h1:visible")
    assert page.evaluate(ground) == light
    assert visit(real, color_scheme="light").evaluate(ground) == light
