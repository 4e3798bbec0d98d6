"""Finding the printed marks and measuring how far they lie off."""

import numpy as np
import pytest

from restoration_models.tasks import Task
from restoration_models.testpage import Sample, find_marks, grid_error, mark_places, page, sample
from restoration_models.testpage.warp import flat, photographed, pixel_centres, sampled

FOLIO = page(Task.DOCUMENT_UNWARPING)
HEIGHT, WIDTH = FOLIO.shape[:2]


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    made = sample(Task.DOCUMENT_UNWARPING)
    assert isinstance(made, Sample)
    return made.degraded


def moved(dx: float, dy: float) -> np.ndarray:
    return sampled(FOLIO, pixel_centres(HEIGHT, WIDTH) - np.array([dx, dy]))


def turned(degrees: float, scale: float) -> np.ndarray:
    """Return the rows that turn and scale around the folio's middle."""
    c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    return np.array([[c, -s], [s, c]])


def test_the_flat_folio_has_no_error() -> None:
    error = grid_error(FOLIO)
    assert (error.found, error.of) == (45, 45)
    assert error.mean < 0.02


@pytest.mark.parametrize("shift", [(0.5, 0.0), (3.0, -4.0), (-7.3, 5.6), (12.0, 16.0)])
def test_a_shift_is_measured(shift: tuple[float, float]) -> None:
    error = grid_error(moved(*shift))
    assert error.found == 45
    assert error.mean == pytest.approx(np.hypot(*shift), abs=0.05)


@pytest.mark.parametrize(("degrees", "scale"), [(2.0, 1.0), (-4.0, 0.9), (6.0, 0.75)])
def test_a_turn_is_measured(degrees: float, scale: float) -> None:
    middle = np.array([WIDTH, HEIGHT]) / 2
    rows = turned(degrees, scale)
    places = (pixel_centres(HEIGHT, WIDTH) - middle) @ np.linalg.inv(rows).T + middle
    true = mark_places()
    expected = np.hypot(*np.moveaxis((true - middle) @ rows.T + middle - true, -1, 0)).mean()
    error = grid_error(sampled(FOLIO, places))
    assert error.found == 45
    assert error.mean == pytest.approx(expected, abs=0.3)


def test_a_wave_is_measured() -> None:
    def wave(places: np.ndarray) -> np.ndarray:
        x, y = places[..., 0], places[..., 1]
        return np.stack([6 * np.sin(y / 90.0), 9 * np.sin(x / 70.0)], axis=-1)

    places = pixel_centres(HEIGHT, WIDTH)
    true = mark_places()
    found = true.copy()
    for _ in range(30):  # where the mark goes: the place whose source is the mark
        found = true - wave(found)
    error = grid_error(sampled(FOLIO, places + wave(places)))
    assert error.found == 45
    assert error.mean == pytest.approx(np.hypot(*np.moveaxis(found - true, -1, 0)).mean(), abs=0.3)


def test_the_photograph_is_far_off_and_its_marks_are_found_where_they_are(photo: np.ndarray) -> None:
    error = grid_error(photo)
    assert error.found == 45
    assert error.mean > 40
    seen = photographed(mark_places())
    for (column, row), place in find_marks(photo).items():
        assert place == pytest.approx(tuple(seen[row, column]), abs=0.3)


def test_a_perfect_unwarping_leaves_almost_nothing(photo: np.ndarray) -> None:
    error = grid_error(sampled(photo, photographed(pixel_centres(HEIGHT, WIDTH))))
    assert error.found == 45
    assert error.mean < 0.1


def test_a_half_done_unwarping_lies_between(photo: np.ndarray) -> None:
    places = pixel_centres(HEIGHT, WIDTH)
    halfway = grid_error(sampled(photo, (places + photographed(places)) / 2))
    assert halfway.found == 45
    assert 15 < halfway.mean < 0.7 * grid_error(photo).mean


@pytest.mark.parametrize(
    "image", [np.ones_like(FOLIO), np.zeros_like(FOLIO), np.random.RandomState(1).random_sample(FOLIO.shape)]
)
def test_a_picture_without_marks_gains_nothing(photo: np.ndarray, image: np.ndarray) -> None:
    error = grid_error(image)
    assert error.found == 0
    assert error.mean == pytest.approx(grid_error(photo).mean, abs=0.1)


def test_specks_of_the_marks_colours_are_not_taken_for_the_grid(photo: np.ndarray) -> None:
    speckled = np.full_like(FOLIO, 0.8)
    for x, y in np.random.RandomState(7).randint(8, 480, (120, 2)):
        speckled[y : y + 6, x : x + 6] = (0.0, 0.6, 0.2)
    assert grid_error(speckled).mean > 0.8 * grid_error(photo).mean


@pytest.mark.parametrize("wrong", [FOLIO[:, ::-1], FOLIO[::-1], FOLIO[::-1, ::-1]])
def test_a_mirrored_or_inverted_page_is_no_success(photo: np.ndarray, wrong: np.ndarray) -> None:
    assert grid_error(wrong).mean > 0.7 * grid_error(photo).mean


def test_a_lost_mark_counts_as_its_distance_before() -> None:
    erased = FOLIO.copy()
    x, y = mark_places()[0, 0]
    erased[round(y) - 8 : round(y) + 8, round(x) - 8 : round(x) + 8] = erased[40, 5]
    error = grid_error(erased)
    before = photographed(mark_places())[0, 0] - mark_places()[0, 0]
    assert error.found == 44
    assert error.mean == pytest.approx(np.hypot(*before) / 45, abs=0.02)


def test_marks_are_never_read_one_step_off() -> None:
    # A column lost at the border would fit the grid as well one column further, but for the colours.
    cropped = moved(-60.0, 0.0)
    found = find_marks(cropped)
    true = mark_places()
    assert len(found) == 36
    for (column, row), (x, _) in found.items():
        assert x == pytest.approx(true[row, column, 0] - 60.0, abs=0.1)


def test_shading_and_softness_hardly_matter() -> None:
    shade = np.linspace(0.5, 1.0, WIDTH)[None, :, None]
    places = pixel_centres(HEIGHT, WIDTH)
    soft = (sampled(FOLIO, places + 0.7) + sampled(FOLIO, places - 0.7)) / 2
    error = grid_error(soft * shade)
    assert error.found == 45
    assert error.mean < 0.2


def test_the_map_and_its_inverse_agree() -> None:
    places = pixel_centres(HEIGHT, WIDTH, 8.0)
    assert np.abs(flat(photographed(places)) - places).max() < 1e-6


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(712, 488, 3\)"):
        grid_error(np.zeros((10, 10, 3)))
