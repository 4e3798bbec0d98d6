"""Comparing models of one task in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.browser import NARROW, shot, turn

Visit = Callable[..., Any]


def test_choosing_and_comparing(visit: Visit, real: Path) -> None:
    page = visit(real)
    page.get_by_label("Comparar nafnet-gopro-width32").check()
    assert "Elige otro de la misma tarea" in page.inner_text(".tray")
    assert page.get_by_label("Comparar uvdoc").is_disabled()
    assert page.get_by_label("Comparar restormer-motion-deblurring").is_enabled()
    page.get_by_label("Comparar nafnet-gopro-width64").check()
    page.wait_for_function("() => location.hash.includes('width64')")
    shot(page, "real-wide-tray")
    again = visit(page.url.partition("#")[0], page.url.partition("#")[2])
    assert again.get_by_role("link", name="Comparar los 2").is_visible()
    again.get_by_role("button", name="Quitar nafnet-gopro-width32").click()
    assert again.get_by_label("Comparar nafnet-gopro-width32").is_checked() is False

    page.get_by_label("Comparar restormer-motion-deblurring").check()
    page.get_by_role("link", name="Comparar los 3").click()
    assert page.get_by_role("heading", level=1).inner_text() == (
        "Comparación: corrección del desenfoque de movimiento"
    )
    names = page.get_by_role("columnheader").get_by_role("link").all_inner_texts()
    assert names == ["nafnet-gopro-width32", "nafnet-gopro-width64", "restormer-motion-deblurring"]
    texts = "\f".join(page.locator(".row").all_inner_texts()).replace("\N{NO-BREAK SPACE}", " ").split("\f")
    rows = {name: cells for name, *cells in (text.split("\n") for text in texts)}
    assert rows["Tamaño"] == ["68.7 MB", "271.8 MB", "104.7 MB"]
    assert rows["Licencia"] == ["MIT", "MIT", "MIT"]
    figures = [f"{value} dB README de los autores" for value in ("32.8705", "33.7103")]
    assert rows["PSNR, GoPro test"][:2] == figures
    shot(page, "real-wide-compare", full=True)
    page.go_back()
    assert page.get_by_label("Comparar nafnet-gopro-width64").is_checked()


def test_no_more_than_three(visit: Visit, few: Path) -> None:
    page = visit(few, "pick=model-000,model-005,model-010,model-015")
    assert page.locator(".tray li").count() == 3
    assert page.get_by_label("Comparar model-015").is_disabled()


def test_sliders_move_together(visit: Visit, few: Path) -> None:
    page = visit(few, "compare=model-000,model-005,model-020")
    sliders = page.get_by_role("slider")
    assert sliders.count() == 3
    sliders.first.focus()
    page.keyboard.press("Home")
    assert [one.input_value() for one in sliders.all()] == ["0", "0", "0"]
    assert "20.00 → 21.00 (+1.00)" in page.locator(".row", has_text="PSNR (dB)").inner_text()
    shot(page, "few-wide-compare")
    phone = visit(few, "compare=model-000,model-005", viewport=NARROW, is_mobile=True, has_touch=True)
    shot(phone, "few-narrow-compare")
    assert phone.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_what_cannot_be_compared_is_told(visit: Visit, real: Path) -> None:
    page = visit(real)
    for address in ("compare=uvdoc", "compare=uvdoc,restormer-deraining", "compare=,"):
        turn(page, address)
        assert "Se comparan dos o tres modelos de una misma tarea" in page.inner_text("main"), address
        assert page.get_by_role("table").count() == 0
