"""The document: its weight, its policy, the same bytes each time, and what it is made of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from restoration_models import catalogue, lock, site
from restoration_models.cli import edge
from restoration_models.cli.app import app
from restoration_models.site import pages
from support import catalogue as made
from support.gallery import data_of
from support.layers import REPOSITORY, checkout, entry, lock_stages, md5, validated, write_lock

LOADED = catalogue.load(REPOSITORY)
WEIGHT = 300_000


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return site.make(REPOSITORY, LOADED)


@pytest.fixture(scope="module")
def document(files: dict[str, bytes]) -> str:
    return files[site.PAGE].decode("utf-8")


def test_it_weighs_less_than_300_kilobytes_without_pictures(files: dict[str, bytes]) -> None:
    own = sum(len(content) for name, content in files.items() if not name.startswith("pictures/"))
    assert own < WEIGHT, own


def test_so_does_one_of_200_models_whose_texts_all_differ(tmp_path: Path) -> None:
    project = made.large(tmp_path, LOADED, layers=4, models=50, change=made.unlike)
    assert len(site.make(project, catalogue.load(project))[site.PAGE]) < WEIGHT


def test_the_same_catalogue_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    assert site.make(REPOSITORY, LOADED) == files
    code = (
        "import hashlib; from restoration_models import catalogue, site;"
        " from restoration_models.project import Project; p = Project.find();"
        " print(hashlib.sha256(site.make(p, catalogue.load(p))['index.html']).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY.root,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    assert done.stdout.strip() == hashlib.sha256(files[site.PAGE]).hexdigest()


def test_every_model_is_there_with_its_state_and_facts(document: str) -> None:
    data = data_of(document)
    told = {model["slug"]: model for model in data["models"]}
    assert list(told) == [model.slug for model in LOADED.models]
    for model in LOADED.models:
        one = told[model.slug]
        assert one["state"] == lock.state(REPOSITORY, LOADED, model)
        assert (one["sha256"], one["size"], one["task"]) == (model.sha256, model.size, model.task)
        assert [source[1] for source in one.get("sources", [])] == list(model.sources)
        assert set(data["parts"][one["card"]]) == {"es", "en"}
        assert ("picture" in one) == (one["state"] == "validated" and "measured" in one)


def test_pictures_are_the_locked_ones_byte_for_byte(files: dict[str, bytes]) -> None:
    content = REPOSITORY.picture("layer-2", "uvdoc").read_bytes()
    assert files[f"pictures/uvdoc-{hashlib.sha256(content).hexdigest()[:8]}.png"] == content


def test_a_picture_that_is_not_the_locked_one_is_left_out(tmp_path: Path) -> None:
    models = {"a": entry("a"), "b": entry("b"), "c": entry("c")}
    project = checkout(tmp_path, models)
    content = REPOSITORY.picture("layer-2", "uvdoc").read_bytes()
    stages = (
        validated(project, "a", models["a"])
        | validated(project, "b", models["b"])
        | lock_stages("c", models["c"])
    )
    for slug in ("a", "b"):
        place = project.picture("second", slug)
        place.parent.mkdir()
        place.write_bytes(content)
    stages["validate@a"]["outs"][1]["md5"] = md5(content)
    write_lock(project, stages)
    loaded = catalogue.load(project)
    assert [name for name in site.make(project, loaded) if name.endswith(".png")] == [
        f"pictures/a-{hashlib.sha256(content).hexdigest()[:8]}.png"
    ]
    project.picture("second", "a").unlink()
    told = data_of(site.make(project, loaded)[site.PAGE].decode())["models"]
    assert ["picture" in one for one in told] == [False, False, False]
    assert [one["state"] for one in told] == ["validated", "validated", "locked"]


def test_the_policy_has_the_digests_of_what_is_there(document: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', document)
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} &#39;sha256-{digest}&#39;" in policy
    assert document.index("Content-Security-Policy") < document.index("<style>")


def test_nothing_of_the_page_can_end_its_own_element() -> None:
    for name in pages.SCRIPTS:
        text = (pages.SOURCES / f"{name}.js").read_text(encoding="utf-8")
        assert "</" not in text and "<!--" not in text, name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
        )
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "fetch(" not in text
    for name in pages.STYLES:
        text = (pages.SOURCES / f"{name}.css").read_text(encoding="utf-8")
        assert "</" not in text and "url(" not in text and "@import" not in text


def test_data_cannot_end_its_element(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": entry("a", description="</script><b>&amp;")})
    text = site.make(project, catalogue.load(project))[site.PAGE].decode()
    assert text.count("</script>") == 2
    assert data_of(text)["models"][0]["about"].startswith("</script><b>&amp;")


def test_words_are_there_in_both_languages_and_used() -> None:
    words = yaml.safe_load((pages.SOURCES.parent / "words.yaml").read_text(encoding="utf-8"))
    assert all(set(text) == {"es", "en"} and all(text.values()) for text in words.values())
    for name, text in words.items():
        spanish, english = (set(re.findall(r"\{\w+\}", text[language])) for language in ("es", "en"))
        assert spanish == english, name
    sources = "".join(path.read_text(encoding="utf-8") for path in pages.SOURCES.iterdir())
    stems = {name.removesuffix(".one").removesuffix(".other") for name in words}
    asked = set(
        re.findall(
            r"""(?:\bt|count)\("([a-z.]+)"|data-(?:text|label)="([a-z.]+)"|t\["([a-z.]+)"\]""", sources
        )
    )
    asked_for = {name for names in asked for name in names if name}
    assert asked_for <= stems, asked_for - stems
    # A name may be put together: `state.${…}`, or of a quoted beginning.
    starts = (*re.findall(r"`([a-z.]+\.)\$\{", sources), "badge.", "short.")
    unused = {
        stem for stem in stems - asked_for if f'"{stem}"' not in sources and not stem.startswith(starts)
    }
    assert not unused


def test_the_catalogues_language_is_the_pages(document: str) -> None:
    assert '<html lang="es">' in document
    english = site.make(REPOSITORY, replace(LOADED, language="en"))[site.PAGE].decode()
    assert '<html lang="en">' in english and data_of(english)["language"] == "en"


def test_the_command_writes_the_page_and_says_so(
    files: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(REPOSITORY.layer("layer-1"))
    out, count = tmp_path / "page", len(files)
    for written, kept in ((count, 0), (0, count)):
        assert run("site", str(out)) == 0
        assert f"{written} files written, 0 removed, {kept} as they were" in capsys.readouterr().out
    assert run("site", str(out), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["pictures"], said["written"], said["unchanged"]) == (count - 2, [], count)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert run("site", str(tmp_path / "full")) == 2
    assert "not a folder that `models site` may write" in capsys.readouterr().err


def run(*arguments: str) -> int:
    def call() -> None:
        try:
            app(arguments, prog_name="models", standalone_mode=False)
        except SystemExit as left:
            assert not left.code

    return edge.guard(call, with_traceback=False)


def test_it_needs_neither_torch_nor_numpy_nor_pillow() -> None:
    code = (
        "import sys; from restoration_models import catalogue, site;"
        " from restoration_models.project import Project; p = Project.find();"
        " site.make(p, catalogue.load(p));"
        " heavy = {'torch', 'numpy', 'PIL', 'dvc', 'minio', 'requests'} & set(sys.modules);"
        " sys.exit(', '.join(sorted(heavy)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
