"""The Python of a card runs as it stands."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restoration_models import cards, catalogue
from restoration_models.architectures import require_torch
from support.checkpoints import digests
from support.layers import checkout, entry

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(root: Path, model: dict[str, Any], **options: Any) -> list[str]:
    """The Python blocks of the card of a model, in order."""
    project = checkout(root, {"a": model}, **options)
    loaded = catalogue.load(project)
    return BLOCK.findall(cards.render_model(project, loaded, loaded.model("a")))


def save(root: Path, name: str, content: Any) -> dict[str, Any]:
    """Write the checkpoint of model ``a``; what an entry says of its bytes."""
    import torch

    path = root / "layers" / "second" / "a" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return declared(path)


def declared(path: Path) -> dict[str, Any]:
    size, sha256, _ = digests(path)
    return {"file": path.name, "size": size, "sha256": sha256}


@pytest.fixture
def weights() -> dict[str, Any]:
    """Those of a small NAFNet."""
    require_torch()
    from spandrel.architectures.NAFNet import NAFNet

    network = NAFNet(img_channel=3, width=4, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])
    found: dict[str, Any] = network.state_dict()
    return found


def test_a_model_is_read_loaded_run_and_prepared_for_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Any]
) -> None:
    model = entry("a", **save(tmp_path, "a.pth", {"params": weights}))
    monkeypatch.chdir(tmp_path)
    read, load, tune = blocks(tmp_path, model)
    found: dict[str, Any] = {}
    exec(read, found)  # noqa: S102 - the card's own code is what is tested
    assert found["weights"].keys() == weights.keys()
    found = {}
    exec(load, found)  # noqa: S102
    assert found["restored"].shape == (1, 3, 256, 256)
    assert (found["model"].slug, found["model"].sha256) == ("a", model["sha256"])
    exec(tune, found)  # noqa: S102
    head, rest = found["optimiser"].param_groups
    assert (head["lr"], rest["lr"]) == (1e-4, 1e-5)
    assert (
        sum(p.numel() for p in head["params"])
        == weights["ending.weight"].numel() + weights["ending.bias"].numel()
    )
    every = list(found["model"].module.parameters())
    assert len(head["params"]) + len(rest["params"]) == len(every)
    assert all(parameter.requires_grad for parameter in every)
    assert found["model"].module.training
    assert found["restored"].requires_grad


def test_a_family_without_a_head_is_trained_at_one_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Any]
) -> None:
    model = entry("a", **save(tmp_path, "a.pth", {"params": weights}))
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for block in blocks(tmp_path, model, family={"head": ["*"]})[1:]:
        exec(block, found)  # noqa: S102
    (group,) = found["optimiser"].param_groups
    assert len(group["params"]) == len(weights)


def test_a_network_of_ones_own_is_prepared_with_the_familys_patterns(
    tmp_path: Path, weights: dict[str, Any]
) -> None:
    from spandrel.architectures.NAFNet import NAFNet

    expects = {"architecture": "unregistered", "wrapper-key": "params"}
    module = NAFNet(img_channel=3, width=4, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1])
    for head, groups in ((["ending.*", "intro.*"], [4, len(weights) - 4]), (["*"], [len(weights)])):
        _, tune = blocks(tmp_path, entry("a", expects=expects), family={"head": head})
        found: dict[str, Any] = {"module": module}
        exec(tune, found)  # noqa: S102
        assert [len(group["params"]) for group in found["optimiser"].param_groups] == groups


def test_a_file_without_a_wrapper_is_read_at_its_top_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Any]
) -> None:
    save(tmp_path, "a.pth", weights)
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(blocks(tmp_path, entry("a", expects={"architecture": "NAFNet"}))[0], found)  # noqa: S102
    assert found["weights"].keys() == weights.keys()


def test_reviewed_names_are_allowed_for_the_reading_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Any]
) -> None:
    import fractions

    import torch

    save(tmp_path, "a.pth", {"params": weights, "note": fractions.Fraction(1, 2)})
    monkeypatch.chdir(tmp_path)
    expects = {"architecture": "NAFNet", "wrapper-key": "params", "allow-globals": ["fractions.Fraction"]}
    before = torch.serialization.get_safe_globals()
    found: dict[str, Any] = {}
    exec(blocks(tmp_path, entry("a", expects=expects))[0], found)  # noqa: S102
    assert found["weights"].keys() == weights.keys()
    assert torch.serialization.get_safe_globals() == before
    assert fractions.Fraction not in before


def test_safetensors_are_read_by_their_own_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: dict[str, Any]
) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "layers" / "second" / "a"
    folder.mkdir(parents=True)
    save_file(weights, folder / "a.safetensors")
    monkeypatch.chdir(tmp_path)
    model = entry("a", **declared(folder / "a.safetensors"), expects={"architecture": "NAFNet"})
    found: dict[str, Any] = {}
    exec(blocks(tmp_path, model)[1], found)  # noqa: S102
    assert found["restored"].shape == (1, 3, 256, 256)


def test_names_that_python_or_a_shell_would_read_otherwise_are_quoted(tmp_path: Path) -> None:
    expects = {"architecture": "unregistered", "wrapper-key": "_params_"}
    model = entry("a", file="_a+b.pth", expects=expects)
    project = checkout(tmp_path, {"a": model})
    loaded = catalogue.load(project)
    head = ('it\'s "the" head\\\n', "ñ.*")
    family = loaded.families["nafnet"].model_copy(update={"head": head})
    text = cards.render_model(project, replace(loaded, families={"nafnet": family}), loaded.model("a"))
    read, tune = BLOCK.findall(text)
    assert 'path = "layers/second/a/_a+b.pth"' in read
    assert '["_params_"]' in read
    patterns = [node.value for node in ast.walk(ast.parse(tune)) if isinstance(node, ast.Constant)]
    assert set(head) <= set(patterns)
