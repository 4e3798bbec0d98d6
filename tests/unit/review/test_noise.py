"""However much a branch adds, what it changes of that which is there already is on the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from restoration_models.review import review
from restoration_models.review.fit import CHARACTERS
from support.effort import examples
from support.layers import digest
from support.reviewed import Reviewed, entry
from support.servers import git

OTHER = {"spdx": "X" * 90, "commercial-use": "no"}
EVIL = "http://evil.example:9000"


@pytest.fixture(scope="module")
def repository(clean: Reviewed, tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    return clean.copy(tmp_path_factory.mktemp("noise") / "repository")


@examples(4, shrink=False)
@example(count=300, remarks=3000, more_settings=500, fields={"licence": OTHER}, names=10, files=400)
@given(
    count=st.sampled_from([0, 3, 40, 80, 150, 300]),
    remarks=st.sampled_from([0, 5, 3000]),
    more_settings=st.sampled_from([0, 500]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "licence": st.just(OTHER),
            "withdrawn": st.text("ab ", min_size=1, max_size=400).map(lambda text: f"x{text}x"),
            "training_data": st.just("A sentence. " * 300),
            "notes": st.just(["漢" * 900] * 3),
            "sources": st.just([f"https://example.org/{'a' * 200}/{mirror}.pth" for mirror in range(5)]),
        },
    ),
    names=st.integers(0, 3000),
    files=st.sampled_from([0, 400]),
)
def test_a_changed_model_and_a_setting_are_always_shown(
    repository: Reviewed,
    alone: None,
    count: int,
    remarks: int,
    more_settings: int,
    fields: dict[str, Any],
    names: int,
    files: int,
) -> None:
    was = repository.layers["layer-2"]["sharpener"]["sha256"]
    new = entry(
        "sharpener",
        sha256=digest("another"),
        licence={"spdx": "GPL-3.0-only", "commercial-use": "no"},
        expects={
            "architecture": "NAFNet",
            "allow-globals": [f"numpy.name{name}" for name in range(names % 50)],
        },
    )
    noise = {f"noise-{number}": entry(f"noise-{number}", **fields) for number in range(count)}
    git(repository.root, "switch", "--quiet", "--force-create", "change", "main")
    other = Reviewed(
        repository.root,
        {"layer-1": {**noise, **repository.layers["layer-1"]}, "layer-2": {"sharpener": new}},
        {*repository.declared, *noise},
    )
    other.declare()
    config = repository.root / ".dvc" / "config"
    lines = config.read_text().replace("http://127.0.0.1:9000", EVIL)
    more = "".join(f"# remark {number}\n" for number in range(remarks))
    settings = "".join(f"    setting{number} = {'x' * 150}\n" for number in range(more_settings))
    config.write_text(more + lines.replace("[core]\n", f"[core]\n{settings}", 1))
    for number in range(files):
        path = repository.root / f"a{number}" / ".gitignore"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x\n" * 200)
    other.commit()
    text = review(repository.project, base="main")
    git(repository.root, "clean", "--quiet", "-d", "--force")

    assert len(text) <= CHARACTERS
    for sha256 in (was, new["sha256"]):
        assert f"`{sha256[:32]}`<br>`{sha256[32:]}`" in text
    assert f"+    endpointurl = {EVIL}" in text
    [row] = [line for line in text.splitlines() if line.startswith("| `sharpener` |")]
    assert "`GPL-3.0-only`, **NO**" in row
    assert "> - `sharpener`: la licencia cambia, de `MIT` a `GPL-3.0-only`" in text
    flags = [line for line in text.splitlines() if line.startswith("> - ")]
    first = next((number for number, line in enumerate(flags) if "`noise-" in line), len(flags))
    assert all("`sharpener`" not in line for line in flags[first:])
    if "El catálogo tiene errores" not in text:  # else the noise's layer is larger than a layer may be
        _counts(text, count)


def _counts(text: str, count: int) -> None:
    """What the page says of what it left out is so."""
    note = text.splitlines()[-1]
    if "✂️" not in note:
        return
    assert len(text) > CHARACTERS - 6000 or len(text.encode()) > 2 * (CHARACTERS - 6000)
    rows = len(re.findall(r"^\| `noise-\d+` \|", text, re.MULTILINE))
    left = re.search(r"(\d+) filas? de la tabla", note)
    assert rows + (int(left[1]) if left else 0) == count
    if rows < count:
        assert f"| … y {count - rows} más |" in text
    shown = len(re.findall(r"^### `", text, re.MULTILINE))
    missing = re.search(r"el detalle de (\d+) modelos?", note)
    assert shown + (int(missing[1]) if missing else 0) >= count + 1


def test_problems_of_what_is_added_come_last(repository: Reviewed, tmp_path: Path) -> None:
    """Models that were never run are a problem each; one of another model matters more."""
    other = repository.copy(tmp_path / "repository")
    git(other.root, "switch", "--quiet", "--force-create", "change", "main")
    noise = {f"noise-{number}": entry(f"noise-{number}") for number in range(60)}
    other.layers["layer-1"] = noise | other.layers["layer-1"]
    other.declared |= set(noise)
    other.settle()
    other.project.report("layer-2", "sharpener").unlink()
    (other.root / "zoo").mkdir()
    (other.root / "zoo" / "dvc.yaml").write_text("stages: {}\n")
    other.commit()
    problems = [line for line in review(other.project, base="main").splitlines() if line.startswith("- `")]

    assert problems[0].startswith("- `zoo/dvc.yaml`")
    noisy = ["noise-" in line for line in problems]
    assert noisy == sorted(noisy)
    assert any(line.startswith("- `layers/layer-2/reports/sharpener.json`") for line in problems[:5])
