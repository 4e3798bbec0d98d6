"""Unwrapping is exact, and what holds no tensors is named."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from restoration_models.checkpoint import NotAStateDict, WrongWrapperKey, unwrap

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
