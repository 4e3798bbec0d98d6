"""Make the workflows and their pictures: ``python integrations/n8n/make.py``.

The two workflows that choose a model share its code (choose.js); a workflow imports on its own,
so that each file holds all it needs. The pictures show the nodes and connections of the files.
"""

from __future__ import annotations

import json
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOKEN = {"httpHeaderAuth": {"id": "modelsWebhookTok", "name": "models: token of the webhooks"}}
API_KEY = {"httpHeaderAuth": {"id": "modelsApiKey0000", "name": "models: key of the restoration API"}}
STORE = {"s3": {"id": "modelsStoreRead0", "name": "models: store, role service"}}
WIDTH, HEIGHT, MARGIN = 172, 80, 24
KINDS = {
    "webhook": ("Webhook", "#8b5cf6"),
    "manualTrigger": ("by hand", "#8b5cf6"),
    "set": ("settings", "#0ea5e9"),
    "s3": ("S3", "#f97316"),
    "extractFromFile": ("JSON", "#22a06b"),
    "code": ("JavaScript", "#f97316"),
    "httpRequest": ("HTTP request", "#0ea5e9"),
    "if": ("if", "#22a06b"),
    "respondToWebhook": ("answer", "#8b5cf6"),
}
NOTES = {
    "Asked by a program": "task, commercial_use",
    "By hand": "the settings' own values",
    "Settings": "what is this team's own",
    "Read the manifest": "catalogue.json, read-only",
    "Open it": "layers, models, figures",
    "Choose": "task, licence, best gain",
    "Answer": "to who asked",
    "Document": "document, task",
    "Restore": "document, chosen model",
    "Published": "from models publish",
    "Is it ours": "event models.published",
    "List what changed": "a line a model",
    "Refuse": "status 422",
}
"""What each node is about: shown on n8n's canvas and in the picture."""

Node = dict[str, Any]


def node(name: str, kind: str, version: float, at: tuple[int, int], parameters: Any, **more: Any) -> Node:
    """One node; its identifier is its name, so that the files stay the same from run to run."""
    return {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "position": list(at),
        "parameters": parameters,
        "notes": NOTES[name],
        "notesInFlow": True,
        **more,
    }


def webhook(name: str, at: tuple[int, int], path: str, method: str) -> Node:
    """A trigger that asks for the token."""
    parameters = {
        "httpMethod": method,
        "path": path,
        "authentication": "headerAuth",
        "responseMode": "responseNode",
        "options": {},
    }
    return node(name, "webhook", 2, at, parameters, webhookId=path, credentials=TOKEN)


def settings(at: tuple[int, int], **values: str) -> Node:
    """The node in which a team writes what is its own."""
    assignments = [
        {"id": key, "name": key, "type": "boolean" if key == "commercial_use" else "string", "value": value}
        for key, value in values.items()
    ]
    return node("Settings", "set", 3.4, at, {"assignments": {"assignments": assignments}, "options": {}})


def manifest(at: tuple[int, int]) -> list[Node]:
    """Read and open catalogue.json."""
    x, y = at
    read = {
        "resource": "file",
        "operation": "download",
        "bucketName": "={{ $json.bucket }}",
        "fileKey": "={{ $json.manifest }}",
        "binaryPropertyName": "data",
    }
    return [
        node("Read the manifest", "s3", 1, at, read, credentials=STORE),
        node("Open it", "extractFromFile", 1, (x + 240, y), {"operation": "fromJson", "options": {}}),
    ]


def choose(at: tuple[int, int], tail: str) -> Node:
    """The node that chooses a model."""
    code = (HERE / "choose.js").read_text(encoding="utf-8") + "\n" + tail + "\n"
    return node("Choose", "code", 2, at, {"jsCode": code})


def answer(name: str, at: tuple[int, int], parameters: dict[str, Any]) -> Node:
    """What the caller gets."""
    return node(name, "respondToWebhook", 1.1, at, {"options": {}, **parameters})


def line(*names: str) -> dict[str, Any]:
    """Connections from each node to the next."""
    return {name: {"main": [[_to(following)]]} for name, following in pairwise(names)}


def _to(name: str) -> dict[str, Any]:
    return {"node": name, "type": "main", "index": 0}


def workflow(identifier: str, name: str, nodes: list[Node], connections: dict[str, Any]) -> dict[str, Any]:
    """A workflow as n8n exports it, not active."""
    return {
        "id": identifier,
        "name": name,
        "nodes": nodes,
        "connections": connections,
        # Else n8n keeps what passed through: documents, and the token among the request's headers.
        "settings": {"executionOrder": "v1", "saveDataSuccessExecution": "none"},
        "active": False,
        "pinData": {},
    }


def choose_model() -> dict[str, Any]:
    """Read the manifest and choose the model for a task."""
    nodes = [
        webhook("Asked by a program", (0, 0), "models-choose", "GET"),
        node("By hand", "manualTrigger", 1, (0, 160), {}),
        settings(
            (240, 80),
            bucket="models",
            manifest="catalogue.json",
            task="={{ $json.query?.task || 'denoising-real' }}",
            commercial_use="={{ ($json.query?.commercial_use ?? 'true') === 'true' }}",
        ),
        *manifest((480, 80)),
        choose((960, 80), "return [{ json: answer }];"),
        answer("Answer", (1200, 80), {"respondWith": "firstIncomingItem"}),
    ]
    connections = line("Asked by a program", "Settings", "Read the manifest", "Open it", "Choose", "Answer")
    return workflow("modelsChoose0001", "Choose a model", nodes, connections | line("By hand", "Settings"))


def restore_document() -> dict[str, Any]:
    """Restore a document by calling the team's API with the chosen model."""
    form = {
        "task": "={{ $json.task }}",
        "model": "={{ $json.model }}",
        "model_sha256": "={{ $json.sha256 }}",
        "model_key": "={{ $json.key }}",
        "model_version_id": "={{ $json.version_id }}",
    }
    document = {
        "parameterType": "formBinaryData",
        "name": "document",
        "inputDataFieldName": "={{ Object.keys($binary)[0] }}",
    }
    request = {
        "method": "POST",
        "url": "={{ $('Settings').first().json.api_url }}",
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
        "sendBody": True,
        "contentType": "multipart-form-data",
        "bodyParameters": {
            "parameters": [document]
            + [{"parameterType": "formData", "name": name, "value": value} for name, value in form.items()]
        },
        "options": {
            "redirect": {"redirect": {"followRedirects": False}},
            "response": {"response": {"responseFormat": "file", "outputPropertyName": "restored"}},
            "timeout": 300000,
        },
    }
    nodes = [
        webhook("Document", (0, 80), "models-restore", "POST"),
        settings(
            (240, 80),
            api_url="https://restoration.example.org/restore",
            bucket="models",
            manifest="catalogue.json",
            task="={{ $json.body?.task || 'denoising-real' }}",
            commercial_use="={{ ($json.body?.commercial_use ?? 'true') === 'true' }}",
        ),
        *manifest((480, 80)),
        choose((960, 80), "return [{ json: answer, binary: $('Document').first().binary }];"),
        node("Restore", "httpRequest", 4.2, (1200, 80), request, credentials=API_KEY),
        answer(
            "Answer",
            (1440, 80),
            {
                "respondWith": "binary",
                "responseDataSource": "set",
                "inputFieldName": "restored",
                "options": {
                    "responseHeaders": {
                        "entries": [{"name": "X-Model", "value": "={{ $('Choose').first().json.model }}"}]
                    }
                },
            },
        ),
    ]
    connections = line("Document", "Settings", "Read the manifest", "Open it", "Choose", "Restore", "Answer")
    return workflow("modelsRestore001", "Restore a document", nodes, connections)


def list_changes() -> dict[str, Any]:
    """Receive what `models publish --notify` posts and list what changed."""
    condition = {
        "options": {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2},
        "conditions": [
            {
                "id": "event",
                "leftValue": "={{ $json.body?.event ?? '' }}",
                "rightValue": "models.published",
                "operator": {"type": "string", "operation": "equals"},
            }
        ],
        "combinator": "and",
    }
    refusal = {
        "respondWith": "json",
        "responseBody": '{"error": "not what models publish posts"}',
        "options": {"responseCode": 422},
    }
    nodes = [
        webhook("Published", (0, 80), "models-published", "POST"),
        node("Is it ours", "if", 2.2, (240, 80), {"conditions": condition, "options": {}}),
        node(
            "List what changed",
            "code",
            2,
            (480, 0),
            {"jsCode": (HERE / "changes.js").read_text(encoding="utf-8")},
        ),
        answer("Answer", (720, 0), {"respondWith": "firstIncomingItem"}),
        answer("Refuse", (480, 160), refusal),
    ]
    connections = line("Published", "Is it ours") | line("List what changed", "Answer")
    connections["Is it ours"] = {"main": [[_to("List what changed")], [_to("Refuse")]]}
    return workflow("modelsChanges001", "List what a publish changed", nodes, connections)


WORKFLOWS = {
    "choose-model": choose_model,
    "restore-document": restore_document,
    "list-changes": list_changes,
}


def arrow(start: tuple[float, float], end: tuple[float, float], said: str) -> list[str]:
    """A connection between two nodes, by their upper left corners."""
    x, y, to_x, to_y = start[0] + WIDTH, start[1] + HEIGHT / 2, end[0], end[1] + HEIGHT / 2
    middle = (x + to_x) / 2
    curve = f"M{x:.0f} {y:.0f} C{middle:.0f} {y:.0f} {middle:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    parts = [f'<path d="{curve}" fill="none" stroke="#64748b" stroke-width="1.6" marker-end="url(#end)"/>']
    return [*parts, text(middle - 20, to_y + (2 if to_y < y else 12), said, 11)] if said else parts


def box(x: float, y: float, one: Node) -> list[str]:
    """A node with its name, kind and, of a webhook, its address."""
    kind, colour = KINDS[one["type"].rpartition(".")[2]]
    path = one["parameters"].get("path")
    said = f"{one['parameters']['httpMethod']} {path}" if path else kind
    frame = f'x="{x:.0f}" y="{y:.0f}" height="{HEIGHT}"'
    return [
        f'<rect {frame} width="{WIDTH}" rx="8" fill="#f8fafc" stroke="{colour}" stroke-width="1.6"/>',
        f'<rect {frame} width="6" rx="3" fill="{colour}"/>',
        text(x + 18, y + 28, one["name"], 14),
        text(x + 18, y + 46, said, 11),
        text(x + 18, y + 64, NOTES[one["name"]], 11),
    ]


def text(x: float, y: float, words: str, size: int) -> str:
    """Words that begin at (x, y)."""
    colour = "#0f172a" if size > 12 else "#475569"
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}">{escape(words)}</text>'


def picture(made: dict[str, Any]) -> str:
    """The workflow's nodes and connections as an SVG picture."""
    nodes = {each["name"]: each for each in made["nodes"]}
    # The canvas of n8n is wider than a page: the columns move together.
    place = {
        name: (MARGIN + each["position"][0] * 0.9, MARGIN + each["position"][1] * 0.66)
        for name, each in nodes.items()
    }
    width = max(x for x, _ in place.values()) + WIDTH + MARGIN
    height = max(y for _, y in place.values()) + HEIGHT + MARGIN
    frame = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img" font-family="sans-serif">',
        f"<title>{escape(made['name'])}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<defs><marker id="end" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0 8 4 0 8z" fill="#64748b"/></marker></defs>',
    ]
    for name, outputs in made["connections"].items():
        for index, targets in enumerate(outputs["main"]):
            for target in targets:
                branch = ("yes", "no")[index] if len(outputs["main"]) > 1 else ""
                parts += arrow(place[name], place[target["node"]], branch)
    for name, each in nodes.items():
        parts += box(*place[name], each)
    return "\n".join([*parts, "</svg>"]) + "\n"


def files() -> dict[Path, str]:
    """Path and text of every file that is made here."""
    found = {}
    for folder, build in WORKFLOWS.items():
        made = build()
        found[HERE / folder / "workflow.json"] = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        found[HERE / folder / "workflow.svg"] = picture(made)
    return found


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
