"""Restoring a picture with a loaded model: any size, any kind, in bounded memory.

The result has the picture's size, depth and transparency. A page to unwarp goes through the
network whole, for the network must see all of it; everything else goes through in tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from restoration_models import tiling
from restoration_models.errors import ModelProblem, RestorationModelsError, UsageProblem, WorldFailure
from restoration_models.pictures import Picture
from restoration_models.tasks import Task

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from restoration_models.training import LoadedModel

    Pixels = NDArray[Any]

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey."""
STRIP = 1 << 22
"""Pixels that are converted at a time where a whole page goes through."""


class NotForPictures(UsageProblem):
    """A network that takes something else than one picture."""

    def __init__(self, slug: str, channels: int, task: str) -> None:
        why = (
            "two views through the halves of one lens"
            if task == Task.DEFOCUS_DEBLURRING_DUAL_PIXEL
            else f"{channels} channels"
        )
        super().__init__(
            f"takes {why}, not a picture", where=slug, remedy="choose a model for single pictures"
        )


class OtherSize(ModelProblem):
    """A network that does not keep the picture's size or channels."""

    def __init__(self, slug: str, expected: tuple[int, ...], found: tuple[int, ...]) -> None:
        super().__init__(
            f"the network made {found} of {expected}",
            where=slug,
            remedy="it does not restore pictures in place",
        )


class NotANumber(ModelProblem):
    """The network's output holds NaN."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            "the network's output holds values that are not numbers",
            where=slug,
            remedy="`models prove` says whether this machine runs the model as it should",
        )


class OutOfMemory(WorldFailure):
    """The device cannot hold what the network needs."""

    def __init__(self, slug: str, tiled: bool) -> None:
        remedy = "give a smaller --tile" if tiled else "use --device cpu, or a smaller picture"
        super().__init__("the device's memory does not suffice", where=slug, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored picture, and how it came about."""

    picture: Picture
    tiles: int
    notes: tuple[str, ...]
    """What a person should know of the result."""


def restore(
    model: LoadedModel,
    picture: Picture,
    *,
    tile: int = tiling.DEFAULT_TILE,
    overlap: int = tiling.DEFAULT_OVERLAP,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """Run `model` over `picture`; the result has the same size and depth.

    A grey picture goes into a colour network as three equal channels and comes out grey; a colour
    picture becomes grey for a grey network. Opacity is kept; unwarping moves it with the page.
    `progress` is told how many tiles are done, of how many.

    Raises `NotForPictures`, `BadTiling`, `OtherSize`, `NotANumber`, `OutOfMemory`.
    """
    if model.input_channels not in (1, 3):
        raise NotForPictures(model.slug, model.input_channels, model.task)
    if model.network.scale != 1:
        scale = model.network.scale
        large = (picture.height * scale, picture.width * scale)
        raise OtherSize(model.slug, (picture.height, picture.width), large)
    notes = list(picture.notes)
    if model.input_channels == 1 and not picture.grey:
        notes.append("the network is for grey pictures: the result is grey")
        picture = picture.with_pixels(_grey(picture.pixels), alpha=picture.alpha)
    tiles = tiling.Tiles.of(picture.height, picture.width, tile, overlap)
    total = pieces(model, picture, tiles)
    whole = model.task == Task.DOCUMENT_UNWARPING
    try:
        if whole:
            restored = _unwarped(model, picture)
            if picture.alpha is not None and restored.alpha is None:
                notes.append("the transparency is left out: how this network moves it is not known")
            progress(1, 1)
        else:
            restored = _tiled(model, picture, tiles, progress)
    except RestorationModelsError:
        raise
    except (RuntimeError, MemoryError) as error:
        if _is_memory(error):
            raise OutOfMemory(model.slug, tiled=not whole) from error
        raise
    return Restored(restored, total, tuple(notes))


def pieces(model: LoadedModel, picture: Picture, tiles: tiling.Tiles) -> int:
    """In how many tiles the picture goes through: 1 where the network must see all of it."""
    return 1 if model.task == Task.DOCUMENT_UNWARPING else tiles.count


def _tiled(
    model: LoadedModel, picture: Picture, tiles: tiling.Tiles, progress: Callable[[int, int], None]
) -> Picture:
    import numpy as np

    result: Pixels = np.empty_like(picture.pixels)

    def restore_tile(pixels: Pixels) -> NDArray[np.float32]:
        output = _checked(model, pixels, model(_tensor(model, pixels, picture.most)))
        return _array(output, grey=picture.grey)

    def tell(done: int) -> None:
        progress(done, tiles.count)

    for top, strip in tiling.run(picture.pixels, tiles, restore_tile, tell):
        result[top : top + len(strip)] = _whole_numbers(strip, picture)
    return picture.with_pixels(result, alpha=picture.alpha)


def _unwarped(model: LoadedModel, picture: Picture) -> Picture:
    """Flatten a page; its opacity is moved by the very same mesh."""
    import numpy as np

    meshes: list[Any] = []
    hook = model.module.register_forward_hook(lambda _module, _inputs, output: meshes.append(output))
    try:
        image = _tensor(model, picture.pixels, picture.most)
        output = _checked(model, picture.pixels, model(image))
    finally:
        hook.remove()
    del image
    result: Pixels = np.empty_like(picture.pixels)
    rows = max(1, STRIP // picture.width)
    for top in range(0, picture.height, rows):
        strip = _array(output[:, :, top : top + rows], grey=picture.grey)
        result[top : top + rows] = _whole_numbers(strip, picture)
    return picture.with_pixels(result, alpha=_moved(model, picture, meshes))


def _moved(model: LoadedModel, picture: Picture, meshes: list[Any]) -> Pixels | None:
    """The picture's opacity, unwarped as its colours were."""
    if picture.alpha is None or model.architecture != "UVDoc":
        return None
    import numpy as np
    import torch

    from restoration_models.architectures.uvdoc import unwarp

    opacity = _tensor_of(picture.alpha[:, :, None], 255).to(model.device)
    with torch.inference_mode():
        # The network is not asked again: its answer for the colours stands for it.
        moved: Any = unwarp(lambda _reduced: meshes[-1], opacity)  # type: ignore[arg-type]
    values: Pixels = np.floor(_array(moved, grey=True)[:, :, 0] * np.float32(255) + np.float32(0.5))
    return values.astype(np.uint8)


def _tensor(model: LoadedModel, pixels: Pixels, most: int) -> torch.Tensor:
    """(H, W, C) values up to `most` as (1, channels, H, W) in 0..1 on the model's device."""
    image = _tensor_of(pixels, most).to(model.device)
    if image.shape[1] < model.input_channels:
        image = image.repeat(1, model.input_channels, 1, 1)
    return image


def _tensor_of(pixels: Pixels, most: int) -> torch.Tensor:
    import numpy as np
    import torch

    plain = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    plain /= np.float32(most)
    return torch.from_numpy(plain)[None]


def _checked(model: LoadedModel, pixels: Pixels, output: torch.Tensor) -> torch.Tensor:
    expected = (1, model.input_channels, *pixels.shape[:2])
    if tuple(output.shape) != expected:
        raise OtherSize(model.slug, expected, tuple(output.shape))
    if bool(output.isnan().any()):
        raise NotANumber(model.slug)
    return output


def _array(output: torch.Tensor, *, grey: bool) -> NDArray[np.float32]:
    """(1, C, H, W) on any device as (H, W, C); as (H, W, 1) where the picture was grey."""
    import numpy as np

    values: NDArray[np.float32] = output[0].float().permute(1, 2, 0).contiguous().cpu().numpy()
    if grey and values.shape[2] == 3:
        # Exact where all three agree, as they do for a network that treats them alike.
        red = values[:, :, :1]
        others = LUMA[1] * (values[:, :, 1:2] - red) + LUMA[2] * (values[:, :, 2:] - red)
        return (red + others).astype(np.float32)
    return values


def _whole_numbers(strip: NDArray[np.float32], picture: Picture) -> Pixels:
    import numpy as np

    values = np.clip(strip, 0, 1) * np.float32(picture.most) + np.float32(0.5)
    whole: Pixels = np.minimum(np.floor(values), picture.most).astype(picture.pixels.dtype)
    return whole


def _grey(pixels: Pixels) -> Pixels:
    import numpy as np

    shares = np.array(LUMA, dtype=np.float32)
    grey: Pixels = np.floor(pixels @ shares + np.float32(0.5)).astype(pixels.dtype)
    return grey[:, :, None]


def _is_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
