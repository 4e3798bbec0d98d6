"""The n8n workflows as files: made from their sources, whole, without a secret; their code under node."""

from __future__ import annotations

import json
import random
import re
import runpy
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from support.n8n import FOLDER, WORKFLOWS
from support.servers import REPOSITORY

KNOWN = {
    "webhook",
    "manualTrigger",
    "set",
    "s3",
    "extractFromFile",
    "code",
    "httpRequest",
    "if",
    "respondToWebhook",
}
SIZE_LIMIT = 200_000


def workflow(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / name / "workflow.json").read_text(encoding="utf-8"))
    return data


def test_the_files_are_what_their_source_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make.py"))["files"]()
    assert {path.parent.name for path in made} == set(WORKFLOWS)
    stale = [path.relative_to(REPOSITORY) for path, text in made.items() if path.read_text("utf-8") != text]
    assert not stale, "run `python integrations/n8n/make.py`"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_whole(name: str) -> None:
    data = workflow(name)
    nodes = {each["name"]: each for each in data["nodes"]}
    assert len(nodes) == len(data["nodes"]) == len({each["id"] for each in data["nodes"]})
    assert {each["type"].removeprefix("n8n-nodes-base.") for each in data["nodes"]} <= KNOWN
    targets = {
        target["node"]
        for outputs in data["connections"].values()
        for output in outputs["main"]
        for target in output
    }
    triggers = {key for key, each in nodes.items() if each["type"].endswith(("webhook", "manualTrigger"))}
    assert set(data["connections"]) <= set(nodes) and targets == set(nodes) - triggers
    # What one node says of another by name must be there.
    text = json.dumps(data)
    assert set(re.findall(r"\$\('([^']+)'\)", text)) <= set(nodes)
    assert data["active"] is False and data["settings"]["saveDataSuccessExecution"] == "none"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_webhook_asks_for_the_token_and_no_file_holds_one(name: str) -> None:
    data = workflow(name)
    for each in data["nodes"]:
        if each["type"].endswith(".webhook"):
            assert each["parameters"]["authentication"] == "headerAuth"
        for credential in each.get("credentials", {}).values():
            assert set(credential) == {"id", "name"}  # n8n keeps what they hold
    text = json.dumps(data).lower()
    assert not re.search(r"bearer |secret|password|akia|eyj", text)
    hosts = set(re.findall(r"https?://([^/\"']+)", text))
    assert hosts <= {"restoration.example.org"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_readme_shows_a_picture_of_every_node(name: str) -> None:
    picture = FOLDER / name / "workflow.svg"
    assert picture.stat().st_size < SIZE_LIMIT
    words = {element.text for element in ET.parse(picture).iter() if element.text}  # noqa: S314 - our own
    assert {each["name"] for each in workflow(name)["nodes"]} <= words
    readme = (FOLDER / name / "README.md").read_text(encoding="utf-8")
    assert "](workflow.svg)" in readme
    for each in workflow(name)["nodes"]:
        if path := each["parameters"].get("path"):
            assert f"/webhook/{path}" in readme


# The code of the nodes, under node ------------------------------------------------------------------


def model(slug: str, **facts: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "slug": slug,
        "task": "denoising-real",
        "layer": "layer-1",
        "sha256": "0" * 64,
        "size": 10,
        "object": {"key": f"pretrained_models/{slug}", "version_id": "v1"},
        "licence": {"spdx": "MIT", "commercial_use": "yes"},
        "input": {},
        "measured": {"gain_db": 1.0},
    }
    return {**data, **facts}


def run(code: Path, tail: str, given: Any, settings: Any) -> subprocess.CompletedProcess[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not on PATH")
    script = (
        f"const $ = () => ({{first: () => ({{json: {json.dumps(settings)}}})}});\n"
        f"const $input = {{first: () => ({{json: {json.dumps(given)}}})}};\n"
        f"const result = (() => {{ {code.read_text(encoding='utf-8')}\n{tail} }})();\n"
        "console.log(JSON.stringify(result[0].json));\n"
    )
    return subprocess.run([program, "-e", script], capture_output=True, text=True, timeout=60, check=False)


def chosen(models: list[dict[str, Any]], task: str = "denoising-real", commercial: bool = False) -> str:
    given = {"data": {"version": 1, "commit": "c", "models": models}}
    done = run(
        FOLDER / "choose.js", "return [{json: answer}];", given, {"task": task, "commercial_use": commercial}
    )
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["model"])


def test_the_best_gain_is_chosen_whatever_the_order() -> None:
    models = [
        model("unmeasured-b", measured=None),
        model("worse"),
        model("best", measured={"gain_db": 2.0}, size=30),
        model("best-and-smaller", measured={"gain_db": 2.0}, size=20),
        model("twin-of-it", measured={"gain_db": 2.0}, size=20),
        model("unmeasured-a", measured=None),
        model("not-free", measured={"gain_db": 9.0}, licence={"spdx": "X", "commercial_use": "no"}),
        model("unclear", measured={"gain_db": 8.0}, licence={"spdx": "X", "commercial_use": "unclear"}),
        model("elsewhere", task="deraining", measured={"gain_db": 99.0}),
    ]
    random.Random(1).shuffle(models)
    assert chosen(models, commercial=True) == "best-and-smaller"
    assert chosen(models) == "not-free"
    assert chosen([each for each in models if "unmeasured" in each["slug"]]) == "unmeasured-a"


def test_unwarping_is_judged_by_the_page_and_not_by_decibels() -> None:
    near = {"gain_db": 1.0, "grid_error_before": 50.0, "grid_error_after": 5.0}
    far = {"gain_db": 7.0, "grid_error_before": 50.0, "grid_error_after": 20.0}
    task = "document-unwarping"
    assert (
        chosen([model("far", task=task, measured=far), model("near", task=task, measured=near)], task)
        == "near"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"version": 1, "models": []}, "no published model for the task denoising-real whose licence"),
        ({"version": 2, "models": []}, "catalogue.json has version 2, this workflow reads 1"),
        (None, "catalogue.json has version undefined"),
    ],
)
def test_without_a_model_it_says_why(data: Any, said: str) -> None:
    settings = {"task": "denoising-real", "commercial_use": True}
    done = run(FOLDER / "choose.js", "return [{json: answer}];", {"data": data}, settings)
    assert done.returncode != 0 and said in done.stderr


def test_changes_become_lines() -> None:
    about = {"layer": "layer-1", "task": "deraining", "before": None, "after": "a" * 64}
    kinds = {"a": "added", "b": "updated", "c": "renamed"}
    changes = [{"model": slug, "change": kind, **about} for slug, kind in kinds.items()]
    body = {"commit": "c", "manifest": {"sha256": "d"}, "changes": changes, "pruned": ["x"]}
    done = run(FOLDER / "changes.js", "", {"body": body}, {})
    assert json.loads(done.stdout)["lines"] == [
        "a: new in layer-1, deraining (aaaaaaaaaaaa)",
        "b: the same weights, other facts",
        "c: renamed",
    ]
