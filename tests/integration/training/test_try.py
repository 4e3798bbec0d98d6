"""`models try` and the training example, as people run them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from restoration_models.cli import render, use
from restoration_models.cli.app import app
from restoration_models.cli.edge import guard
from restoration_models.tasks import Task
from restoration_models.testpage import sample
from restoration_models.testpage.samples import eight_bits
from support.library import SLUG, Library
from support.servers import REPOSITORY, models


@pytest.fixture
def here(library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The library with its weights, as the working folder."""
    library.put(library.in_place)
    monkeypatch.chdir(library.root)
    return library


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A picture with an odd size, lying on its side."""
    degraded = sample(Task.MOTION_DEBLURRING).degraded  # type: ignore[union-attr]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(eight_bits(degraded)[:201, :133]).save(tmp_path / "page.png", exif=exif)
    return tmp_path / "page.png"


def run(*arguments: object) -> int:
    """Run ``models`` in this process; its exit status."""
    return guard(lambda: app([str(one) for one in arguments], standalone_mode=False), with_traceback=False)


def test_a_picture_is_restored(here: Library, page: Path, tmp_path: Path) -> None:
    """In a process of its own, without a terminal."""
    result = tmp_path / "out" / "page.tif"
    done = models(here.root, "try", SLUG, str(page), "-o", str(result), "--tile", "96", "--overlap", "32")
    assert done.returncode == 0, done.stderr
    how = rf"6 tiles, [\d.]+ s on (cpu|cuda), by {SLUG} \(sha256 \w{{12}}\)"
    line = f"{re.escape(str(result))}: 201 x 133, {how}\n"
    assert re.fullmatch(line, done.stdout)
    assert re.fullmatch(
        rf"loading {SLUG}\nrunning {SLUG} over 201 x 133 pixels in 6 tiles on (cpu|cuda)\n"
        + "".join(rf"{SLUG}: {share} % of 6 tiles\n" for share in (10, 30, 50, 60, 80)),
        done.stderr,
    )
    with Image.open(result) as image:
        assert image.size == (201, 133)
        assert image.getexif().get(0x0112, 1) == 1


def test_a_long_run_gives_a_sign_of_life_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal; the last tenth is the result's own line."""
    with use._progress(render.console(stderr=True), SLUG) as progress:
        for done in range(1, 222):
            progress(done, 221)
    told = capsys.readouterr().err.splitlines()
    assert told == [f"{SLUG}: {share} % of 221 tiles" for share in range(10, 100, 10)]


def test_tiles_make_no_visible_difference(here: Library, page: Path, tmp_path: Path) -> None:
    whole, tiled = tmp_path / "whole.png", tmp_path / "tiled.png"
    assert run("try", SLUG, page, "-o", whole, "--device", "cpu") == 0
    assert run("try", SLUG, page, "-o", tiled, "--tile", 96, "--overlap", 48, "--device", "cpu") == 0
    difference = np.asarray(Image.open(whole)).astype(int) - np.asarray(Image.open(tiled)).astype(int)
    assert np.abs(difference).max() <= 2
    first = tiled.read_bytes()
    assert run("try", SLUG, page, "-o", tiled, "--tile", 96, "--overlap", 48, "--device", "cpu") == 0
    assert tiled.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["-o", "{page}"], 2, "this is the picture itself"),
        (["-o", "out.gif"], 2, ".gif is no format that is written"),
        (["-o", "out.png", "--tile", "32"], 2, "a tile of 32 pixels"),
        (["-o", "out.png", "--device", "no-such"], 2, "torch cannot use it here"),
        (["-o", "out.png", "--manifest", "none.json"], 2, "there is no manifest"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    here: Library,
    page: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    before = page.read_bytes()
    assert run("try", SLUG, page, *(word.format(page=page) for word in arguments)) == status
    assert said in capsys.readouterr().err
    assert page.read_bytes() == before
    assert not (here.root / arguments[1]).exists() or arguments[1] == str(page)


def test_refusals_come_before_the_weights_are_asked_for(
    library: Library, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(library.root)
    Image.fromarray(np.zeros((9, 9, 4), np.uint8)).save("clear.png")
    assert run("try", SLUG, "clear.png", "-o", "out.jpg") == 2
    assert "has transparency, which .jpg cannot hold" in capsys.readouterr().err


def example() -> Any:
    """The module of examples/finetune.py."""
    spec = importlib.util.spec_from_file_location("finetune", REPOSITORY / "examples" / "finetune.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fell(lines: list[str]) -> bool:
    """Whether the example's loss was lower afterwards."""
    before, after = next(
        re.fullmatch(r"loss ([\d.]+) -> ([\d.]+)", line) for line in lines if "->" in line
    ).groups()  # type: ignore[union-attr]
    return float(after) < float(before)


# spandrel's NAFNet asks torch for its saved tensors under their former name on the way back.
@pytest.mark.filterwarnings("ignore:'saved_variables' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("options", "kept"), [([], True), (["--train-backbone", "--steps", "2"], False)])
def test_the_example_trains(here: Library, tmp_path: Path, options: list[str], kept: bool) -> None:
    """The loss falls; a frozen backbone is bit-identical; the result loads as its base does."""
    lines: list[str] = []
    result = tmp_path / "tuned.pth"
    example().main([SLUG, "--lr", "1e-3", "--output", str(result), *options], say=lines.append)
    assert lines[0].startswith(f"LoadedModel(slug='{SLUG}', sha256='{here.sha256}', commit='{here.commit}'")
    assert fell(lines)
    assert ("backbone: bit-identical" in lines) is kept
    tuned = torch.load(result, weights_only=True)["params"]
    base = torch.load(here.in_place, weights_only=True)["params"]
    moved = {name for name in base if not torch.equal(base[name], tuned[name])}
    assert {"ending.weight", "ending.bias"} <= moved
    assert (moved == {"ending.weight", "ending.bias"}) is kept


def test_the_example_says_where_there_is_no_page() -> None:
    with pytest.raises(SystemExit, match="no test page for defocus-deblurring-dual-pixel"):
        example().pair(Task.DEFOCUS_DEBLURRING_DUAL_PIXEL, "cpu")
