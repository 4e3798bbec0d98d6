"""A model's view in a real browser: slider, card, copying, lineage."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restoration_models.site import crops
from support.browser import NARROW, served, shot, titled, turn
from support.browser import Visit as Seen
from support.layers import REPOSITORY

Visit = Callable[..., Any]
CARD = REPOSITORY.card("layer-2", "uvdoc").read_text(encoding="utf-8")
SHA256 = "7e90861b8a516eb4bc51f84bd889cb77275743d2d1d3ca8091951ec9f2b7da23"


def cut(page: Any) -> float:
    """Where the line is, in percent of the picture's width."""
    line, frame = (page.locator(one).first.bounding_box() for one in (".slider .line", ".slider"))
    return round((line["x"] + line["width"] / 2 - frame["x"]) / frame["width"] * 100, 1)


def difference(page: Any, part: int) -> float:
    """How far the picture on the screen is from a panel of the sample, 0..255."""
    from PIL import Image, ImageChops, ImageStat

    frame = page.locator(".slider .crop").first.bounding_box()
    seen = Image.open(io.BytesIO(page.screenshot(clip=frame))).convert("RGB")
    picture = Image.open(REPOSITORY.picture("layer-2", "uvdoc")).convert("RGB")
    box = crops.SHEETS[1].panels[part]
    panel = picture.crop((box.left, box.top, box.left + box.width, box.top + box.height)).resize(seen.size)
    middle = (int(seen.width * 0.15), int(seen.height * 0.05), int(seen.width * 0.85), int(seen.height * 0.4))
    return sum(ImageStat.Stat(ImageChops.difference(seen.crop(middle), panel.crop(middle))).mean) / 3


def test_the_slider_by_keys(visit: Visit, real: Path) -> None:
    page = visit(real, "model=uvdoc")
    shot(page, "real-wide-model", full=True)
    slider = page.get_by_role("slider", name="La línea entre antes y después de uvdoc")
    slider.focus()
    assert cut(page) == pytest.approx(50, abs=0.5)
    page.keyboard.press("ArrowRight")
    assert cut(page) == pytest.approx(51, abs=0.5)
    assert slider.get_attribute("aria-valuetext") == "51 % antes, 49 % después"
    page.keyboard.press("End")
    assert cut(page) == 100
    before = difference(page, 0), difference(page, 1)
    page.keyboard.press("Home")
    assert cut(page) == 0
    after = difference(page, 0), difference(page, 1)
    assert before[0] < 8 < before[1]
    assert after[1] < 8 < after[0]


def test_the_slider_by_mouse_and_by_touch(visit: Visit, real: Path) -> None:
    page = visit(real, "model=uvdoc")
    box = page.locator(".slider").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, middle, steps=4)
    page.mouse.up()
    assert cut(page) == pytest.approx(25, abs=1.5)
    phone = visit(real, "model=uvdoc", viewport=NARROW, has_touch=True, is_mobile=True)
    phone.locator(".slider").scroll_into_view_if_needed()
    shot(phone, "real-narrow-model")
    box = phone.locator(".slider").bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] * 0.8, box["y"] + 60)
    assert cut(phone) == pytest.approx(80, abs=1.5)
    finger = phone.context.new_cdp_session(phone)
    for event, at in (("Start", 0.8), ("Move", 0.6), ("Move", 0.4), ("Move", 0.3), ("End", None)):
        points = [] if at is None else [{"x": box["x"] + box["width"] * at, "y": box["y"] + 60}]
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{event}", "touchPoints": points})
    assert cut(phone) == pytest.approx(30, abs=2)


def test_the_card_is_there_whole(visit: Visit, real: Path) -> None:
    page = visit(real, "model=uvdoc")
    card = page.locator(".card")
    headings = [title for title in re.findall(r"^## (.+)$", CARD, re.MULTILINE) if title != "Antes y después"]
    assert card.get_by_role("heading", level=3).all_inner_texts() == headings
    blocks = [block.strip() for block in re.findall(r"```\w*\n(.*?)```", CARD, re.DOTALL)]
    assert [text.strip() for text in card.locator("pre").all_text_contents()] == blocks
    (row,) = re.findall(r"^\| (PSNR .*) \|$", CARD, re.MULTILINE)
    told = card.get_by_role("row", name=re.compile("PSNR")).first.inner_text()
    assert told.split() == row.replace("|", " ").replace("*", "").split()
    assert card.get_by_role("link", name="arXiv:2302.02887").get_attribute("href").startswith("https://arxiv")
    leads = card.locator("a[href^=https]").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert leads == re.findall(r"(?<=<)https://[^>]+(?=>)", re.sub(r"```.*?```", "", CARD, flags=re.DOTALL))


def test_what_is_needed_each_day_stands_beside_it(visit: Visit, real: Path, few: Path) -> None:
    page = visit(real, "model=uvdoc")
    rail = page.locator(".rail")
    text = rail.inner_text()
    assert "dvc pull layers/layer-2/uvdoc/best_model.pkl" in text
    assert 'model = restoration_models.load("uvdoc")' in text
    assert 'manifest="s3://models/catalogue.json")' in text
    (before, after, change) = re.findall(r"\(px\) ↓ \| (\S+) \| (\S+) \| \*\*(\S+)\*\*", CARD)[0]
    assert f"{before} → {after} ({change})" in text
    assert "pretrained_models/layer_2/uvdoc/best_model.pkl" in text
    assert "pypi:py-reform==0.1.3/py_reform/models/weights/best_model.pkl" in text
    assert rail.locator(".sources a").count() == 2
    declared = visit(few, "model=model-003")
    assert "dvc repro layers/layer-1/dvc.yaml:validate@model-003" in declared.inner_text(".rail")
    assert "Este modelo nunca se ha ejecutado aquí." in declared.inner_text(".head")
    assert declared.locator(".slider").count() == 0


def test_copying_over_http_and_from_a_file(visit: Visit, real: Path, chromium: Any) -> None:
    with served(real.parent) as address:
        for home in (f"{address}/index.html", real):
            page = visit(home, "model=uvdoc", permissions=["clipboard-read", "clipboard-write"])
            page.get_by_role("button", name="Copiar: sha256").first.click()
            page.wait_for_function("() => document.getElementById('said').textContent === 'Copiado'")
            assert page.evaluate("navigator.clipboard.readText()") == SHA256
            page.get_by_role("button", name="Copiar: Cargarlo").click()
            page.wait_for_function("() => document.querySelectorAll('.copy.done').length === 2")
            assert page.evaluate("navigator.clipboard.readText()").endswith('load("uvdoc")')
    # One that fails says so where it was asked for.
    refuse = "navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false"
    page.evaluate(f"() => {{ {refuse}; }}")
    page.get_by_role("button", name="Copiar: md5").first.click()
    page.wait_for_selector(".copy.failed")
    assert page.inner_text(".copy.failed") == "No copiado"


def test_a_picture_that_is_lost_leaves_a_drawing(chromium: Any, few: Path, tmp_path: Path) -> None:
    alone = tmp_path / few.name
    alone.write_bytes(few.read_bytes())
    seen = Seen(chromium)
    page = seen.open(f"{alone.as_uri()}#q=model-000")
    for view in ("q=model-000", "model=model-000", "compare=model-000,model-005"):
        turn(page, view)
        page.locator("p:visible", has_text="La imagen falta o está dañada").first.wait_for()
        page.wait_for_function("() => ![...document.images].some((one) => one.checkVisibility())")
        assert page.locator(".slider:visible, .pair:visible").count() == 0
        shot(page, f"few-wide-lost-{view.partition('=')[0]}")
    seen.close()


def test_lineage_leads_both_ways(visit: Visit, few: Path) -> None:
    page = visit(few, "model=model-007")
    page.locator("section", has=page.get_by_role("heading", name="Linaje")).get_by_role("link").click()
    titled(page, "model-006")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.locator("section", has=page.get_by_role("heading", name="Linaje")).get_by_role("link").click()
    titled(page, "model-007")
    assert page.url.endswith("#model=model-007")


def test_a_withdrawn_model_says_why_and_gives_no_call(visit: Visit, few: Path) -> None:
    page = visit(few, "model=model-013&lang=en")
    assert "Withdrawn: not to be used. It wipes out stamps." in page.inner_text(".head")
    assert "withdrawn" in page.inner_text(".head .badges")
    assert page.get_by_role("heading", name="Load it", exact=True).count() == 0
    assert "ublished" not in page.inner_text(".rail")
    for slug, label in (("model-000", "Published name"), ("model-003", "Published name, once validated")):
        turn(page, f"model={slug}&lang=en")
        assert page.locator(".rail dt", has_text="Published name").inner_text() == label


def test_an_unknown_model_is_told(visit: Visit, real: Path) -> None:
    page = visit(real, "model=<img src=x onerror=alert(1)>")
    assert page.get_by_role("heading", level=1).inner_text() == (
        "No hay ningún modelo «<img src=x onerror=alert(1)>» en este catálogo."
    )
    page.get_by_role("link", name="Todos los modelos").click()
    assert page.locator(".tile:visible").count() > 12
