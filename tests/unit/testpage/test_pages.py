"""The pages as they are drawn."""

import hashlib
import string
import subprocess
import sys

import numpy as np
import pytest

from restoration_models.tasks import Task
from restoration_models.testpage import eight_bits, page
from restoration_models.testpage.glyphs import glyph, segments
from restoration_models.testpage.plate import Face, Plate

DIGESTS = {
    None: "9558a205da04f7b0fd6727b77e630f7dc41bf9d41f63cee94ed8b556056f6537",
    Task.DOCUMENT_UNWARPING: "843b5d65c27012269dcf4b5469d52858ba71eb9ff2930ac967a137223411caaf",
}


@pytest.mark.parametrize("task", DIGESTS)
def test_a_page_is_the_same_everywhere(task: Task | None) -> None:
    assert hashlib.sha256(eight_bits(page(task)).tobytes()).hexdigest() == DIGESTS[task]


@pytest.mark.parametrize(("task", "shape"), [(None, (352, 256, 3)), (Task.DOCUMENT_UNWARPING, (712, 488, 3))])
def test_a_page_is_rgb_in_whole_steps_of_eight_bits(task: Task | None, shape: tuple[int, ...]) -> None:
    sheet = page(task)
    assert sheet.shape == shape
    assert sheet.dtype == np.float32
    assert 0.0 <= sheet.min() < 0.2
    assert 0.85 < sheet.max() <= 1.0
    assert np.array_equal(sheet, eight_bits(sheet).astype(np.float32) / np.float32(255))


def test_a_page_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        page()[0, 0, 0] = 0.0


def test_the_card_suits_every_size_multiple() -> None:
    assert all(side % 16 == 0 for side in page().shape[:2])


def test_a_page_is_mostly_paper_with_ink_of_several_colours() -> None:
    red, green, blue = np.moveaxis(page(), -1, 0)
    paper = (red > 0.8) & (green > 0.75) & (blue > 0.6)
    assert 0.55 < paper.mean() < 0.85
    assert ((red > green + 0.3) & (red > blue + 0.3)).sum() > 300, "the seal"
    assert ((blue > red + 0.12) & (blue > green + 0.08)).sum() > 100, "the signature"
    assert (np.maximum(np.maximum(red, green), blue) < 0.35).sum() > 2000, "the text"


@pytest.mark.parametrize(
    "character", sorted(set(string.ascii_letters + string.digits + "áéíóúüñÁÉÍÓÚÑ¿?¡!«»().,;:-/%+=º"))
)
def test_every_letter_has_its_own_shape(character: str) -> None:
    width, lines = glyph(character)
    assert 4 < width < 20
    assert len(lines)
    assert lines[:, 0::2].min() > -1.0
    assert lines[:, 0::2].max() < width + 1.0
    assert lines[:, 1::2].min() >= -5.0
    assert lines[:, 1::2].max() < 20.0


def test_an_unknown_letter_is_an_error() -> None:
    with pytest.raises(KeyError):
        glyph("漢")


def test_an_unknown_step_of_a_stroke_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown step 'Q'"):
        segments("0,0 Q 1,1")


def test_a_disc_covers_its_area() -> None:
    plate = Plate(40, 40)
    plate.disc(20.3, 19.6, 9.0)
    cover = plate.coverage()
    assert cover.sum() == pytest.approx(np.pi * 81, rel=0.005)
    assert (cover.sum(axis=0) * (np.arange(40) + 0.5)).sum() / cover.sum() == pytest.approx(20.3, abs=0.02)


def test_a_polygon_covers_its_area() -> None:
    plate = Plate(30, 30)
    plate.polygon([(5, 5), (25, 5), (5, 25)])
    assert plate.coverage().sum() == pytest.approx(200, rel=0.02)


def test_text_is_as_wide_as_measured() -> None:
    face = Face(6.0, tracking=1.0)
    plate = Plate(30, 200)
    assert plate.text("Legajo", 10, 20, face) == pytest.approx(10 + face.width("Legajo"))
    inked = np.nonzero(plate.coverage().sum(axis=0))[0]
    assert 9 <= inked.min() <= 12
    assert inked.max() <= 10 + face.width("Legajo")


def test_text_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 lines where 1 fit"):
        Plate(60, 60).paragraph("uno dos tres cuatro", 0, 10, 60, 10, Face(5.0), 1)


def test_justified_lines_end_at_the_measure() -> None:
    plate = Plate(40, 200)
    plate.paragraph("las cartas que siguen hablan de lluvias y de cosechas", 4, 12, 150, 14, Face(5.5), 3)
    first_line = plate.coverage()[:15]
    assert 152 <= np.nonzero(first_line.sum(axis=0))[0].max() <= 155


def test_the_page_needs_neither_torch_nor_pillow() -> None:
    code = (
        "import sys, restoration_models.testpage as testpage; testpage.page();"
        "sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    )
    path = [entry for entry in sys.path if entry]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(path)})
