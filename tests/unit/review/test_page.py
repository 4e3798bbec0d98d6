"""What a review shows of a branch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from restoration_models.report import Measured, Scan
from restoration_models.review import MARK, BadAddress, review
from restoration_models.revision import NoForkPoint
from support.layers import digest
from support.reviewed import Reviewed, entry
from support.servers import git


@pytest.fixture
def english(repository: Reviewed) -> Reviewed:
    repository.head = {"language": "en"}
    git(repository.root, "switch", "--quiet", "main")
    repository.settle()
    repository.commit("In English")
    git(repository.root, "branch", "--quiet", "--force", "change", "main")
    git(repository.root, "switch", "--quiet", "change")
    return repository


def page(repository: Reviewed, **options: str) -> str:
    repository.settle()
    repository.commit()
    text = review(repository.project, base="main", **options)
    assert text.startswith(f"{MARK}\n## ")
    return text


def flags(text: str) -> list[str]:
    return [line.removeprefix("> - ") for line in text.splitlines() if line.startswith("> - ")]


def row(text: str, label: str) -> list[str]:
    """The cells after the first row whose label is `label`."""
    [found] = [
        line for line in text.splitlines() if re.match(rf"\| (\*\*)?{re.escape(label)}(\*\*)? \|", line)
    ]
    return [cell.strip() for cell in found.split("|")[2:-1]]


def test_a_branch_that_changes_nothing(english: Reviewed) -> None:
    (english.root / "notes.md").write_text("Hello\n")
    text = page(english)

    assert "This branch changes no model." in text
    assert "A training machine pulls nothing new; all that is locked is 3.7 MB." in text
    assert "✅ `models check` finds no problem. The store was not asked." in text
    assert "`notes.md`" in text
    assert flags(text) == []


def test_an_added_model(english: Reviewed) -> None:
    english.layers["layer-1"]["fresh"] = entry("fresh", base="cleaner", origin="local", sources=None)
    text = page(english)

    assert "A training machine pulls **1.2 MB** (1 file); all that is locked is 4.9 MB." in text
    assert "| `fresh` | 🆕 added | 1.2 MB | `MIT`, **yes** | validated | +3.50 dB PSNR |" in text
    assert row(text, "Fine-tuned from") == ["`cleaner`"]
    assert row(text, "Sources") == ["none public; the store alone has it"]
    assert row(text, "Scan") == ["`torch-zip`, 12 members"]
    assert row(text, "Architecture") == ["`NAFNet`"]
    assert row(text, "Input") == ["3 channels; NCHW float32; multiples of 16"]
    assert flags(text) == []


def swap(repository: Reviewed) -> None:
    """Another checkpoint under `sharpener`'s name, in every respect."""
    repository.layers["layer-2"]["sharpener"] = entry(
        "sharpener",
        sha256=digest("another"),
        size=2_000_000,
        file="wide.pth",
        sources=["https://example.org/sharpener.pth", "https://mirror.example.net/wide.pth"],
        expects={
            "architecture": "NAFNet",
            "wrapper-key": "params",
            "input-channels": 3,
            "min-gain-db": 1.5,
            "allow-globals": ["numpy.core.multiarray.scalar"],
        },
        licence={"spdx": "CC-BY-NC-4.0", "commercial-use": "no"},
        training_data="Our own pages",
    )
    repository.reports["sharpener"] = {
        "measured": Measured(
            psnr_before=20.0, psnr_after=23.1, gain_db=3.1, ssim_before=0.5, ssim_after=0.79
        ),
        "scan": Scan(
            container="torch-zip",
            globals=("collections.OrderedDict", "numpy.core.multiarray.scalar"),
            members=14,
        ),
    }


def test_a_swapped_checkpoint(english: Reviewed) -> None:
    old = english.layers["layer-2"]["sharpener"]["sha256"]
    swap(english)
    text = page(english)
    new = digest("another")

    assert row(text, "sha256") == [f"`{one[:32]}`<br>`{one[32:]}`" for one in (old, new)]
    assert row(text, "Size") == ["1.2 MB (1234567 bytes)", "2.0 MB (2000000 bytes)"]
    assert row(text, "Licence") == ["`MIT`", "`CC-BY-NC-4.0`"]
    assert row(text, "Commercial use") == ["**yes**", "**NO**"]
    assert row(text, "allow-globals") == ["—", "`numpy.core.multiarray.scalar`"]
    assert row(text, "Gain required") == ["—", "1.5"]
    assert row(text, "Architecture") == ["`NAFNet`", "="]
    assert row(text, "Scan") == ["`torch-zip`, 12 members", "`torch-zip`, 14 members"]
    assert row(text, "PSNR of the output (dB) ↑") == ["23.50", "23.10 (−0.40 ⚠️)"]  # noqa: RUF001 - a minus
    assert row(text, "SSIM of the output ↑") == ["0.750", "0.790 (+0.040)"]
    before, after = row(text, "Sources")
    assert before.startswith("1 source<br>[example.org/")
    assert after.startswith("2 sources<br>[example.org/")
    assert "\N{HEAVY PLUS SIGN} [mirror.example.net/wide.pth](<https://mirror.example.net/wide.pth>)" in after
    assert "| `training-data` | — | Our own pages |" in text
    assert flags(text) == [
        "`sharpener`: the licence changes, from `MIT` to `CC-BY-NC-4.0`",
        "`sharpener`: commercial use changes, from **yes** to **NO**",
        "`sharpener`: its pickle may import `numpy.core.multiarray.scalar` as well (`allow-globals`)",
        "`sharpener`: the required gain changes, from — to 1.5",
        "`sharpener`: a new source at `mirror.example.net`",
        "`sharpener`: the same name becomes another file",
        "`sharpener`: measures worse than before (PSNR of the output (dB) ↑: 23.50 → 23.10)",
        "`sharpener`: no longer published as `pretrained_models/layer-2/nafnet/sharpener.pth`",
    ]
    # What changed stands above what did not.
    assert text.index("| **sha256** |") < text.index("| Architecture |")


def test_in_spanish_by_default(repository: Reviewed) -> None:
    swap(repository)
    text = page(repository)

    assert "## Revisión de los modelos" in text
    assert "`sharpener`: el uso comercial cambia, de **sí** a **NO**" in text


def test_a_file_with_the_same_tensors(english: Reviewed) -> None:
    old = digest(english.layers["layer-2"]["sharpener"]["sha256"])
    english.layers["layer-2"]["sharpener"]["sha256"] = digest("saved again")
    english.reports["sharpener"] = {"fingerprint": old}

    assert flags(page(english)) == ["`sharpener`: another file with the same tensors"]


def test_a_removed_model(english: Reviewed) -> None:
    english.remove("dryer")
    text = page(english)

    assert flags(text) == [
        "`dryer`: leaves the catalogue",
        "`dryer`: no longer published as `pretrained_models/layer-1/nafnet/dryer.pth`",
    ]
    assert "The file stays in the store until somebody collects it" in text
    assert "A training machine pulls nothing new; all that is locked is 2.5 MB." in text


def test_a_renamed_model(english: Reviewed) -> None:
    moved = english.layers["layer-1"]["dryer"]
    english.remove("dryer")
    english.layers["layer-1"]["drier"] = moved
    text = page(english)

    assert "### `dryer` → `drier` — 🏷️ renamed" in text
    assert "A training machine pulls nothing new" in text
    assert "leaves the catalogue" not in text


def test_a_withdrawn_model(english: Reviewed) -> None:
    english.layers["layer-1"]["dryer"]["withdrawn"] = "It invents letters"
    text = page(english)

    assert "`dryer`: withdrawn; loading it will fail" in flags(text)
    assert row(text, "Withdrawn") == ["—", "It invents letters"]
    [line] = [line for line in text.splitlines() if line.startswith("| `dryer` |")]
    assert line.split(" | ")[1] == "🚫 withdrawn"
    assert line.split(" | ")[4] == "**withdrawn**"


def test_a_declared_model_is_flagged(english: Reviewed) -> None:
    english.layers["layer-2"]["later"] = entry("later")
    english.declared.add("later")
    text = page(english)

    assert "`later`: not validated (declared, never run here)" in flags(text)
    assert "❌ `models check` finds **1 problem**" in text


def test_other_settings_and_commands(english: Reviewed) -> None:
    english.settle()
    config, stages = english.root / ".dvc/config", english.root / "layers/layer-1/dvc.yaml"
    secret = "".join(("q8Zt5LmW2xRb", "7NvKc4JhY9sD"))
    config.write_text(config.read_text().replace("    verify = true", f"    secret_access_key = {secret}"))
    stages.write_text(stages.read_text().replace("cmd: models download", "cmd: ```sh; models download"))
    (english.root / ".dvcignore").write_text("layers\n")
    english.commit()
    text = review(english.project, base="main")

    assert flags(text)[:3] == [
        "`.dvc/config` changes, which steers DVC",
        "`.dvcignore` changes, which steers DVC",
        "`layers/layer-1/dvc.yaml` changes, which steers DVC",
    ]
    assert secret not in text
    assert "# line withheld, it looks like a credential" in text
    assert "\n````diff\n--- a/layers/layer-1/dvc.yaml" in text
    assert "+      cmd: ```sh; models download" in text
    assert "finds **5 problems**" in text


def test_families_head_and_layers(english: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    from support import reviewed

    other = {**reviewed.FAMILY, "licence": {"spdx": "Apache-2.0", "commercial-use": "unclear"}, "head": ["*"]}
    monkeypatch.setattr(reviewed, "FAMILY", other)
    english.head["validation"] = {"protocol": 2}
    text = page(english)

    assert "the validation protocol goes from 1 to 2: everything is validated again" in flags(text)
    assert (
        "family `nafnet`: `licence.spdx`, `licence.commercial-use`, `licence.source`, `head` changes"
        in flags(text)
    )
    assert "| `head` | \N{HEAVY MINUS SIGN} ending.\\* | \N{HEAVY PLUS SIGN} \\* |" in text
    assert "`cleaner`: commercial use changes, from **yes** to **unclear**" in flags(text)


def measured(
    gain: float, *, grid: tuple[float, float] | None = None, ssim: float = 0.75
) -> dict[str, object]:
    """Report fields of a model that changes the test page by `gain` dB."""
    before, after = grid or (None, None)
    return {
        "measured": Measured(
            psnr_before=24.24,
            psnr_after=24.24 + gain,
            gain_db=gain,
            ssim_before=0.5,
            ssim_after=ssim,
            grid_error_before=before,
            grid_error_after=after,
        )
    }


def test_a_new_model_that_ruins_the_page_is_flagged_beside_its_base(english: Reviewed) -> None:
    english.layers["layer-1"]["fresh"] = entry("fresh", base="cleaner")
    english.reports["fresh"] = measured(-6.16, ssim=0.51)
    text = page(english)

    assert flags(text) == ["`fresh`: leaves the test page worse than it was (−6.16 dB PSNR)"]  # noqa: RUF001
    assert "| validated | −6.16 dB PSNR ⚠️ |" in text  # noqa: RUF001 - the minus of every other figure
    assert row(text, "Gain over the input (dB) ↑") == ["−6.16<br>`cleaner`: 3.50"]  # noqa: RUF001
    assert row(text, "SSIM of the output ↑") == ["0.510<br>`cleaner`: 0.750"]


def test_another_tasks_base_does_not_compare(english: Reviewed) -> None:
    english.layers["layer-1"]["fresh"] = entry("fresh", base="cleaner", task="motion-deblurring")
    english.reports["fresh"] = measured(2.0)

    assert row(page(english), "Gain over the input (dB) ↑") == ["2.00"]


def test_a_swap_for_weights_that_ruin_the_page(english: Reviewed) -> None:
    swap(english)
    english.reports["sharpener"] = measured(-9.21, ssim=0.51)
    text = page(english)

    assert "`sharpener`: leaves the test page worse than it was (−9.21 dB PSNR)" in flags(text)  # noqa: RUF001
    worse = "`sharpener`: measures worse than before (SSIM of the output ↑: 0.750 → 0.510)"
    assert worse in flags(text)
    assert "| +3.50 dB PSNR<br>→ −9.21 dB PSNR ⚠️ |" in text  # noqa: RUF001


def test_unwarping_is_judged_by_the_grid(english: Reviewed) -> None:
    english.layers["layer-1"]["flat"] = entry("flat", task="document-unwarping")
    english.layers["layer-1"]["bent"] = entry("bent", task="document-unwarping")
    english.reports |= {
        "flat": measured(-0.5, grid=(56.74, 4.58)),
        "bent": measured(0.5, grid=(56.74, 80.0)),
    }
    text = page(english)

    assert flags(text) == ["`bent`: leaves the test page worse than it was (points: 56.74 → 80 px)"]
    assert "| points: 56.74 → 4.58 px |" in text


def test_words_about_a_model_do_not_flag_what_it_always_measured(english: Reviewed) -> None:
    english.reports["cleaner"] = measured(-1.0)
    git(english.root, "switch", "--quiet", "main")
    english.settle()
    english.commit("A model that was always so")
    git(english.root, "branch", "--quiet", "--force", "change", "main")
    git(english.root, "switch", "--quiet", "change")
    english.layers["layer-1"]["cleaner"]["training-data"] = "Pages"

    assert flags(page(english)) == []


@pytest.mark.parametrize("licence", [None, {"spdx": "MIT", "commercial-use": "yes"}])
def test_a_family_comes_and_goes(english: Reviewed, licence: dict[str, str] | None) -> None:
    from support import reviewed

    def families(*names: str) -> None:
        path = english.root / "params.yaml"
        data = yaml.safe_load(path.read_text())
        own = {key: value for key, value in reviewed.FAMILY.items() if key != "licence" or licence}
        data["families"] |= {name: own | ({"licence": licence} if licence else {}) for name in names}
        path.write_text(json.dumps(data))

    families("restormer")
    english.commit()
    told = "licence `MIT`, commercial use **yes**" if licence else "and it states no licence"
    [flag] = flags(review(english.project, base="main"))
    assert flag == f"family `restormer`: new{';' if licence else ','} {told}"
    english.declare()
    english.commit()
    assert "family `restormer`: leaves the catalogue" in flags(review(english.project, base="HEAD~1"))


def test_changes_to_the_program_are_told(english: Reviewed) -> None:
    path = english.root / "scripts" / "a.py"
    path.parent.mkdir()
    path.write_text("a = 1\n")
    text = page(english)

    assert flags(text) == ["the branch changes the program or its continuous integration too (1 file)"]
    assert "`scripts/a.py`" in text


def test_pictures_of_both_sides(english: Reviewed) -> None:
    swap(english)
    text = page(english, images="https://github.com/team/models/raw/")
    base, head = (git(english.root, "rev-parse", name).strip() for name in ("main", "change"))
    sides = [
        f"https://github.com/team/models/raw/{commit}/layers/layer-2/sharpener/sample.png"
        for commit in (base, head)
    ]

    assert re.findall(r'src="([^"]*)"', text) == sides


def test_pictures_without_an_address(english: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    swap(english)
    text = page(english)
    head = git(english.root, "rev-parse", "--short=12", "change").strip()

    assert "<img" not in text
    place = f"{head}:layers/layer-2/sharpener/sample.png"
    assert f"`git show {place} > sharpener-{head[:7]}.png`" in text  # its bytes are not for a terminal


def test_the_repository_that_githubs_runner_names(english: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/models")
    swap(english)

    assert 'src="https://github.com/team/models/raw/' in page(english)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "models/raw", 'https://x/"onerror=', "https://x y"]
)
def test_an_address_that_is_none(english: Reviewed, address: str) -> None:
    with pytest.raises(BadAddress):
        review(english.project, base="main", images=address)


def test_a_catalogue_that_cannot_be_read(english: Reviewed) -> None:
    (english.root / "params.yaml").write_text("layers: 3\n")
    english.commit()
    text = review(english.project, base="main")

    assert "The catalogue has errors" in text
    assert "❌" in text


@pytest.mark.parametrize("text", ["models: [\n", "# " + "x" * 4_000_001 + "\n"])
def test_a_layer_that_cannot_be_read_does_not_leave_the_catalogue(english: Reviewed, text: str) -> None:
    path = english.root / "layers" / "layer-1" / "params.yaml"
    path.write_text(path.read_text() + text)
    english.commit()
    shown = review(english.project, base="main")

    assert "The catalogue has errors" in shown
    assert "leaves the catalogue" not in shown
    assert "This branch changes no model." in shown


def test_a_head_that_cannot_be_read_takes_no_model_away(english: Reviewed) -> None:
    (english.root / "params.yaml").write_text("layers: 3\n")
    english.commit()

    assert "leaves the catalogue" not in review(english.project, base="main")


def test_a_workflow_is_shown_as_what_steers(english: Reviewed) -> None:
    path = english.root / ".github" / "workflows" / "a\nb.yml"
    path.parent.mkdir(parents=True)
    path.write_text("run: curl evil.example\n")
    text = page(english)

    assert flags(text)[0] == (
        "`.github/workflows/a b.yml` changes, which the continuous integration runs with the project's keys"
    )
    assert "+run: curl evil.example" in text


def test_of_many_names_the_first_are_shown_and_the_rest_counted(english: Reviewed) -> None:
    names = [f"numpy.name{number}" for number in range(1000)]
    expects = {**english.layers["layer-1"]["dryer"]["expects"], "allow-globals": names}
    english.layers["layer-1"]["dryer"]["expects"] = expects
    text = page(english)

    [flag] = [flag for flag in flags(text) if "may import" in flag]
    assert flag.endswith("`numpy.name11`, … and 988 more as well (`allow-globals`)")
    assert "### `dryer`" in text


def test_a_new_source_is_shown_after_many_old_ones(english: Reviewed) -> None:
    model = english.layers["layer-1"]["dryer"]
    model["sources"] = [f"https://example.org/{number}/dryer.pth" for number in range(9)]
    git(english.root, "switch", "--quiet", "main")
    english.settle()
    english.commit("Mirrors")
    git(english.root, "branch", "--quiet", "--force", "change", "main")
    git(english.root, "switch", "--quiet", "change")
    model["sources"] = [*model["sources"], "https://evil.example/dryer.pth"]

    assert "evil.example/dryer.pth" in row(page(english), "Sources")[1]


def test_a_faulty_entry_is_left_out_and_said(english: Reviewed) -> None:
    english.layers["layer-1"]["cleaner"]["task"] = "no-such-task"
    english.layers["layer-1"]["dryer"]["training-data"] = "Pages"
    english.declare()
    english.commit()
    text = review(english.project, base="main")

    assert "The catalogue has errors" in text
    assert "### `dryer`" in text
    assert "### `cleaner`" not in text
    assert "leaves the catalogue" not in text


def test_only_the_branchs_own_changes(english: Reviewed) -> None:
    """What main gained since the branch left it is not shown as removed."""
    git(english.root, "switch", "--quiet", "main")
    english.layers["layer-1"]["fresh"] = entry("fresh")
    english.settle()
    english.commit("Main goes on")
    git(english.root, "switch", "--quiet", "change")

    assert "This branch changes no model." in review(english.project, base="main")


def test_histories_that_never_met(english: Reviewed) -> None:
    git(english.root, "switch", "--quiet", "--orphan", "alone")
    git(english.root, "commit", "--quiet", "--allow-empty", "--message", "Alone")

    with pytest.raises(NoForkPoint, match="is an ancestor of both"):
        review(english.project, base="main", head="alone")


def test_nothing_is_written(english: Reviewed) -> None:
    swap(english)
    page(english)

    assert git(english.root, "status", "--porcelain") == ""


def test_without_weights_in_a_bare_clone_of_git(english: Reviewed, tmp_path: Path) -> None:
    """The reviewer's clone has main checked out and knows the branch from the server alone."""
    swap(english)
    english.settle()
    english.commit()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(english.root), str(clone))

    text = review(Reviewed(clone).project, base="origin/main", head="origin/change")
    assert "### `sharpener` — 🔁 another file" in text
