"""Unwrapping is exact, and what holds no tensors is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from restoration_models.architectures import UnknownArchitecture
from restoration_models.checkpoint import (
    NotAStateDict,
    UnloadableCheckpoint,
    WrongWrapperKey,
    opened,
    unwrap,
)
from restoration_models.scan import Container, ScanReport
from restoration_models.validate.problems import NotFinite
from support.hostile_containers import CHECKSUMS, tar_and_legacy
from support.hostile_parts import described, glob, proto, safetensors, torch_zip

STATE = {"w": torch.zeros(1)}
FLAT = {"w": torch.zeros(1), "params": torch.zeros(1)}
MANY: dict[str, object] = {name: {} for name in "abcdefghi"}
SET = "; set the entry's wrapper-key to the one that holds the state dict"
REMOVE = "; remove the entry's wrapper-key"


def test_declared_key_among_others() -> None:
    """A training checkpoint keeps an optimizer and averaged weights beside the declared ones."""
    content = {"epoch": 3, "optimizer": {"lr": 1}, "params": STATE, "params_ema": {"w": torch.ones(1)}}
    assert unwrap(content, "params") == STATE
    assert unwrap(content, "params_ema")["w"] == 1


@pytest.mark.parametrize(
    ("content", "declared", "text"),
    [
        ({"params_ema": STATE}, "params", "wrapper-key 'params', the file has the keys 'params_ema'" + SET),
        ({"model": STATE, "n": 3}, None, "no wrapper-key, the file has the keys 'model', 'n'" + SET),
        (STATE, "params", "wrapper-key 'params', the file has tensors at the top level" + REMOVE),
        (FLAT, "params", "wrapper-key 'params', the file has tensors at the top level" + REMOVE),
        (MANY, "p", "wrapper-key 'p', the file has the keys 'a', 'b', 'c', 'd', 'e', 'f' and 3 more" + SET),
    ],
)
def test_wrong_wrapper_key_names_what_is_there(content: Any, declared: str | None, text: str) -> None:
    with pytest.raises(WrongWrapperKey) as caught:
        unwrap(content, declared)
    assert str(caught.value) == f"the catalogue declares {text}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "the file holds a list"),
        ({}, "it is empty"),
        ({"w": torch.zeros(1), "epoch": 3}, "epoch holds a int, not a tensor"),
        ({3: torch.zeros(1)}, "the key 3 is no text"),
        ({"w": torch.zeros(2, 2).to_sparse()}, "w is not a dense tensor with values"),
        ({"w": torch.zeros(2, device="meta")}, "w is not a dense tensor with values"),
    ],
)
def test_what_is_no_state_dict(content: Any, reason: str) -> None:
    with pytest.raises(NotAStateDict) as caught:
        unwrap(content, None)
    assert str(caught.value) == f"not a state dict: {reason}; save the model's state_dict() and nothing else"


LONG_NAME = "\x1b" * 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        {LONG_NAME: 3},
        {LONG_NAME: torch.zeros(2, device="meta")},
        {f"{LONG_NAME}{at}": {} for at in range(9)},
    ],
)
def test_a_long_name_makes_no_long_message(content: Any) -> None:
    with pytest.raises((NotAStateDict, WrongWrapperKey)) as caught:
        unwrap(content, None)
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()


def test_a_long_name_in_an_unknown_network() -> None:
    text = str(UnknownArchitecture({f"{LONG_NAME}{at}": None for at in range(9)}))
    assert "these 9 keys" in text
    assert len(text) < 2000
    assert text.isprintable()


def test_a_long_name_with_a_number_that_is_none() -> None:
    assert len(str(NotFinite(LONG_NAME, 3))) < 500


def test_what_the_loader_says_is_never_repeated(tmp_path: Path) -> None:
    """torch advises to load without restriction what it refused; nobody is to read that here."""
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(tar_and_legacy(CHECKSUMS["usual"]))
    scanned = ScanReport(Container.TORCH_LEGACY, (), 1, 1, path.stat().st_size)
    refusals = []
    with opened(path) as file:
        with pytest.raises(UnloadableCheckpoint) as caught:
            file.load(scanned)
        refusals.append(caught.value)
    assert "weights_only" in str(refusals[0].__cause__), "torch still gives this advice"
    path.write_bytes(torch_zip(proto(b"}" + glob("builtins", "eval"))))
    scanned = ScanReport(Container.TORCH_ZIP, (), 1, 1, path.stat().st_size)
    with opened(path) as file:
        with pytest.raises(UnloadableCheckpoint) as caught:
            file.load(scanned)
        refusals.append(caught.value)
    path.write_bytes(safetensors({LONG_NAME: described(offsets=(0, 15))}))
    scanned = ScanReport(Container.SAFETENSORS, (), 1, 1, path.stat().st_size)
    with opened(path) as file:
        with pytest.raises(UnloadableCheckpoint) as caught:
            file.load(scanned)
        refusals.append(caught.value)
    for refusal in refusals:
        assert not any(word in str(refusal) for word in ("weights_only", "safe_globals", "torch.load"))
        assert len(refusal.what) < 120
    assert ["restricted loader" in refusal.what for refusal in refusals] == [False, True, False]
