"""Reading and writing pictures: whatever people have, as arrays that a network can take.

A picture is read upright (its EXIF orientation applied) and as RGB or grey, its transparency
apart. Needs Pillow and numpy, which come with the ``torch`` extra.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.files import write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Format:
    """A format that results are written in."""

    name: str
    """Pillow's."""
    alpha: bool
    """Whether it holds transparency."""
    deep: bool
    """Whether it holds 16 bits of grey."""
    options: tuple[tuple[str, Any], ...] = ()


_JPEG = Format("JPEG", alpha=False, deep=False, options=(("quality", 95), ("subsampling", 0)))
_TIFF = Format("TIFF", alpha=True, deep=True, options=(("compression", "tiff_adobe_deflate"),))
FORMATS = {
    ".png": Format("PNG", alpha=True, deep=True),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": Format("WEBP", alpha=True, deep=False, options=(("lossless", True),)),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".bmp": Format("BMP", alpha=False, deep=False),
}
"""By the extension of the file's name."""

_EXACT_GREY = {"L", "LA", "1", "I;16", "I;16L", "I;16B", "I;16N", "I"}
_DEEP_COLOUR = ("RGB;16", "RGBA;16", "LA;16")


class NotAPicture(ModelProblem):
    """A file that cannot be read as a picture."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"cannot be read as a picture ({reason})",
            where=str(path),
            remedy="convert it to PNG or TIFF first",
        )


class PictureMissing(UsageProblem):
    """There is no such file."""

    def __init__(self, path: Path) -> None:
        super().__init__("there is no such picture", where=str(path), remedy="correct the path")


class UnknownFormat(UsageProblem):
    """The result's name has an extension that no format belongs to."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.suffix or 'a name without an extension'} is no format that is written",
            where=str(path),
            remedy=f"use one of {', '.join(FORMATS)}",
        )


class NoTransparency(UsageProblem):
    """The picture is transparent, the format that was asked for cannot be."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the picture has transparency, which {path.suffix} cannot hold",
            where=str(path),
            remedy="write .png, .tif or .webp",
        )


class SameFile(UsageProblem):
    """The result would overwrite the picture it is made from."""

    def __init__(self, path: Path) -> None:
        super().__init__("this is the picture itself", where=str(path), remedy="give the result another name")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as arrays of one type, uint8 or uint16 (0..255 or 0..65535)."""

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    """(H, W, 3) RGB or (H, W, 1) grey."""
    alpha: NDArray[np.uint8] | None = None
    """(H, W) opacity, or None where everything is opaque."""
    profile: bytes | None = None
    """ICC profile of the colours."""
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    """What of the file is not in here, for people."""

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @property
    def grey(self) -> bool:
        """Whether there is one channel."""
        return bool(self.pixels.shape[2] == 1)

    @property
    def deep(self) -> bool:
        """Whether values have 16 bits."""
        return bool(self.pixels.dtype.itemsize == 2)

    @property
    def most(self) -> int:
        """The value of white."""
        return 65535 if self.deep else 255

    def with_pixels(self, pixels: Any, *, alpha: Any = None) -> Picture:
        """The same picture with other values."""
        return replace(self, pixels=pixels, alpha=alpha)


def read(path: Path) -> Picture:
    """Read a picture of any kind that Pillow knows, upright.

    Palettes become RGB, CMYK becomes RGB (through its profile where it has one), black-and-white
    becomes grey, and 16-bit grey stays so. Raises `PictureMissing`, `NotAPicture`, `TorchMissing`.
    """
    image_of = _pillow()
    if not path.exists():
        raise PictureMissing(path)
    try:
        with warnings.catch_warnings():
            # Scans of large pages are larger than Pillow's mark for a suspicious picture.
            warnings.simplefilter("ignore", image_of.DecompressionBombWarning)
            # By the open file: given a path, Pillow 13 maps an uncompressed TIFF that lies on its
            # side with height and width exchanged, and the picture comes out scrambled.
            with path.open("rb") as file, image_of.open(file) as opened:
                return _read(opened)
    except (OSError, ValueError, SyntaxError, EOFError, image_of.DecompressionBombError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, image_of.UnidentifiedImageError):
            reason = "its format is unknown"
        raise NotAPicture(path, reason) from error


def check_target(target: Path, source: Path) -> None:
    """Check that a result for `source` may be written to `target`. Raises `UnknownFormat`, `SameFile`."""
    if target.suffix.lower() not in FORMATS:
        raise UnknownFormat(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise SameFile(target)


def format_of(target: Path, picture: Picture) -> Format:
    """Return the format of `target`'s extension. Raises `UnknownFormat`, `NoTransparency`."""
    found = FORMATS.get(target.suffix.lower())
    if found is None:
        raise UnknownFormat(target)
    if picture.alpha is not None and not found.alpha:
        raise NoTransparency(target)
    return found


def write(path: Path, picture: Picture) -> None:
    """Write `picture` in the format of `path`'s extension, in one step; 8 bits where it holds no 16.

    Raises `UnknownFormat`, `NoTransparency`, `NoSpace`, `DiskFailure`.
    """
    form = format_of(path, picture)
    image_of = _pillow()
    pixels: Any = picture.pixels
    if picture.deep and not (form.deep and picture.grey and picture.alpha is None):
        pixels = _eight_bits(pixels)
    image = image_of.fromarray(pixels[:, :, 0] if picture.grey else pixels)
    if picture.alpha is not None:
        image.putalpha(image_of.fromarray(picture.alpha))
    options: dict[str, Any] = dict(form.options)
    if picture.profile is not None:
        options["icc_profile"] = picture.profile
    if picture.dpi is not None:
        options["dpi"] = picture.dpi
    buffer = io.BytesIO()
    image.save(buffer, format=form.name, **options)
    write_bytes(path, buffer.getvalue())


def _pillow() -> Any:
    from restoration_models.architectures import TorchMissing

    try:
        from PIL import Image
    except ImportError as error:
        raise TorchMissing("Pillow is not installed") from error
    return Image


def _read(opened: Image) -> Picture:
    import numpy as np
    from PIL import ImageOps

    notes = []
    pages = getattr(opened, "n_frames", 1)
    if pages > 1:
        notes.append(f"only the first of {pages} pages was read")
    if any(name in str(tile) for name in _DEEP_COLOUR for tile in getattr(opened, "tile", ())):
        notes.append("16-bit colour was read as 8 bits")
    found = opened.info
    profile, dpi = found.get("icc_profile"), found.get("dpi")
    transparent = "transparency" in found
    image: Any = ImageOps.exif_transpose(opened)
    alpha = None
    if image.mode in _EXACT_GREY and not transparent:
        grey, alpha = _grey(image)
        pixels = grey[:, :, None]
    else:
        image, profile = _rgb(image, profile, transparent=transparent)
        if image.mode in ("RGBA", "LA"):
            alpha = np.asarray(image.getchannel("A"))
            image = image.convert("L" if image.mode == "LA" else "RGB")
        pixels = np.asarray(image)
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if alpha is not None and bool((alpha == 255).all()):
        alpha = None
    density = (float(dpi[0]), float(dpi[1])) if dpi and all(value > 0 for value in dpi) else None
    return Picture(pixels, alpha, profile, density, tuple(notes))


def _grey(image: Image) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Grey values (H, W), and opacity where the picture has one."""
    import numpy as np

    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L")), None
    if image.mode == "LA":
        return np.asarray(image.getchannel("L")), np.asarray(image.getchannel("A"))
    values = np.asarray(image)
    if image.mode == "I" and (values.min() < 0 or values.max() > 65535):
        raise ValueError("its values have more than 16 bits")
    return values.astype(np.uint16), None


def _rgb(image: Image, profile: bytes | None, *, transparent: bool) -> tuple[Image, bytes | None]:
    """`image` as RGB, RGBA or LA, and the profile that holds for it then."""
    mode: str = image.mode
    if mode == "F":
        raise ValueError("its values are decimal numbers without a stated range")
    if mode in ("CMYK", "LAB"):
        return _through_profile(image, profile), None
    if mode in ("L", "1"):
        return image.convert("LA"), profile
    if transparent or mode in ("P", "PA", "RGBA", "RGBa", "La"):
        # A palette may be transparent without saying so in its header: opaque ones come out opaque.
        return image.convert("LA" if mode == "La" else "RGBA"), profile
    return image.convert("RGB"), profile if mode == "RGB" else None


def _through_profile(image: Image, profile: bytes | None) -> Image:
    """CMYK or LAB as sRGB: by its profile, or as Pillow reckons where it has none or a broken one."""
    from PIL import ImageCms

    if profile is not None or image.mode == "LAB":
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
            done = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if done is not None:
                return done
        except (ImageCms.PyCMSError, OSError):
            pass
    return image.convert("RGB")


def _eight_bits(pixels: Any) -> Any:
    import numpy as np

    return np.floor(pixels / np.float32(257) + np.float32(0.5)).astype(np.uint8)
