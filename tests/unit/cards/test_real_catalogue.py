"""Cards of the project's own catalogue, in both languages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from restoration_models import cards, catalogue
from restoration_models.cards.hub import LICENCES
from restoration_models.cards.render import render_all, sealed
from support.layers import REPOSITORY

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
CATALOGUE = catalogue.load(REPOSITORY)
MODELS = [model.slug for model in CATALOGUE.models]
LAYERS = [layer.slug for layer in CATALOGUE.layers]
LANGUAGES = ["es", "en"]


def all_cards(language: str) -> Iterator[tuple[Path, str]]:
    loaded = replace(CATALOGUE, language=language)
    for layer in LAYERS:
        yield from render_all(REPOSITORY, loaded, layer).items()


def all_but_facts(folder: str, names: list[str]) -> list[str]:
    """What a card does not rest on: weights, pictures, other cards."""
    kept = (".yaml", ".lock", ".json")
    return [name for name in names if Path(folder, name).is_file() and not name.endswith(kept)]


def model_card(slug: str, language: str) -> str:
    return cards.render_model(REPOSITORY, replace(CATALOGUE, language=language), CATALOGUE.model(slug))


def outline(text: str) -> list[tuple[str, str]]:
    """Tags of headings, code blocks and their order; what translations must share."""
    return [
        (token.type, token.tag + token.info)
        for token in PARSER.parse(ModelCard(text).text)
        if token.type in ("heading_open", "fence", "table_open")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_card_is_read_and_written_back_unchanged_by_the_hubs_library(language: str) -> None:
    for path, text in all_cards(language):
        assert str(ModelCard(text)) == text, path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("slug", MODELS)
def test_a_models_metadata_says_what_the_catalogue_says(slug: str, language: str) -> None:
    model = CATALOGUE.model(slug)
    data = ModelCard(model_card(slug, language)).data
    assert data.license in LICENCES or (data.license == "other" and data.license_name and data.license_link)
    assert (data.pipeline_tag, data.library_name) == ("image-to-image", "pytorch")
    assert {model.task.value, model.family, model.layer} <= set(data.tags)
    stated = {(metric.dataset, metric.metric.lower(), metric.value) for metric in model.metrics}
    results = data.eval_results or []
    assert {(result.dataset_name, result.metric_type, result.metric_value) for result in results} <= stated
    assert bool(results) == any(metric.source != "third-party" for metric in model.metrics)
    assert all(result.source_url.startswith("https://") for result in results)


def test_every_reported_figure_stands_in_the_body() -> None:
    for model in CATALOGUE.models:
        body = ModelCard(model_card(model.slug, "en")).text
        for metric in model.metrics:
            assert f" {metric.value:g} " in body or f" {metric.value} " in body, (model.slug, metric)


@pytest.mark.parametrize("name", [*MODELS, *LAYERS])
def test_both_languages_have_the_same_sections_code_and_tables(name: str) -> None:
    spanish, english = (
        cards.render_layer(REPOSITORY, replace(CATALOGUE, language=language), name)
        if name in LAYERS
        else model_card(name, language)
        for language in LANGUAGES
    )
    assert outline(spanish) == outline(english)
    assert spanish != english


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_card_is_headed_as_generated(language: str) -> None:
    for path, text in all_cards(language):
        head = text.split("\n---\n", 1)[1].splitlines()[0]
        assert f"`models readme {path.relative_to(REPOSITORY.root).parts[1]}`" in head
        assert sealed(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_card_shows_digest_sources_licence_and_limits(language: str) -> None:
    for model in CATALOGUE.models:
        text = model_card(model.slug, language)
        for fact in (model.sha256, str(model.size), *model.pages, *model.sources):
            assert fact in text
        if model.expects.wrapper_key:
            assert f'weights_only=True)["{model.expects.wrapper_key}"]' in text
        for pattern in CATALOGUE.family(model).head:
            assert f"`{pattern}`" in text


def test_the_layer_card_leads_to_every_model() -> None:
    for layer in CATALOGUE.layers:
        text = cards.render_layer(REPOSITORY, CATALOGUE, layer.slug)
        for model in layer.models:
            assert f"]({model.slug}/README.md)" in text


def test_all_cards_are_rendered_in_well_under_a_second() -> None:
    list(all_cards("es"))
    start = time.perf_counter()
    list(all_cards("es"))
    assert time.perf_counter() - start < 1


def test_nothing_of_the_machine_is_in_a_card(tmp_path: Path) -> None:
    root = tmp_path / "elsewhere"
    for name in ("params.yaml", "layers"):
        source, target = REPOSITORY.root / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=all_but_facts)
        else:
            root.mkdir()
            shutil.copy(source, target)
    program = (
        "import sys; from pathlib import Path; from restoration_models import cards, catalogue;"
        "from restoration_models.project import Project;"
        "project = Project(Path(sys.argv[1])); loaded = catalogue.load(project);"
        "[cards.write_layer(project, loaded, layer.slug) for layer in loaded.layers];"
        "heavy = {'torch', 'numpy', 'spandrel', 'dvc', 'minio', 'requests'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {"PYTHONPATH": path, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    ran = subprocess.run(
        [sys.executable, "-c", program, str(root)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    for path_, text in all_cards(CATALOGUE.language):
        assert (root / path_.relative_to(REPOSITORY.root)).read_text(encoding="utf-8") == text


def test_the_front_matter_is_plain_yaml() -> None:
    for _, text in all_cards("es"):
        assert isinstance(yaml.safe_load(text.split("---\n")[1]), dict)
