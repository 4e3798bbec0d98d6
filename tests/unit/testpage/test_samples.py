"""The degraded pages."""

import hashlib

import numpy as np
import pytest

from restoration_models.tasks import Task
from restoration_models.testpage import NotMeasurable, Sample, degrade, eight_bits, page, psnr, sample, ssim
from restoration_models.testpage.samples import DIM

DEGRADED = {
    Task.DENOISING_REAL: (
        "5c22c3408174a718c348c2f5f2493b0d0e4d816d67ea8f7a9c61ab3966519587",
        "94bdc75e2ef8f0ca65072d7bf6bbec64d47dca444c27dbc98b07687094e2ec30",
    ),
    Task.DENOISING_GAUSSIAN_COLOR: (
        "9558a205da04f7b0fd6727b77e630f7dc41bf9d41f63cee94ed8b556056f6537",
        "816d76bc49d77bba5993067cf1cfa3f5c1f12759b38c2a803629a2e7a7df4785",
    ),
    Task.DENOISING_GAUSSIAN_GRAY: (
        "0378768ecb5ed1f4027eff5c2320fc3dcc7b82e3ba603d7a7c4f1e77fa212c95",
        "01875b1d40086a003b3c2af1c523ab4f64b334922b9b7b25b257d4fb9a086a0b",
    ),
    Task.DERAINING: (
        "5c22c3408174a718c348c2f5f2493b0d0e4d816d67ea8f7a9c61ab3966519587",
        "55b16b26922a44a4b6c456b9e28e8e5c089cda274b206364c913aa2fc1969982",
    ),
    Task.MOTION_DEBLURRING: (
        "9558a205da04f7b0fd6727b77e630f7dc41bf9d41f63cee94ed8b556056f6537",
        "5d15b06481c0d889d76d7f7ba67ba8398cb5edfc314da235a5c0fd286630d269",
    ),
    Task.DEBLURRING_JPEG: (
        "9558a205da04f7b0fd6727b77e630f7dc41bf9d41f63cee94ed8b556056f6537",
        "b8617a39c166f91ae76a7ac0604d40a7e902a93017632f39ec5bb5cbebc3cbd4",
    ),
    Task.DEFOCUS_DEBLURRING: (
        "9558a205da04f7b0fd6727b77e630f7dc41bf9d41f63cee94ed8b556056f6537",
        "19516887c21bdbe505295674ad8c31f08cedfb74b72131bbb2b2820766188153",
    ),
    Task.DOCUMENT_UNWARPING: (
        "843b5d65c27012269dcf4b5469d52858ba71eb9ff2930ac967a137223411caaf",
        "76aeb0b721872c07bff255505fee527b0cccc81ab80309737e9f6f417755026c",
    ),
}


def of(task: Task) -> Sample:
    made = sample(task)
    assert isinstance(made, Sample)
    return made


def test_every_task_has_a_sample_or_a_reason() -> None:
    assert {task for task in Task if isinstance(sample(task), Sample)} == DEGRADED.keys()


def test_two_views_are_not_imitated() -> None:
    answer = sample(Task.DEFOCUS_DEBLURRING_DUAL_PIXEL)
    assert isinstance(answer, NotMeasurable)
    assert "two views" in answer.reason


@pytest.mark.parametrize("task", DEGRADED)
def test_a_sample_is_the_same_everywhere(task: Task) -> None:
    digests = [
        hashlib.sha256(eight_bits(image).tobytes()).hexdigest()
        for image in (of(task).truth, of(task).degraded)
    ]
    assert tuple(digests) == DEGRADED[task]


@pytest.mark.parametrize("task", DEGRADED)
def test_input_and_truth_are_alike_in_form(task: Task) -> None:
    made = of(task)
    channels = 1 if task is Task.DENOISING_GAUSSIAN_GRAY else 3
    height, width = (712, 488) if task is Task.DOCUMENT_UNWARPING else (352, 256)
    for image in (made.truth, made.degraded):
        assert image.shape == (height, width, channels)
        assert image.dtype == np.float32
        assert not image.flags.writeable
        assert image.min() >= 0.0
        assert image.max() <= 1.0
        assert np.array_equal(image, eight_bits(image).astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("task", [task for task in DEGRADED if task is not Task.DOCUMENT_UNWARPING])
def test_a_degraded_card_is_worse_but_not_lost(task: Task) -> None:
    made = of(task)
    assert 17.0 < psnr(made.degraded, made.truth) < 30.0
    assert 0.5 < ssim(made.degraded, made.truth) < 0.95


def test_the_photographed_folio_does_not_overlie_the_flat_one() -> None:
    made = of(Task.DOCUMENT_UNWARPING)
    assert psnr(made.degraded, made.truth) < 10.0


def test_the_photographed_folio_has_desk_on_all_sides() -> None:
    photo = of(Task.DOCUMENT_UNWARPING).degraded
    rim = np.concatenate(
        [
            photo[:14].reshape(-1, 3),
            photo[-14:].reshape(-1, 3),
            photo[:, :14].reshape(-1, 3),
            photo[:, -14:].reshape(-1, 3),
        ]
    )
    assert rim.max() < 0.5
    assert (photo.max(axis=2) > 0.6).mean() > 0.4


@pytest.mark.parametrize("task", [Task.DENOISING_GAUSSIAN_COLOR, Task.DENOISING_GAUSSIAN_GRAY])
def test_gaussian_noise_has_the_strength_that_the_models_expect(task: Task) -> None:
    made = of(task)
    middle = (made.truth > 0.35) & (made.truth < 0.65)
    noise = (made.degraded.astype(np.float64) - made.truth)[middle]
    assert noise.std() == pytest.approx(25 / 255, rel=0.04)
    assert noise.mean() == pytest.approx(0.0, abs=0.005)


def test_camera_noise_grows_with_the_light_and_ties_neighbours_and_channels() -> None:
    flat = np.full((200, 200, 3), 0.5)
    noise = degrade.camera_noise(flat, seed=1) ** 2.2 - flat**2.2
    darker = degrade.camera_noise(flat * 0.4, seed=1) ** 2.2 - (flat * 0.4) ** 2.2
    assert noise.std() > 1.2 * darker.std()
    grain = noise[:, :, 1] - noise[:, :, 1].mean()
    assert (grain[:, 1:] * grain[:, :-1]).mean() > 0.2 * (grain * grain).mean()
    assert abs(np.corrcoef(noise[:, :, 0].ravel(), noise[:, :, 1].ravel())[0, 1]) > 0.1
    assert noise[:, :, 2].std() > noise[:, :, 1].std()


def test_rain_only_brightens_and_leans_one_way() -> None:
    made = of(Task.DERAINING)
    added = made.degraded.astype(np.float64) - made.truth
    assert added.min() >= -1.5 / 255
    assert 0.1 < (added.max(axis=2) > 0.03).mean() < 0.5
    light = added.mean(axis=2)
    light -= light.mean()
    along = (light[6:, :-2] * light[:-6, 2:]).mean()
    across = (light[6:, 2:] * light[:-6, :-2]).mean()
    assert along > 2.0 * across


def test_kernels_keep_the_light_and_their_place() -> None:
    for kernel in (degrade.disc_kernel(2.0), degrade.motion_kernel(6.8, 24.0, 1.0)):
        assert kernel.sum() == pytest.approx(1.0)
        places = np.arange(len(kernel)) - len(kernel) // 2
        assert (kernel.sum(axis=0) * places).sum() == pytest.approx(0.0, abs=0.02)
        assert (kernel.sum(axis=1) * places).sum() == pytest.approx(0.0, abs=0.02)


def test_a_disc_is_round_and_flat() -> None:
    kernel = degrade.disc_kernel(2.0)
    assert np.allclose(kernel, kernel.T)
    assert kernel[3, 3] == pytest.approx(1 / (np.pi * 4), rel=0.01)


@pytest.mark.parametrize(
    "blur", [lambda p: degrade.defocus(p, 2.0), lambda p: degrade.motion_blur(p, length=7, angle=30, bend=1)]
)
def test_a_blur_leaves_a_plain_sheet_alone(blur) -> None:  # type: ignore[no-untyped-def]
    flat = np.full((20, 24, 3), 0.7)
    assert np.allclose(blur(flat), flat, atol=1e-12)


def test_a_darker_exposure_scales_the_linear_light() -> None:
    card = page().astype(np.float64)
    assert np.allclose(degrade.exposed(card, DIM) ** 2.2, DIM * card**2.2)


def test_the_random_stream_is_the_frozen_one() -> None:
    assert np.random.RandomState(102).standard_normal(3).tolist() == pytest.approx(
        [1.668068295330041, 0.9258618159721242, 1.057996774523021]
    )
