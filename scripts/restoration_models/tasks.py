"""The closed vocabulary of tasks: what a model is for."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model does to a page."""

    DENOISING_REAL = "denoising-real"
    DENOISING_GAUSSIAN_COLOR = "denoising-gaussian-color"
    DENOISING_GAUSSIAN_GRAY = "denoising-gaussian-gray"
    DERAINING = "deraining"
    MOTION_DEBLURRING = "motion-deblurring"
    DEBLURRING_JPEG = "deblurring-jpeg"
    DEFOCUS_DEBLURRING = "defocus-deblurring"
    DEFOCUS_DEBLURRING_DUAL_PIXEL = "defocus-deblurring-dual-pixel"
    DOCUMENT_UNWARPING = "document-unwarping"
