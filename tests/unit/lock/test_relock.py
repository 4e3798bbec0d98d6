"""A lock that is edited is what DVC would have written."""

from __future__ import annotations

import pytest

from restoration_models import lock, relock
from support.layers import REPOSITORY

TEXT = REPOSITORY.lock("layer-2").read_text(encoding="utf-8")


def test_a_model_is_taken_out() -> None:
    assert relock.without(TEXT, "uvdoc") is None
    two = relock.renamed(TEXT, "uvdoc", "other") + TEXT.partition("stages:\n")[2]
    assert relock.without(two, "other") == TEXT
    assert relock.without(TEXT, "nothing") == TEXT


def test_a_download_is_moved_and_its_validation_dropped() -> None:
    before, after = lock.parse(TEXT, "lock"), lock.parse(relock.renamed(TEXT, "uvdoc", "flat"), "lock")
    assert after.stages == ("download@flat",)
    assert after.models["flat"].path == "flat/best_model.pkl"
    assert after.models["flat"].sha256 == before.models["uvdoc"].sha256
    assert after.models["flat"].md5 == before.models["uvdoc"].md5
    assert after.models["flat"].validated is None
    assert (
        relock.renamed(relock.renamed(TEXT, "uvdoc", "x"), "x", "uvdoc") == (TEXT.partition("  validate@")[0])
    )


@pytest.mark.parametrize("text", ["stages: [", "x: 1\n", "- a\n"])
def test_what_is_no_lock_is_said(text: str) -> None:
    with pytest.raises(lock.LockUnreadable):
        relock.without(text, "a")
