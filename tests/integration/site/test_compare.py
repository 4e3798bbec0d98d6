"""Comparing models of one task in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.browser import NARROW, shot, titled, turn

Visit = Callable[..., Any]
# What screen readers are told from now on.
SAID = """() => {
    window.said = [];
    const place = document.getElementById("said");
    const heard = () => place.textContent && said.push(place.textContent);
    new MutationObserver(heard).observe(place, {childList: true});
}"""


def test_choosing_and_comparing(visit: Visit, real: Path) -> None:
    page = visit(real)
    page.evaluate(SAID)
    page.get_by_label("Comparar nafnet-gopro-width32").check()
    assert "Elige otro de la misma tarea" in page.inner_text(".tray")
    # One that does not fit keeps the focus and says why: to the eye, to the ear, and when it is pressed.
    other = page.get_by_label("Comparar nafnet-sidd-width32")
    assert other.get_attribute("aria-disabled") == "true"
    why = page.locator(f"#{other.get_attribute('aria-describedby')}")
    assert why.inner_text() == "Elige otro de la misma tarea: Corrección del desenfoque de movimiento."
    other.focus()
    page.keyboard.press("Space")
    assert not other.is_checked() and why.evaluate("one => one.classList.contains('refused')")
    page.wait_for_function("() => said.length === 2 && said.pop().startsWith('Elige otro')")
    # Where a task has one model, there is nothing to compare it with.
    alone = page.locator(".tile", has=page.locator("a:text-is('uvdoc')"))
    assert alone.get_by_role("checkbox").count() == 0 and "Único en su tarea" in alone.text_content()
    assert page.get_by_label("Comparar restormer-motion-deblurring").is_enabled()
    page.get_by_label("Comparar nafnet-gopro-width64").check()
    page.wait_for_function("() => location.hash.includes('width64')")
    assert page.inner_text("#why").startswith("Cabe otro de la misma tarea")
    shot(page, "real-wide-tray")
    again = visit(page.url.partition("#")[0], page.url.partition("#")[2])
    assert again.get_by_role("link", name="Comparar los 2").is_visible()
    focused = "document.activeElement.getAttribute('aria-label')"
    again.get_by_role("button", name="Quitar nafnet-gopro-width32").click()
    assert again.get_by_label("Comparar nafnet-gopro-width32").is_checked() is False
    assert again.evaluate(focused) == "Quitar nafnet-gopro-width64"
    again.get_by_role("button", name="Quitar nafnet-gopro-width64").click()
    assert again.evaluate(focused) == "Comparar nafnet-gopro-width64"
    assert again.locator(".tray").is_hidden()
    page.get_by_label("Comparar nafnet-gopro-width64").uncheck()
    page.get_by_label("Comparar nafnet-gopro-width64").check()
    page.wait_for_function("() => said.length === 4")
    # Politely, and each choice once.
    assert page.locator("#said").get_attribute("role") == "status"
    one = "1 elegido, de 3 como mucho. Elige otro de la misma tarea: Corrección del desenfoque de movimiento."
    two = "nafnet-gopro-width64: elegido para comparar. 2 elegidos, de 3 como mucho."
    assert page.evaluate("said") == [
        f"nafnet-gopro-width32: elegido para comparar. {one}",
        two,
        f"nafnet-gopro-width64: quitado de la comparación. {one}",
        two,
    ]

    page.get_by_label("Comparar restormer-motion-deblurring").check()
    page.get_by_role("link", name="Comparar los 3").click()
    titled(page, "Comparación: corrección del desenfoque de movimiento")
    names = page.get_by_role("columnheader").get_by_role("link").all_inner_texts()
    assert names == ["nafnet-gopro-width32", "nafnet-gopro-width64", "restormer-motion-deblurring"]
    texts = "\f".join(page.locator(".row").all_inner_texts()).replace("\N{NO-BREAK SPACE}", " ").split("\f")
    rows = {name: cells for name, *cells in (text.split("\n") for text in texts)}
    assert rows["Tamaño"] == ["68.7 MB", "271.8 MB", "104.7 MB"]
    assert rows["Licencia"] == ["MIT", "MIT", "MIT"]
    figures = [f"{value} dB README de los autores" for value in ("32.8705", "33.7103")]
    assert rows["PSNR, GoPro test"][:2] == figures
    shot(page, "real-wide-compare", full=True)
    # From there to a model and back, and back to the list: each time to the link that was followed.
    page.get_by_role("columnheader").get_by_role("link", name="nafnet-gopro-width64").click()
    titled(page, "nafnet-gopro-width64")
    assert page.evaluate("[document.activeElement.tagName, scrollY]") == ["H1", 0]
    page.go_back()
    titled(page, "Comparación: corrección del desenfoque de movimiento")
    assert page.evaluate("document.activeElement.textContent") == "nafnet-gopro-width64"
    page.get_by_role("link", name="Todos los modelos").click()
    titled(page, "Los modelos, capa por capa")
    assert page.get_by_label("Comparar nafnet-gopro-width64").is_checked()
    assert page.evaluate("document.activeElement.textContent") == "Comparar los 3"


def test_no_more_than_three(visit: Visit, few: Path) -> None:
    page = visit(few, "pick=model-000,model-005,model-010,model-015")
    assert page.locator(".tray li").count() == 3
    assert page.get_by_label("Comparar model-015").get_attribute("aria-describedby") == "why"
    assert page.inner_text("#why") == "No caben más de 3."


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


TOLD = {
    "compare=": "No nombra ninguno.",
    "compare=,": "No nombra ninguno.",
    "compare=model-000": "Solo nombra un modelo del catálogo.",
    "compare=model-000,model-000": "Solo nombra un modelo del catálogo.",
    "compare=model-000, model-001": "Los que nombra son de tareas distintas: ",
    f"compare={'x' * 90}": f"En el catálogo no hay ningún modelo «{'x' * 79}…».",
    "compare=nobody": "En el catálogo no hay ningún modelo «nobody».",
    "compare=<b>,__proto__": "En el catálogo no están estos modelos: «<b>», «__proto__».",
    "compare=model-000,model-005,nobody": "En el catálogo no hay ningún modelo «nobody».",
    "compare=model-000,model-001": "Los que nombra son de tareas distintas: ",
    "compare=model-000,model-005,model-010,model-015": "Nombra 4 modelos, y no caben más de 3.",
}


def test_what_cannot_be_compared_is_told_and_what_can_is_offered(visit: Visit, few: Path) -> None:
    page = visit(few)
    for address, told in TOLD.items():
        turn(page, address)
        said = page.inner_text("main")
        assert "Se comparan dos o tres modelos de una misma tarea" in said and told in said, address
        assert page.get_by_role("table").count() == 0
        assert page.evaluate("document.activeElement.textContent") == "Comparación"
        known = [slug.strip() for slug in address[8:].split(",") if "model-" in slug]
        offered = page.locator("#compare ul a").all_inner_texts()
        assert offered == list(dict.fromkeys(known)), address
    page.get_by_role("link", name="Comparar los 3").click()
    page.get_by_role("table").wait_for()
    assert page.get_by_role("columnheader").get_by_role("link").count() == 3
