"""The page lets nothing in: its policy holds, and catalogue text stays text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restoration_models import catalogue, site
from restoration_models.catalogue import Catalogue
from restoration_models.project import Project
from support.browser import Visit as Seen
from support.browser import served, turn
from support.layers import checkout, entry, validated, write_lock

Visit = Callable[..., Any]
ATTACKS = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "[x](javascript:alert(1)) ![y](https://evil.example/y.png) <https://evil.example/z>",
    "{{ 7*7 }} ${7*7} <!-- --> ]]> &lt;b&gt;",
    "\u202egnp.exe \u2066\u200f\u0007 \ue000\ue001",
    "`</code><iframe src=//evil.example>` | a | b |",
    "__proto__ constructor",
)


def attacked(project: Project) -> Catalogue:
    """The catalogue with attacks wherever a text may stand; past the loader, which refuses some."""
    words = " ".join(ATTACKS)
    loaded = catalogue.load(project)
    (layer,) = (one for one in loaded.layers if one.models)
    family = loaded.family(layer.models[0])
    assert family.licence is not None
    assert family.input is not None
    metric = {"dataset": words, "metric": "PSNR", "value": 1.0, "source": "paper", "note": words}
    models = tuple(
        model.model_copy(
            update={
                "title": words, "description": words, "training_data": words, "notes": (words,),
                "evidence": (words,), "withdrawn": words if model.slug == "b" else None,
                "sources": ("javascript:alert(1)", f"https://evil.example/{words}", words), "pages": (),
                "metrics": (catalogue.Metric(**metric),), "evaluated_as": words,
            }
        )
        for model in layer.models
    )  # fmt: skip
    hostile = family.model_copy(
        update={
            "title": words,
            "paper": family.paper.model_copy(update={"title": words, "venue": words}),
            "licence": family.licence.model_copy(update={"note": words}),
            "input": family.input.model_copy(update={"layout": words, "notes": (words,)}),
            "cautions": (words,),
            "upstream": "https://evil.example/<script>",
        }
    )
    layers = tuple(
        replace(one, title=words, purpose=words, models=models if one.models else ()) for one in loaded.layers
    )
    return replace(loaded, layers=layers, families={"nafnet": hostile})


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hostile")
    models = {"a": entry("a"), "b": entry("b")}
    project = checkout(root / "project", models, language="en")
    write_lock(project, validated(project, "a", models["a"]))
    site.write(site.make(project, attacked(project)), root / "page")
    return root / "page" / site.PAGE


# The page's own: its data and program, its style. The attacks' pictures, frames and handlers: none.
ELEMENTS = {"script": 2, "style": 1, "img, iframe, b": 0, "[onerror], [onload]": 0, "base, object": 0}


def test_hostile_text_is_text(visit: Visit, hostile: Path) -> None:
    page = visit(hostile)
    for view in ("", "model=a", "model=b", "compare=a,b", "model=a&lang=es"):
        turn(page, view)
        for selector, own in ELEMENTS.items():
            assert page.locator(selector).count() == own, (view, selector)
        for target in page.eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href'))"):
            assert target.startswith(("#", "https://")), target
        text = page.inner_text("main")
        assert "<img src=x onerror=alert(1)>" in text
        assert not {"\u202e", "\u2066", "\ue000"} & set(text)
        assert "{{ 7*7 }}" in text


def test_the_policy_lets_nothing_else_run(chromium: Any, real: Path) -> None:
    seen = Seen(chromium)
    page = seen.open(real.as_uri())
    refused = page.evaluate("""async () => {
        const refused = [];
        addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        const attempt = (act) => { try { act(); } catch { /* told by the event as well */ } };
        attempt(() => { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); });
        attempt(() => {
            const script = document.createElement("script");
            script.append("window.ran = 1");
            document.body.append(script);
        });
        const style = document.createElement("style");
        style.append("body { display: none }");
        const picture = document.createElement("img");
        picture.src = "https://evil.example/x.png";
        document.body.append(style, picture);
        await fetch("https://evil.example/").catch(() => {});
        await new Promise((done) => setTimeout(done, 0));
        return [...new Set(refused), String(window.ran), getComputedStyle(document.body).display];
    }""")
    seen.close()
    told = {"style-src-elem", "img-src", "connect-src", "require-trusted-types-for"}
    assert told <= set(refused)
    assert refused[-2:] == ["undefined", "block"]


def test_the_same_over_http_and_from_a_file(visit: Visit, real: Path) -> None:
    with served(real.parent) as address:
        pages = [visit(one, "model=uvdoc") for one in (f"{address}/index.html", f"{address}/", real)]
        texts = [page.inner_text("main") for page in pages]
        assert texts[0] == texts[1] == texts[2]
        for page in pages:
            page.wait_for_function("() => [...document.images].some((one) => one.naturalWidth === 780)")


def test_the_policy_names_what_is_there(real: Path) -> None:
    text = real.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "'self'"
    for name in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/=]{44}'", rules[name])
    assert "unsafe" not in policy[1] and "http" not in policy[1]
