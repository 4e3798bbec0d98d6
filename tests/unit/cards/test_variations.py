"""What a card says of models of every kind and state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from restoration_models import cards, catalogue
from restoration_models.report import Measured
from support.layers import FAMILY, checkout, digest, entry, lock_stages, md5, validated, write_lock

ALONE = entry("a")
NOT_RUN = "never run here"


def render(root: Path, model: dict[str, Any], *, stage: str = "", **options: Any) -> str:
    """The card of a model that is declared, or also ``locked``, or also ``validated``."""
    facts = options.pop("report", {})
    project = checkout(root, {"a": model}, **options)
    if stage == "locked":
        write_lock(project, lock_stages("a", model))
    elif stage == "validated":
        write_lock(project, validated(project, "a", model, **facts))
    loaded = catalogue.load(project)
    text = cards.render_model(project, loaded, loaded.model("a"))
    assert str(ModelCard(text)) == text
    return text


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_a_declared_model_says_that_it_was_never_run(tmp_path: Path) -> None:
    text = render(tmp_path, ALONE)
    assert "> [!WARNING]\n> **This model was never run here.**" in text
    assert "| State | declared, never run here |" in text
    assert "sample.png" not in text
    assert "dvc pull" not in text
    assert "dvc repro layers/second/dvc.yaml:validate@a" in text
    assert "It was not validated." in section(text, "How it was validated")
    assert "| md5 |" not in text


def test_a_locked_model_can_be_pulled_and_has_no_picture(tmp_path: Path) -> None:
    text = render(tmp_path, ALONE, stage="locked")
    assert "**This model was not validated.**" in text
    assert NOT_RUN not in text
    assert "dvc pull layers/second/a/a.pth" in text
    assert f"| md5 | `{md5('a')}` |" in text
    assert "sample.png" not in text


def test_a_validated_model_shows_picture_figures_and_proof(tmp_path: Path) -> None:
    text = render(tmp_path, ALONE, stage="validated")
    assert "[!WARNING]" not in text
    assert "| State | validated, protocol 1 |" in text
    assert "(sample.png)" in section(text, "Before and after")
    assert "| PSNR (dB) ↑ | 20.00 | 23.50 | **+3.50** |" in text
    assert "| SSIM ↑ | 0.500 | 0.750 | **+0.250** |" in text
    assert "| Measured here | +3.50 dB PSNR |" in text
    proof = section(text, "How it was validated")
    assert "[`a.json`](../reports/a.json)" in proof
    assert "torch-zip, 12 members, nothing beyond what is allowed" in proof
    assert "`collections.OrderedDict`" in proof
    assert digest("weights") in proof
    assert "- Published as: `pretrained_models/second/nafnet/a.pth`" in text


def test_an_older_validation_is_not_shown(tmp_path: Path) -> None:
    render(tmp_path, ALONE, stage="validated")
    project = checkout(tmp_path, {"a": ALONE}, protocol=2)
    loaded = catalogue.load(project)
    text = cards.render_model(project, loaded, loaded.model("a"))
    assert "**This model is not validated by the present protocol (2).**" in text
    assert "sample.png" not in text
    assert "23.50" not in text


def test_an_unwarping_is_measured_by_its_points(tmp_path: Path) -> None:
    model = entry("a", task="document-unwarping")
    measured = Measured(
        psnr_before=7.0, psnr_after=6.9, gain_db=-0.1, ssim_before=0.2, ssim_after=0.2,
        grid_error_before=56.7, grid_error_after=4.5,
    )  # fmt: skip
    text = render(tmp_path, model, stage="validated", report={"measured": measured})
    assert "| Measured here | page points: 56.7 to 4.5 px off |" in text
    assert "(px) ↓ | 56.70 | 4.50 | **\N{MINUS SIGN}52.20** |" in text
    assert "| SSIM ↑ | 0.200 | 0.200 | **0.000** |" in text


def test_a_withdrawn_model_says_why_before_anything_else(tmp_path: Path) -> None:
    text = render(tmp_path, entry("a", withdrawn="It blurs stamps."), stage="validated")
    body = text.split("\n# a\n", 1)[1].lstrip()
    assert body.startswith("> [!CAUTION]\n> **Withdrawn: not to be used.** It blurs stamps.")
    assert "| State | **withdrawn**, validated, protocol 1 |" in text
    assert "withdrawn" in ModelCard(text).data.tags
    for title in ("Pull it and load it", "Fine-tuning"):
        assert "```python" not in section(text, title)
    assert "Published as" not in text


def test_weights_without_a_public_source_say_where_they_are(tmp_path: Path) -> None:
    model = entry("a", sources=None, origin="local")
    text = render(tmp_path, model)
    assert "only the team's store has them" in section(text, "Provenance and digests")
    assert "dvc repro" not in text
    assert "whose upstream" not in text
    assert "That is how upstream saves them" not in text


def test_a_fine_tuned_model_links_to_its_base(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": entry("a", base="b"), "b": entry("b")})
    loaded = catalogue.load(project)
    text = cards.render_model(project, loaded, loaded.model("a"))
    assert ModelCard(text).data.base_model == "b"
    assert "- **Fine-tuned from:** [`b`](../../second/b/README.md)" in text


def test_an_unregistered_network_is_not_loaded_by_this_project(tmp_path: Path) -> None:
    model = entry("a", expects={"architecture": "unregistered", "wrapper-key": "state"})
    facts = {"measured": None, "not_measured": "no network was built"}
    text = render(tmp_path, model, stage="validated", report=facts)
    assert "restoration_models.architectures" not in text
    assert "There is no before and after: the architecture is not in the registry" in text
    assert "sample.png" not in text
    assert "| Architecture and strict load | `unregistered`, **not proved** |" in text
    assert "| Forward pass | **not proved** |" in text
    assert "Measured here" not in text


def test_a_dual_pixel_model_says_why_nothing_was_measured(tmp_path: Path) -> None:
    model = entry(
        "a",
        task="defocus-deblurring-dual-pixel",
        expects={"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 6},
    )
    facts = {"measured": None, "not_measured": "needs two views", "input_channels": 6, "output_channels": 3}
    text = render(tmp_path, model, stage="validated", report=facts)
    assert "None: the task needs two dual-pixel views, which the test page cannot imitate." in text
    assert "- **Channels:** 6 in, 3 out" in text
    assert "torch.rand(1, 6, 256, 256)" in text


@pytest.mark.parametrize(
    ("commercial", "words"),
    [
        ("yes", "\n**Commercial use: yes**"),
        ("no", "> [!IMPORTANT]\n> **Commercial use: NO.**"),
        ("unclear", "> [!IMPORTANT]\n> **Commercial use: unclear.**"),
    ],
)
def test_commercial_use_is_said_prominently(tmp_path: Path, commercial: str, words: str) -> None:
    model = entry("a", licence={"spdx": "MIT", "commercial-use": commercial})
    text = render(tmp_path, model)
    assert words in section(text, "Licence")
    assert "| Commercial use | **" in text


def test_a_licence_of_the_models_own_is_compared_with_its_familys(tmp_path: Path) -> None:
    licence = {"spdx": "CC-BY-NC-4.0", "commercial-use": "no", "note": "Ask *first*."}
    text = render(tmp_path, entry("a", licence=licence))
    assert ModelCard(text).data.license == "cc-by-nc-4.0"
    assert "its family's is `MIT`" in text
    assert r"Ask \*first\*." in text


@pytest.mark.parametrize(
    ("spdx", "expected"),
    [
        ("MIT", {"license": "mit"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("AGPL-3.0-only", {"license": "agpl-3.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        ("NOASSERTION", {"license": "other", "license_name": "noassertion", "license_link": "https://a.b/c"}),
        (
            "LicenseRef-Own+x",
            {"license": "other", "license_name": "licenseref-own-x", "license_link": "https://a.b/c"},
        ),
        ("NONE", {"license": "other", "license_name": "none", "license_link": "https://a.b/c"}),
    ],
)
def test_the_licence_is_one_that_the_hub_knows(tmp_path: Path, spdx: str, expected: dict[str, str]) -> None:
    licence = {"spdx": spdx, "commercial-use": "unclear", "source": "https://a.b/c"}
    data = ModelCard(render(tmp_path, entry("a", licence=licence))).data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == expected


def test_a_licence_without_a_text_leads_to_upstream(tmp_path: Path) -> None:
    text = render(tmp_path, entry("a", licence={"spdx": "NOASSERTION", "commercial-use": "unclear"}))
    assert ModelCard(text).data.license_link == FAMILY["upstream"]
    assert "no licence stated (`NOASSERTION`)" in text


def test_the_best_source_of_a_data_set_is_the_structured_one_and_all_are_shown(tmp_path: Path) -> None:
    def metric(**fields: Any) -> dict[str, Any]:
        return {"dataset": "GoPro test", "metric": "PSNR", "unit": "dB", **fields}

    metrics = [
        metric(value=33.69, source="paper"),
        metric(value=33.7103, source="author-readme", channel="RGB"),
        metric(value=30, source="third-party", **{"quoted-from": "A survey"}),
        metric(value=34.5, source="mmagic-reeval", dataset="Kodak24", sigma=25, split="all"),
        metric(value=12.5, source="third-party", dataset="Own"),
    ]
    text = render(tmp_path, entry("a", metrics=metrics))
    results = ModelCard(text).data.eval_results
    found = [
        (r.dataset_name, r.dataset_type, r.dataset_config, r.dataset_split, r.metric_value) for r in results
    ]
    assert found == [
        ("GoPro test", "gopro-test", None, None, 33.7103),
        ("Kodak24", "kodak24", "sigma-25", "all", 34.5),
    ]
    assert results[0].source_url == FAMILY["upstream"]
    assert (
        "| Data set | Split | Channel | Noise \N{GREEK SMALL LETTER SIGMA} | PSNR (dB) ↑ | Source |" in text
    )
    assert "| GoPro test |  |  |  | 30 | third party, quoted from A survey |" in text
    assert "| Own |  |  |  | 12.5 | third party |" in text
    assert "| Reported figure | PSNR 33.7103 dB, GoPro test RGB |" in text


def test_figures_of_a_third_party_alone_make_no_structured_results(tmp_path: Path) -> None:
    metrics = [{"dataset": "Own", "metric": "CER", "value": 0.179, "source": "third-party"}]
    text = render(tmp_path, entry("a", metrics=metrics))
    assert ModelCard(text).data.eval_results is None
    assert "| Own | 0.179 | third party |" in text
    assert "| CER ↓ |" in text.replace("| Data set ", "")


def test_a_model_without_figures_says_so(tmp_path: Path) -> None:
    assert "The catalogue holds none." in render(tmp_path, ALONE)


def test_both_languages_take_their_own_words(tmp_path: Path) -> None:
    model = entry("a", description={"es": "Quita el ruido.", "en": "Removes noise."})
    english = render(tmp_path / "en", model, language="en")
    spanish = render(tmp_path / "es", model, language="es")
    assert "Removes noise." in english
    assert "Removes noise." not in spanish
    assert "Quita el ruido." in spanish
    assert "\n## Licencia\n" in spanish


def layer_card(root: Path, models: dict[str, dict[str, Any]], language: str = "en") -> str:
    project = checkout(root, models, language=language)
    stages: dict[str, Any] = {}
    for slug, model in models.items():
        if slug.startswith("v"):
            stages |= validated(project, slug, model)
        elif slug.startswith("l"):
            stages |= lock_stages(slug, model)
    write_lock(project, stages)
    text = cards.render_layer(project, catalogue.load(project), "second")
    assert str(ModelCard(text)) == text
    return text


def test_a_layer_counts_its_models_by_state(tmp_path: Path) -> None:
    names = ["v1", "v2", "l1", "d1"]
    models = {name: entry(name) for name in names} | {"w1": entry("w1", withdrawn="Old.")}
    text = layer_card(tmp_path, models)
    counted = "2 validated, 1 downloaded and not validated, 1 never run here, 1 withdrawn"
    assert f"5 models, 6.2 MB in all: {counted}." in text
    assert "All that dvc.lock names, 3.7 MB (at the repository's root):" in text
    assert "dvc pull --allow-missing layers/second/dvc.yaml" in text
    assert text.count('<img src="v') == text.count("sample.png") == 2
    assert (
        "| [`w1`](w1/README.md) | real noise removal | 1.2&nbsp;MB | "
        "**yes** (`MIT`) | **withdrawn** | — | — |" in text
    )


def test_a_layer_of_one_model_is_counted_in_the_singular(tmp_path: Path) -> None:
    text = layer_card(tmp_path, {"v": entry("v")}, language="es")
    assert "1 modelo, 1.2 MB en total: 1 validado." in text


def test_an_empty_layer_has_a_card(tmp_path: Path) -> None:
    project = checkout(tmp_path, {"a": ALONE})
    text = cards.render_layer(project, catalogue.load(project), "first")
    assert "This layer has no models yet." in text
    assert "**The first layer** → [The second layer](../second/README.md)" in text
    assert "dvc pull" not in text
