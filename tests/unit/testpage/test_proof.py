"""The picture for people."""

import io

import numpy as np
import pytest
from PIL import Image

from restoration_models.tasks import Task
from restoration_models.testpage import NotMeasurable, eight_bits, picture, sample
from restoration_models.testpage.png import encoded


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


@pytest.mark.parametrize("task", Task)
def test_a_model_that_was_not_run_has_a_picture_too(task: Task) -> None:
    png = picture(sample(task), None)
    image = opened(png)
    assert image.mode == ("L" if task is Task.DENOISING_GAUSSIAN_GRAY else "RGB")
    assert len(png) < 400_000
    assert not image.info


@pytest.mark.parametrize(
    "task", [Task.DENOISING_GAUSSIAN_COLOR, Task.DEBLURRING_JPEG, Task.DOCUMENT_UNWARPING]
)
def test_the_file_of_a_good_restoration_is_small(task: Task) -> None:
    made = sample(task)
    assert not isinstance(made, NotMeasurable)
    better = 0.97 * made.truth + 0.03 * made.degraded
    assert len(picture(made, better)) < 400_000


def test_even_noise_stays_below_the_repository_limit() -> None:
    made = sample(Task.DENOISING_GAUSSIAN_COLOR)
    assert not isinstance(made, NotMeasurable)
    assert len(picture(made, np.random.RandomState(2).random_sample(made.truth.shape))) < 1_000_000


def test_the_panels_show_input_output_and_truth() -> None:
    made = sample(Task.DERAINING)
    assert not isinstance(made, NotMeasurable)
    output = np.clip(made.truth * 0.9, 0, 1)
    shown = np.asarray(opened(picture(made, output)), dtype=np.int16)
    for place, image in enumerate((made.degraded, output, made.truth)):
        left = 12 + place * (256 + 12)
        panel = shown[20 : 20 + 352, left : left + 256]
        assert np.abs(panel - eight_bits(image)).max() <= 1


def test_values_beyond_the_range_are_clipped() -> None:
    made = sample(Task.DERAINING)
    assert not isinstance(made, NotMeasurable)
    shown = np.asarray(opened(picture(made, made.truth * 0 + 7.0)))
    assert shown[100, 12 + 268 + 100].tolist() == [255, 255, 255]


def test_the_same_output_gives_the_same_bytes() -> None:
    made = sample(Task.MOTION_DEBLURRING)
    assert not isinstance(made, NotMeasurable)
    assert picture(made, made.truth) == picture(made, made.truth.copy())


def test_an_output_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(352, 256, 3\) expected, got \(8, 8, 3\)"):
        picture(sample(Task.DERAINING), np.zeros((8, 8, 3)))


@pytest.mark.parametrize("kind", ["noise", "gradient", "flat", "grey"])
def test_a_written_png_reads_back_exactly(kind: str) -> None:
    stream = np.random.RandomState(4)
    pixels = {
        "noise": stream.randint(0, 256, (17, 23, 3)),
        "gradient": np.add.outer(np.arange(40), np.arange(30))[:, :, None] + np.array([0, 60, 120]),
        "flat": np.full((5, 6, 3), (1, 2, 3)),
        "grey": stream.randint(0, 256, (9, 9, 1)).repeat(3, axis=2),
    }[kind].astype(np.uint8)
    image = opened(encoded(pixels))
    assert image.mode == ("L" if kind == "grey" else "RGB")
    assert np.array_equal(np.asarray(image.convert("RGB")), pixels)
