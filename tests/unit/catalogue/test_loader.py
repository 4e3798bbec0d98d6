"""Looking things up in a loaded catalogue, and the real one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pydantic
import pytest

from restoration_models.catalogue import (
    Catalogue,
    Expects,
    UnknownLayer,
    UnknownModel,
    load,
    say,
)
from restoration_models.catalogue.schema import Entry, Translated
from restoration_models.errors import ProblemsFound
from restoration_models.project import Project
from support import catalogue as small
from support.facts import ROOT


@pytest.fixture(scope="module")
def real() -> Catalogue:
    return load(Project(ROOT))


def test_real_catalogue_is_valid_and_in_pipeline_order(real: Catalogue) -> None:
    assert [layer.slug for layer in real.layers] == ["layer-1", "layer-2"]
    assert [(layer.slug, len(layer.models)) for layer in real.layers] == [("layer-1", 7), ("layer-2", 6)]
    assert [model.layer for model in real.models] == ["layer-1"] * 7 + ["layer-2"] * 6


def test_look_up(real: Catalogue) -> None:
    model = real.model("uvdoc")
    assert (model.slug, model.layer, model.file) == ("uvdoc", "layer-2", "best_model.pkl")
    assert real.layer("layer-2").models[-1] == model
    assert real.family(model).title == "UVDoc"
    assert real.licence(model).spdx == "MIT"
    assert real.published_name(model) == "pretrained_models/layer_2/uvdoc/best_model.pkl"


def test_unknown_names(real: Catalogue) -> None:
    with pytest.raises(UnknownModel) as unknown:
        real.model("uvdok")
    assert str(unknown.value) == "uvdok: no model of that name in the catalogue; did you mean uvdoc?"
    with pytest.raises(UnknownModel, match="`models list` shows them all"):
        real.model("zzz")
    with pytest.raises(UnknownLayer) as layer:
        real.layer("layer-3")
    assert str(layer.value) == "layer-3: no layer of that name; the layers are layer-1, layer-2"


def test_old_names_that_readers_know_are_published_too(real: Catalogue) -> None:
    aliases = {alias: model.slug for model in real.models for alias in model.aliases}
    assert aliases == {
        "pretrained_models/layer_1/restormer/restormer_denoising.pth": "restormer-real-denoising"
    }


def test_load_raises_with_every_problem(tmp_path: Path) -> None:
    project = small.write(tmp_path, small.head(language="fr", validation={}), {"layer-1": small.layer({})})
    with pytest.raises(ProblemsFound) as caught:
        load(project)
    assert str(caught.value) == "2 problems found; mend the catalogue"
    assert [problem.key for problem in caught.value.problems] == ["validation", "language"]


def test_own_licence_comes_first(tmp_path: Path) -> None:
    licence = {"spdx": "GPL-3.0-only", "commercial-use": "yes"}
    layer = small.layer({"a": small.entry(1), "b": small.entry(2, licence=licence)})
    catalogue = load(small.write(tmp_path, small.head(), {"layer-1": layer}))
    assert [catalogue.licence(model).spdx for model in catalogue.models] == ["MIT", "GPL-3.0-only"]


def test_a_catalogue_without_models(tmp_path: Path) -> None:
    assert load(small.write(tmp_path, small.head(), {"layer-1": small.layer({})})).models == ()


def test_what_is_loaded_cannot_be_changed(real: Catalogue) -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        real.model("uvdoc").size = 1  # type: ignore[misc]


def test_only_what_a_file_says_is_set(real: Catalogue) -> None:
    """`exclude_unset` gives back the entry as written, and where it stands."""
    stated = real.model("nafnet-sidd-width32").model_dump(exclude_unset=True)
    assert {"slug", "layer", "sha256", "pages"} <= set(stated)
    assert not {"md5", "tensors", "base", "withdrawn"} & set(stated)


def test_say() -> None:
    words = Translated(es="hola", en="hello")
    assert (say(words, "es"), say(words, "en"), say("both", "es")) == ("hola", "hello", "both")


def test_python_code_may_use_python_names() -> None:
    assert Expects(architecture="NAFNet", wrapper_key="params").wrapper_key == "params"
    assert {field.alias for field in Entry.model_fields.values()} >= {"training-data", "evaluated-as"}


def test_importing_and_loading_needs_no_heavy_package() -> None:
    """`models list` and `models check` are instant, and run where torch is not installed."""
    code = (
        "import sys; from pathlib import Path; from restoration_models.catalogue import load; "
        f"from restoration_models.project import Project; load(Project(Path({str(ROOT)!r}))); "
        "heavy = {'torch', 'numpy', 'dvc', 'minio', 'requests', 'spandrel', 'PIL'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_two_hundred_models_in_twenty_layers(tmp_path: Path, real: Catalogue) -> None:
    project = small.large(tmp_path, real, layers=20, models=10)
    begun = time.process_time()
    assert len(load(project).models) == 200
    # Of the processor alone, since the machine may be busy. Measured: 0.15 s.
    assert time.process_time() - begun < 1.5
