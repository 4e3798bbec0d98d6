"""Restoring a picture keeps its size, its depth and its transparency, whatever the network takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from restoration_models import architectures
from restoration_models.pictures import Picture
from restoration_models.restoration import (
    NotANumber,
    NotForPictures,
    OtherSize,
    OutOfMemory,
    restore,
)
from restoration_models.training import LoadedModel
from support.checkpoints import network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.checkpoints import Family

RANDOM = np.random.default_rng(0)


def model(
    call: Callable[[torch.Tensor], torch.Tensor] = lambda image: image,
    *,
    channels: int = 3,
    task: str = "motion-deblurring",
    scale: int = 1,
) -> Any:
    """A loaded model whose network is `call`."""
    return _Model(call, channels, task, scale)


class _Model:
    def __init__(
        self, call: Callable[[torch.Tensor], torch.Tensor], channels: int, task: str, scale: int
    ) -> None:
        self.call, self.task, self.slug = call, task, "demo"
        self.input_channels = channels
        self.device = torch.device("cpu")
        self.architecture = "Demo"
        self.network = SimpleNamespace(scale=scale)
        self.module = torch.nn.Identity()
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(image.shape))
        return self.call(image)


def real(family: Family, path: Path, task: str = "motion-deblurring") -> LoadedModel:
    """A loaded model with random weights."""
    wanted: Any = SimpleNamespace(slug=family, task=task, architecture="UVDoc" if family == "uvdoc" else "")
    return LoadedModel(wanted, architectures.load(network(family).state_dict()), path)


def random(height: int, width: int, channels: int, kind: Any = np.uint8) -> Any:
    return RANDOM.integers(0, np.iinfo(kind).max + 1, (height, width, channels), dtype=kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (37, 301), (200, 131)])
def test_an_identity_gives_the_picture_exactly(kind: Any, channels: int, size: tuple[int, int]) -> None:
    pixels = random(*size, channels, kind)
    alpha = random(*size, 1)[:, :, 0]
    demo = model()
    restored = restore(demo, Picture(pixels, alpha), tile=96, overlap=32)
    assert np.array_equal(restored.picture.pixels, pixels)
    assert restored.picture.pixels.dtype == kind
    assert restored.picture.alpha is alpha
    assert restored.tiles == len(demo.seen)
    assert {shape[1] for shape in demo.seen} == {3}
    assert max(max(shape[2:]) for shape in demo.seen) <= 96


def test_a_colour_picture_becomes_grey_for_a_grey_network() -> None:
    pixels = random(20, 30, 3)
    restored = restore(model(channels=1), Picture(pixels))
    assert restored.picture.grey
    wanted = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(restored.picture.pixels[:, :, 0] - wanted).max() <= 0.51
    assert restored.notes == ("the network is for grey pictures: the result is grey",)


def test_a_grey_picture_stays_grey_where_the_network_tints() -> None:
    tint = torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1, 1)
    restored = restore(model(lambda image: image * 0 + tint), Picture(random(9, 9, 1)))
    assert restored.picture.pixels.shape == (9, 9, 1)
    assert set(np.unique(restored.picture.pixels)) == {round((0.587 * 0.5 + 0.114) * 255)}


def test_progress_counts_to_the_number_of_tiles() -> None:
    told: list[tuple[int, int]] = []
    restored = restore(
        model(), Picture(random(200, 150, 3)), tile=64, overlap=0, progress=lambda *n: told.append(n)
    )
    assert told == [(count + 1, restored.tiles) for count in range(restored.tiles)]
    assert restored.tiles == 12


@pytest.mark.parametrize("family", ["restormer", "nafnet"])
def test_odd_sizes_stay_odd(family: Family, tmp_path: Path) -> None:
    restored = restore(real(family, tmp_path), Picture(random(101, 67, 3)), tile=64, overlap=16)
    assert restored.picture.pixels.shape == (101, 67, 3)


def test_an_unwarping_network_sees_the_page_whole(tmp_path: Path) -> None:
    """At full resolution, however small the tiles; what is transparent moves with the page."""
    page = np.zeros((300, 210, 3), np.uint8)
    page[40:260, 30:180] = 255
    unwarping = real("uvdoc", tmp_path, "document-unwarping")
    restored = restore(unwarping, Picture(page, page[:, :, 0]), tile=64, overlap=0)
    assert restored.tiles == 1
    assert restored.picture.pixels.shape == (300, 210, 3)
    assert restored.picture.alpha is not None
    assert not np.array_equal(restored.picture.pixels, page)
    assert np.array_equal(restored.picture.alpha, restored.picture.pixels[:, :, 0])


def test_a_grey_page_is_unwarped_as_grey(tmp_path: Path) -> None:
    unwarping = real("uvdoc", tmp_path, "document-unwarping")
    deep = random(120, 90, 1, np.uint16)
    restored = restore(unwarping, Picture(deep))
    assert restored.picture.pixels.shape == (120, 90, 1)
    assert restored.picture.deep
    assert restored.picture.alpha is None


def test_dual_pixel_models_are_refused() -> None:
    dual = model(channels=6, task="defocus-deblurring-dual-pixel")
    with pytest.raises(NotForPictures) as caught:
        restore(dual, Picture(random(9, 9, 3)))
    assert str(caught.value) == (
        "demo: takes two views through the halves of one lens, not a picture; "
        "choose a model for single pictures"
    )
    assert dual.seen == []


@pytest.mark.parametrize(
    ("call", "scale"),
    [(lambda image: image, 2), (lambda image: image[:, :1], 1), (lambda image: image[..., 1:], 1)],
)
def test_what_changes_the_size_is_refused(call: Any, scale: int) -> None:
    with pytest.raises(OtherSize):
        restore(model(call, scale=scale), Picture(random(9, 9, 3)))


def test_not_a_number_is_refused() -> None:
    with pytest.raises(NotANumber, match="values that are not numbers"):
        restore(model(lambda image: image * torch.nan), Picture(random(9, 9, 3)))


@pytest.mark.parametrize(
    "error",
    [torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory"), MemoryError()],
)
def test_too_little_memory_is_told_with_its_remedy(error: BaseException) -> None:
    def fail(_image: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(OutOfMemory, match="does not suffice; give a smaller --tile") as caught:
        restore(model(fail), Picture(random(9, 9, 3)))
    assert caught.value.status == 3


def test_a_defect_of_the_network_is_not_dressed_up() -> None:
    def fail(_image: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        restore(model(fail), Picture(random(9, 9, 3)))
