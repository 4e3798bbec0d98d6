"""Pictures of every kind are read upright and written whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from restoration_models.errors import ModelProblem, UsageProblem
from restoration_models.pictures import (
    FORMATS,
    NotAPicture,
    NoTransparency,
    Picture,
    PictureMissing,
    SameFile,
    UnknownFormat,
    check_target,
    read,
    write,
)

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (11, 7, 3), dtype=np.uint8)
GREY = RANDOM.integers(0, 256, (11, 7), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (11, 7), dtype=np.uint16)


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_colour_and_grey(tmp_path: Path) -> None:
    colour = read(save(tmp_path / "c.png", Image.fromarray(COLOUR)))
    assert np.array_equal(colour.pixels, COLOUR)
    assert (colour.height, colour.width, colour.grey, colour.deep, colour.alpha) == (
        11,
        7,
        False,
        False,
        None,
    )
    grey = read(save(tmp_path / "g.png", Image.fromarray(GREY)))
    assert np.array_equal(grey.pixels, GREY[:, :, None])
    assert grey.grey


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_sixteen_bits_of_grey_stay(tmp_path: Path, extension: str) -> None:
    picture = read(save(tmp_path / f"d.{extension}", Image.fromarray(DEEP)))
    assert picture.deep
    assert picture.most == 65535
    assert np.array_equal(picture.pixels[:, :, 0], DEEP)
    write(tmp_path / f"again.{extension}", picture)
    assert np.array_equal(read(tmp_path / f"again.{extension}").pixels, picture.pixels)
    write(tmp_path / "eight.jpg", picture)
    assert not read(tmp_path / "eight.jpg").deep


def test_sixteen_bits_become_the_nearest_of_eight(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 32896, 65535]], np.uint16)
    write(tmp_path / "x.bmp", Picture(values[:, :, None]))
    assert read(tmp_path / "x.bmp").pixels[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_sixteen_bit_colour_is_told_of(tmp_path: Path) -> None:
    import struct
    import zlib

    raw = b"".join(b"\0" + struct.pack(">6H", *range(0, 60000, 10000)) for _ in range(2))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (tmp_path / "deep.png").write_bytes(data)
    picture = read(tmp_path / "deep.png")
    assert picture.notes == ("16-bit colour was read as 8 bits",)
    assert not picture.deep


def test_transparency_is_kept_apart(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, GREY])
    picture = read(save(tmp_path / "a.png", Image.fromarray(rgba)))
    assert np.array_equal(picture.pixels, COLOUR)
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, GREY)
    for extension in ("png", "tif", "webp"):
        write(tmp_path / f"again.{extension}", picture)
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"again.{extension}"))[:, :, 3], GREY)


def test_grey_with_transparency_stays_grey(tmp_path: Path) -> None:
    image = Image.fromarray(GREY)
    image.putalpha(Image.fromarray(GREY[::-1].copy()))
    picture = read(save(tmp_path / "la.png", image))
    assert picture.grey
    assert picture.alpha is not None
    write(tmp_path / "again.png", picture)
    with Image.open(tmp_path / "again.png") as again:
        assert again.mode == "LA"
        assert np.array_equal(np.asarray(again), np.asarray(image))


def test_full_opacity_is_none(tmp_path: Path) -> None:
    rgba = np.dstack([COLOUR, np.full_like(GREY, 255)])
    assert read(save(tmp_path / "a.png", Image.fromarray(rgba))).alpha is None


def test_palettes_become_colour(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).quantize(16)
    picture = read(save(tmp_path / "p.png", image))
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert picture.alpha is None
    clear = read(save(tmp_path / "t.gif", image, transparency=3))
    assert clear.alpha is not None
    assert set(np.unique(clear.alpha)) == {0, 255}


def test_a_transparent_colour_without_a_palette(tmp_path: Path) -> None:
    picture = read(save(tmp_path / "k.png", Image.fromarray(GREY), transparency=int(GREY[0, 0])))
    assert picture.grey
    assert picture.alpha is not None
    assert picture.alpha[0, 0] == 0


def test_black_and_white_is_grey(tmp_path: Path) -> None:
    picture = read(save(tmp_path / "b.png", Image.fromarray(GREY > 127)))
    assert set(np.unique(picture.pixels)) == {0, 255}
    assert picture.grey


def test_cmyk_becomes_rgb_without_its_profile(tmp_path: Path) -> None:
    image = Image.fromarray(COLOUR).convert("CMYK")
    picture = read(save(tmp_path / "c.tif", image, icc_profile=b"not a profile"))
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert picture.profile is None


def test_the_profile_and_the_resolution_go_along(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = save(tmp_path / "s.png", Image.fromarray(COLOUR), icc_profile=profile, dpi=(300, 300))
    for extension in ("png", "jpg", "tif", "webp"):
        write(tmp_path / f"t.{extension}", read(source))
        with Image.open(tmp_path / f"t.{extension}") as again:
            assert again.info["icc_profile"] == profile
            if extension != "webp":
                assert again.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "tif", "png"])
def test_pictures_are_read_upright(tmp_path: Path, orientation: int, extension: str) -> None:
    """A bright corner ends where the camera's mark says."""
    stored = np.zeros((32, 16), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"o.{extension}", Image.fromarray(stored), exif=exif)
    picture = read(path)
    assert (picture.height, picture.width) == ((16, 32) if orientation > 4 else (32, 16))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert picture.pixels[corner[orientation]][0] > 200
    assert (picture.pixels > 200).sum() == pytest.approx(64, abs=16)
    write(tmp_path / f"again.{extension}", picture)
    again = read(tmp_path / f"again.{extension}")
    assert (again.height, again.width) == (picture.height, picture.width)


def test_of_many_pages_the_first_is_read(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY + np.uint8(n)) for n in range(3)]
    path = save(tmp_path / "m.tif", pages[0], save_all=True, append_images=pages[1:])
    assert read(path).notes == ("only the first of 3 pages was read",)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("hello")
    with pytest.raises(NotAPicture) as caught:
        read(tmp_path / "x.png")
    assert isinstance(caught.value, ModelProblem)
    assert str(caught.value) == (
        f"{tmp_path}/x.png: cannot be read as a picture (its format is unknown); "
        "convert it to PNG or TIFF first"
    )
    with pytest.raises(NotAPicture):
        read(tmp_path)
    with pytest.raises(PictureMissing, match="there is no such picture"):
        read(tmp_path / "none.png")


def test_a_picture_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole, "PNG")
    (tmp_path / "half.png").write_bytes(whole.getvalue()[:2000])
    with pytest.raises(NotAPicture):
        read(tmp_path / "half.png")


def test_decimal_values_without_a_range_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "f.tif", Image.fromarray(np.ones((3, 3), np.float32)))
    with pytest.raises(NotAPicture, match="decimal numbers without a stated range"):
        read(path)


def test_the_result_never_replaces_the_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "c.png", Image.fromarray(COLOUR))
    link = tmp_path / "other.png"
    link.symlink_to(path)
    for target in (path, link, tmp_path / "." / "c.png"):
        with pytest.raises(SameFile, match="this is the picture itself; give the result another name"):
            check_target(target, path)
    check_target(tmp_path / "new.png", path)


@pytest.mark.parametrize("name", ["x.gif", "x", "x.pdf"])
def test_formats_that_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownFormat) as caught:
        check_target(tmp_path / name, tmp_path / "c.png")
    assert isinstance(caught.value, UsageProblem)
    assert "use one of .png, .tif, .tiff, .webp, .jpg, .jpeg, .bmp" in str(caught.value)


@pytest.mark.parametrize("extension", sorted(FORMATS))
def test_every_format_is_written_whole_or_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"x{extension.upper()}"
    clear = Picture(COLOUR, GREY)
    if not FORMATS[extension].alpha:
        with pytest.raises(NoTransparency, match=r"cannot hold; write \.png, \.tif or \.webp"):
            write(path, clear)
        assert list(tmp_path.iterdir()) == []
    write(path, Picture(COLOUR))
    again = read(path)
    assert again.pixels.shape == COLOUR.shape
    if FORMATS[extension].name != "JPEG":
        assert np.array_equal(again.pixels, COLOUR)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
