"""``models add`` on real DVC: a checkpoint enters with all that belongs to it, or nothing changes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from restoration_models import add as adding
from restoration_models import catalogue, newcomer, obtain, recognition, stages
from restoration_models.add import Added, add
from restoration_models.cli import models_edit, render
from restoration_models.download import events
from restoration_models.editing import NameTaken
from restoration_models.errors import RestorationModelsError
from restoration_models.newcomer import Wanted
from restoration_models.scan import UnsafeCheckpoint
from support import checkpoints
from support.hostile_parts import glob, legacy, proto, text
from support.layers import REPOSITORY
from support.origin import Faults, Origin
from support.refusal import refusing
from support.servers import PROGRAM, git
from support.workspace import Workspace

THIRD = Wanted(layer="layer-2", family="nafnet", task="motion-deblurring", name="third")


def tree(root: Path) -> dict[str, bytes]:
    """Every file that is not git's, DVC's cache or its scratch, and every folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(root.rglob("*"))
        if not path.relative_to(root).as_posix().startswith((".git/", ".dvc/cache", ".dvc/tmp"))
    }


def inbox(workspace: Workspace) -> list[str]:
    folder = workspace.project.inbox
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def cached(workspace: Workspace) -> list[Path]:
    return sorted(path for path in (workspace.root / ".dvc/cache").rglob("*") if path.is_file())


def test_a_file_of_our_own(grown: tuple[Workspace, Added], weights: Path) -> None:
    """Entry, lock, report, picture and cards are there to commit, and the check is content."""
    workspace, added = grown
    project, slug = workspace.project, "sharpener-receipts"
    assert added.found is not None
    size, sha256, md5 = checkpoints.digests(weights / "tuned.pth")
    text = project.layer_catalogue("layer-2").read_text()
    assert text.startswith('"title": "A layer"\n')
    assert text.endswith(
        '"models":\n'
        "  sharpener-receipts:\n"
        "    family: nafnet\n"
        "    task: motion-deblurring\n"
        "    description:\n"
        '      es: "Recibos: más nítidos"\n'
        "      en: Sharper receipts\n"
        '    file: "tuned.pth"\n'
        f"    size: {size}\n"
        f'    sha256: "{sha256}"\n'
        f'    md5: "{md5}"\n'
        "    confidence: computed\n"
        "    origin: local\n"
        "    base: sharpener\n"
        "    expects: {architecture: NAFNet, wrapper-key: params, input-channels: 3}\n"
        f"    parameters: {added.found.parameters}\n"
        f"    tensors: {added.found.tensors}\n"
        '    training-data: "4,000 receipts of our own"\n'
    )
    assert added.report.fingerprint == added.found.fingerprint
    assert added.report.verified.forward
    (note,) = added.notes
    figures = added.report.measured
    assert figures is not None
    assert note == (
        f"the model makes the test page worse: PSNR {figures.psnr_before} -> {figures.psnr_after} dB "
        f"(gain {figures.gain_db} dB)"
    )
    assert figures.gain_db < 0
    tracked = set(git(workspace.root, "ls-files", "layers/layer-2").splitlines())
    assert tracked >= {
        "layers/layer-2/dvc.lock",
        f"layers/layer-2/{slug}/README.md",
        f"layers/layer-2/{slug}/sample.png",
        f"layers/layer-2/reports/{slug}.json",
    }
    assert not [name for name in tracked if name.endswith(".pth")]
    assert "sharpener" in project.card("layer-2", slug).read_text()
    assert workspace.status() == ""
    assert inbox(workspace) == []
    checked = workspace.models("check", "--offline")
    assert (checked.returncode, checked.stdout) == (0, "no problem found\n"), checked.stderr


def test_nothing_runs_again_and_a_clone_takes_the_weights_from_the_cache(
    daily: Workspace, tmp_path: Path
) -> None:
    """What has no public source is found in DVC's cache, by the locked md5."""
    assert daily.ran() == set()
    checkpoint = daily.project.checkpoint("layer-2", "sharpener-receipts", "tuned.pth")
    checkpoint.unlink()
    model = catalogue.load(daily.project).model("sharpener-receipts")
    assert obtain.obtain(daily.project, model, reporter=lambda _: None).origin == "cache"
    assert checkpoint.is_file()
    assert inbox(daily) == []


def test_a_download_by_hand_is_found_by_the_stage(daily: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC deletes the file of a locked model that its cache lacks before it runs the stage."""
    model = catalogue.load(daily.project).model("sharpener")
    shutil.rmtree(daily.root / ".dvc/cache")
    checkpoint = daily.project.checkpoint("layer-1", "sharpener", model.file)
    checkpoint.unlink()
    monkeypatch.setenv("DVC_STAGE", "download@sharpener")
    assert obtain.obtain(daily.project, model, reporter=lambda _: None).origin == model.sources[0]
    assert inbox(daily) == []
    checkpoint.unlink()
    monkeypatch.delenv("DVC_STAGE")
    obtain.obtain(daily.project, model, reporter=lambda _: None)
    assert inbox(daily) == [model.sha256]
    checkpoint.unlink()
    assert obtain.obtain(daily.project, model, reporter=lambda _: None).origin == "inbox"


def test_twice_is_once_and_what_was_broken_off_goes_on(
    daily: Workspace, weights: Path, tuned: Wanted
) -> None:
    """An entry with these bytes is left alone; one that nothing proves yet is brought to its end."""
    before = tree(daily.root)
    again = add(daily.project, str(weights / "tuned.pth"), tuned)
    assert (again.new, models_edit._lines(again)[-1]) == (
        False,
        "sharpener-receipts is in layer-2 already, with these bytes; nothing was changed",
    )
    assert tree(daily.root) == before
    with pytest.raises(NameTaken):
        add(daily.project, str(weights / "third.pth"), tuned)
    project, slug = daily.project, "sharpener-receipts"
    for path in (project.report("layer-2", slug), project.picture("layer-2", slug), project.lock("layer-2")):
        path.unlink()
    project.checkpoint("layer-2", slug, "tuned.pth").unlink()
    shutil.rmtree(daily.root / ".dvc/cache")
    broken = tree(daily.root)
    with refusing(), pytest.raises(stages.StageFailed) as caught:
        add(daily.project, str(weights / "tuned.pth"), tuned)
    assert str(caught.value) == "sharpener-receipts: validate: NaN; try others"
    assert tree(daily.root) == broken
    assert inbox(daily) == []
    heard: list[events.Event] = []
    assert add(daily.project, str(weights / "tuned.pth"), tuned, reporter=heard.append).new
    assert tree(daily.root) == before
    assert heard
    assert not [event for event in heard if isinstance(event, events.SourceFailed)]


def test_an_address_is_pinned_on_the_first_download(workspace: Workspace, tmp_path: Path) -> None:
    """On the command line, as people do it, with a network that this project does not know."""
    path = checkpoints.save({"fc.weight": torch.ones(2, 3)}, tmp_path / "net.pth", wrapper_key="net")
    size, sha256, md5 = checkpoints.digests(path)
    with Origin() as origin:
        url = origin.add("/files/Our%20net%20v2.pth", path.read_bytes())
        asked = ("add", url, "--layer", "layer-2", "--family", "nafnet", "--task", "denoising-real")
        done = workspace.models(
            *asked,
            *("--architecture", "unregistered", "--name", "Our net"),
            *("--licence", "NOASSERTION", "--licence-note", "es: Por aclarar", "--licence-note", "en: Open"),
        )
        assert done.returncode == 0, done.stderr
        assert origin.sent("/files/Our%20net%20v2.pth") == size
    lines = done.stdout.splitlines()
    assert lines[0] == "note: the file is called our-net.pth here: its own name cannot be published"
    assert lines[1] == f"our-net is in layer-2: our-net.pth, {render.size(size)}, sha256 {sha256}"
    assert "proved: digests, scan, finite; not measured" in lines[2]
    assert lines[3:] == ["commit it: git add dvc.lock layers", "store it:  dvc push"]
    assert "running download@our-net, validate@our-net, cards@layer-1, cards@layer-2\n" in done.stderr
    model = catalogue.load(workspace.project).model("our-net")
    assert (model.title, model.file, model.expects.wrapper_key) == ("Our net", "our-net.pth", "net")
    assert (model.sources, model.origin, model.md5) == ((url,), None, md5)
    assert model.licence is not None
    assert (model.licence.commercial_use, catalogue.say(model.licence.note or "", "es")) == (
        "unclear",
        "Por aclarar",
    )
    assert workspace.models("check", "--offline").stdout.startswith("no problem found")


def test_what_programs_are_told(grown: tuple[Workspace, Added]) -> None:
    facts = json.loads(json.dumps(models_edit._added(grown[1])))
    assert facts["model"] == "sharpener-receipts"
    assert facts["expects"] == {"architecture": "NAFNet", "wrapper-key": "params", "input-channels": 3}
    assert facts["report"]["verified"]["forward"] is True
    assert models_edit._lines(grown[1])[-1] == (
        "store it:  dvc push (it has no public source: until then this clone alone has it)"
    )


def test_the_same_weights_are_refused_however_they_are_wrapped(
    daily: Workspace, weights: Path, tmp_path: Path
) -> None:
    """The same file; other containers; no wrapper; the prefix of parallel training: the model is named."""
    state = checkpoints.network("nafnet", 2).state_dict()
    parallel = {f"module.{key}": value for key, value in state.items()}
    same = Path(shutil.copyfile(weights / "tuned.pth", tmp_path / "a.pth"))
    resaved = {
        "safe": checkpoints.save(state, tmp_path / "b.safetensors", container="safetensors"),
        "bare": checkpoints.save(state, tmp_path / "c.pth"),
        "legacy": checkpoints.save(state, tmp_path / "d.pth", container="torch-legacy", wrapper_key="model"),
        "parallel": checkpoints.save(parallel, tmp_path / "e.pth"),
    }
    before = tree(daily.root)
    with pytest.raises(newcomer.AlreadyThere) as caught:
        add(daily.project, str(same), THIRD)
    assert str(caught.value) == (
        f"{same}: these weights are in the catalogue already: sharpener-receipts of layer-2 has the very "
        "same file; use sharpener-receipts, or remove it first; `aliases:` in its entry give it further names"
    )
    for path in resaved.values():
        with pytest.raises(newcomer.AlreadyThere, match="sharpener-receipts of layer-2 has the same tensors"):
            add(daily.project, str(path), THIRD)
    assert tree(daily.root) == before


def test_a_resaved_copy_of_the_real_uvdoc_is_refused(tmp_path: Path) -> None:
    """By its committed report alone: the clone has no weights."""
    clone = tmp_path / "clone"
    for name in ("params.yaml", "layers", ".dvc/config"):
        source, target = REPOSITORY.root / name, clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pkl", "*.pth"))
        else:
            shutil.copyfile(source, target)
    real = torch.load(checkpoints.uvdoc_checkpoint(), weights_only=True, map_location="cpu")
    copy = checkpoints.save(real["model_state"], tmp_path / "flat.safetensors", container="safetensors")
    before = tree(clone)
    with pytest.raises(newcomer.AlreadyThere, match="uvdoc of layer-2 has the same tensors in another file"):
        add(
            adding.Project(clone),
            str(copy),
            Wanted(layer="layer-1", family="uvdoc", task="document-unwarping", name="page-flattener"),
        )
    assert tree(clone) == before


NETLESS = Wanted(layer="layer-2", family="nafnet", task="denoising-real")
REFUSED: dict[str, tuple[str, Wanted, type[RestorationModelsError], str]] = {
    "entry": (
        "third.pth",
        Wanted(layer="layer-2", family="nafnet", task="motion-deblurring", file="a b.pth"),
        RestorationModelsError,
        "models.nafnet-third.file: 'a b.pth': must be letters",
    ),
    "family": (
        "third.pth",
        Wanted(layer="layer-2", family="uvdoc", task="motion-deblurring"),
        newcomer.OtherFamily,
        "are of architecture NAFNet, the family uvdoc is of UVDoc; give --family nafnet",
    ),
    "network": (
        "unknown.pth",
        NETLESS,
        recognition.UnknownNetwork,
        "(fc.weight); give --architecture unregistered to add it with its network unproved, or register",
    ),
    "several": (
        "several.pth",
        NETLESS,
        recognition.SeveralStateDicts,
        "the file holds several sets of weights, under 'params', 'params_ema'; say which is meant",
    ),
    "missing": ("none.pth", THIRD, newcomer.NoSuchFile, "none.pth: there is no such file; give the path of"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_leaves_everything_as_it_was(workspace: Workspace, weights: Path, kind: str) -> None:
    """Byte for byte; no folder, no cached weights, nothing in the inbox."""
    file, wanted, failure, words = REFUSED[kind]
    before, weights_before = tree(workspace.root), cached(workspace)
    with pytest.raises(failure) as caught:
        add(workspace.project, str(weights / file), wanted)
    assert words in str(caught.value)
    assert caught.value.remedy
    assert tree(workspace.root) == before
    assert cached(workspace) == weights_before
    assert inbox(workspace) == []


def test_a_failed_stage_leaves_everything_as_it_was_but_keeps_the_download(
    workspace: Workspace, weights: Path
) -> None:
    """Byte for byte; the second try, with other words, fetches nothing again."""
    data = (weights / "third.pth").read_bytes()
    before, weights_before = tree(workspace.root), cached(workspace)
    wanted = Wanted(layer="layer-2", family="nafnet", task="motion-deblurring", min_gain_db=90.0)
    with Origin() as origin:
        url = origin.add("/third.pth", data)
        with pytest.raises(stages.StageFailed) as caught:
            add(workspace.project, url, wanted)
        assert str(caught.value).startswith("nafnet-third: validate: the model gains")
        assert caught.value.status == 1
        assert str(caught.value).endswith("; use better weights, or demand less with min-gain-db")
        assert tree(workspace.root) == before
        assert cached(workspace) == weights_before
        assert workspace.status() == ""
        with pytest.raises(newcomer.OtherFamily):
            add(workspace.project, url, replace(wanted, family="uvdoc"))
        assert tree(workspace.root) == before
        assert origin.sent("/third.pth") == len(data)


def test_an_interrupt_takes_everything_back(workspace: Workspace, weights: Path) -> None:
    """Ctrl-C while the stages run: they are ended first, then all is as it was."""
    before = tree(workspace.root)
    command = [sys.executable, "-c", PROGRAM, "add", str(weights / "third.pth"), "--layer", "layer-2"]
    process = subprocess.Popen(
        [*command, "--family", "nafnet", "--task", "motion-deblurring", "--name", "third"],
        cwd=workspace.root,
        stderr=subprocess.PIPE,
        text=True,
    )
    arrived = workspace.project.checkpoint("layer-2", "third", "third.pth")
    while not arrived.exists():
        assert process.poll() is None
        threading.Event().wait(0.02)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert tree(workspace.root) == before
    assert inbox(workspace) == []


def test_a_source_that_has_another_file_is_refused(workspace: Workspace, weights: Path) -> None:
    """One that cannot be asked is noted: what was given is written down, and said to be unproved."""
    path = weights / "third.pth"
    with Origin() as origin:
        other = origin.add("/third.pth", path.read_bytes() + b"x")
        gone = origin.add("/gone.pth", b"", Faults(status=404))
        wanted = Wanted(layer="layer-2", family="nafnet", task="denoising-real", sources=(other,))
        with pytest.raises(adding.SourceServesOther, match="serves a file of"):
            add(workspace.project, str(path), wanted)
        assert workspace.status() == ""
        found = recognition.recognise(path)
        loaded = catalogue.load(workspace.project)
        wanted = Wanted(layer="layer-2", family="nafnet", task="denoising-real", sources=(gone,))
        decided = newcomer.decide(workspace.project, loaded, wanted, path.name, None)
        places = obtain.places(workspace.project)
        notes = adding.check_sources(workspace.project, decided.sources, found, places, None)
        assert len(notes) == 1
        assert notes[0].endswith("could not be asked for this file: does not have the file (404)")


def test_what_a_pickle_would_do_is_found_before_anything_is_loaded(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "evil.pth"
    path.write_bytes(legacy(proto(glob("os", "system") + text("true") + b"\x85R")))
    with pytest.raises(UnsafeCheckpoint) as caught:
        add(workspace.project, str(path), THIRD)
    assert caught.value.where == str(path)
    assert str(caught.value).endswith(
        "; get the checkpoint from a source you trust. os.system is never allowed"
    )
    assert workspace.status() == ""


def test_without_torch_it_says_what_to_install(workspace: Workspace, weights: Path) -> None:
    without = f"import sys; sys.modules['torch'] = None; {PROGRAM}"
    command = ["add", str(weights / "third.pth"), "--layer", "layer-2", "--base", "sharpener"]
    done = subprocess.run(
        [sys.executable, "-c", without, *command],
        cwd=workspace.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "loading torch and the catalogue\n"
        "torch is not installed; install the extra that validates and loads models: pip install '.[torch]'\n"
    )
