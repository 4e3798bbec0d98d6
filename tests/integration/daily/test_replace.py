"""``models replace`` on real DVC: other weights, the same model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from restoration_models import catalogue, newcomer, stages
from restoration_models.cli import models_edit
from restoration_models.replace import _rewritten, replace
from support import checkpoints, readme
from support.refusal import refusing
from support.workspace import Workspace

SLUG = "sharpener-receipts"


def test_the_readmes_steps(daily: Workspace, weights: Path, tmp_path: Path) -> None:
    """The digests of the entry change and no other line; evidence and lock follow; twice is once."""
    project = daily.project
    daily.dvc("remote", "add", "--local", "--default", "scratch", str(tmp_path / "store"))
    params = project.layer_catalogue("layer-2")
    params.write_text(params.read_text().replace("    origin: local\n", "    origin: local  # ours\n"))
    daily.commit("A comment")
    before = params.read_text().splitlines()
    old, new = (checkpoints.digests(weights / name) for name in ("tuned.pth", "third.pth"))

    printed = readme.follow(
        readme.section("Other weights for a model"), daily.root, SLUG=SLUG, FILE=str(weights / "third.pth")
    )

    assert [line for line in params.read_text().splitlines() if line not in before] == [
        f'    sha256: "{new[1]}"',
        f'    md5: "{new[2]}"',
    ]
    assert len(params.read_text().splitlines()) == len(before)
    assert old[1] in printed
    assert new[1] in printed
    assert daily.status() == ""
    assert daily.models("check", "--offline").stdout == "no problem found\n"
    report = json.loads(project.report("layer-2", SLUG).read_text())
    assert (report["sha256"], report["file"]) == (new[1], "tuned.pth")
    assert (
        project.checkpoint("layer-2", SLUG, "tuned.pth").read_bytes() == (weights / "third.pth").read_bytes()
    )
    assert (tmp_path / "store/files/md5" / new[2][:2] / new[2][2:]).is_file()
    again = replace(project, SLUG, str(weights / "third.pth"))
    assert models_edit._replaced(again)[-1] == f"{SLUG} has these bytes already; nothing was changed"
    assert daily.status() == ""


def test_a_refusal_brings_the_former_weights_back(daily: Workspace, weights: Path, tmp_path: Path) -> None:
    """Also where the checkpoint lies in this folder alone; what another model has is refused before."""
    project = daily.project
    checkpoint = project.checkpoint("layer-2", SLUG, "tuned.pth")
    with refusing(), pytest.raises(stages.StageFailed) as caught:
        replace(project, SLUG, str(weights / "third.pth"))
    assert str(caught.value) == f"{SLUG}: validate: NaN; try others"
    state = checkpoints.network("nafnet", 1).state_dict()
    resaved = checkpoints.save(state, tmp_path / "again.pth")
    with pytest.raises(newcomer.AlreadyThere, match="sharpener of layer-1 has the same tensors"):
        replace(project, SLUG, str(resaved))
    with pytest.raises(newcomer.OtherFamily):
        replace(project, SLUG, str(checkpoints.small("uvdoc", tmp_path / "uvdoc.pth")))
    with pytest.raises(catalogue.UnknownModel):
        replace(project, "sharpener-receipt", str(resaved))
    with pytest.raises(newcomer.NoSuchFile):
        replace(project, SLUG, "none.pth")
    assert daily.status() == ""
    assert checkpoint.read_bytes() == (weights / "tuned.pth").read_bytes()
    assert not list(project.inbox.glob("[0-9a-f]*[0-9a-f]"))


TEXT = """\
models:
  ours:
    size: 1  # bytes
    sha256: "a"
    origin: local
    expects: {architecture: NAFNet, wrapper-key: params}
    training-data: receipts
"""
FIELDS = {
    "size": 2,
    "sha256": "b",
    "md5": "c",
    "origin": None,
    "sources": ["https://x.org/y"],
    "tensors": None,
}


def test_an_entry_from_the_store_alone_to_an_address_and_without_a_wrapper_key() -> None:
    after = _rewritten(TEXT, "ours", {**FIELDS, "expects": {"wrapper-key": None, "input-channels": 3}})
    assert after == (
        "models:\n"
        "  ours:\n"
        "    size: 2  # bytes\n"
        '    sha256: "b"\n'
        "    expects: {architecture: NAFNet, input-channels: 3}\n"
        "    training-data: receipts\n"
        '    md5: "c"\n'
        "    sources:\n"
        "      - https://x.org/y\n"
    )
