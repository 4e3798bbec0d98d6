"""`models publish` and `models verify` as a person runs them, after a real `dvc push`, on real MinIO."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from restoration_models import lock
from restoration_models.publish import publish
from support.published import Shelf, Shop, sha256
from support.receiver import receiver
from support.servers import dvc, git, models

pytestmark = pytest.mark.needs_minio


def test_from_dvc_push_to_the_locked_bytes(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    shelf.keep()
    missing = models(shelf.root, "publish")
    assert missing.returncode == 1
    assert "cleaner: the store does not have it" in missing.stderr
    dvc(shelf.root, "push")
    with receiver() as hook:
        done = models(
            shelf.root, "publish", "--json", "--notify", hook.url, MODELS_NOTIFY_TOKEN="of-the-test"
        )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    manifest = on_minio.manifest()
    for layer in ("layer-1", "layer-2"):
        for slug, entry in lock.read(shelf.project, layer).items():
            model = manifest.model(slug)
            for one in (model.object, *model.aliases):
                content = on_minio.read(one.key, one.version_id)
                assert (sha256(content), len(content)) == (entry.sha256, entry.size)
    assert (said["manifest-sha256"], said["commit"]) == (
        sha256(on_minio.read("catalogue.json")),
        manifest.commit,
    )
    (body,) = hook.bodies
    assert hook.headers[0]["authorization"] == "Bearer of-the-test"
    assert body["event"] == "models.published"
    assert body["manifest"] == {
        "key": "catalogue.json",
        "version_id": said["manifest-version"],
        "sha256": said["manifest-sha256"],
    }
    assert body["changes"] == said["changes"]
    assert [(one["model"], one["change"]) for one in body["changes"]] == [
        ("cleaner", "added"),
        ("sharpener", "added"),
    ]
    on_minio.read("catalogue.json", body["manifest"]["version_id"])

    verified = models(shelf.root, "verify", "--bytes", "--json")
    assert json.loads(verified.stdout)["objects"] == 11, verified.stderr
    shown = models(shelf.root, "publish")
    assert "\n2 models: 0 names copied, 0 small files written, 13 objects as before\n" in f"\n{shown.stdout}"
    assert "not published, declared: dreamt-of\n" in shown.stdout
    assert f"catalogue.json as it was: commit {manifest.commit[:12]}" in shown.stdout


def test_a_notification_that_nobody_took_is_sent_by_the_next_publish(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    shelf.push(on_minio)
    with receiver(400) as hook:
        done = models(shelf.root, "publish", "--notify", hook.url)
        assert done.returncode == 3
        assert "the publish stands, but the notification was not taken (HTTP status 400" in done.stderr
        assert "/hook" not in done.stderr  # a webhook's address is a secret
        assert "2 models" in done.stdout
        assert on_minio.manifest().model("cleaner")
        assert models(shelf.root, "publish", "--notify", hook.url).returncode == 0
        assert len(hook.bodies) == 2 and hook.bodies[0] == hook.bodies[1]
        assert models(shelf.root, "publish", "--notify", hook.url).returncode == 0
        assert len(hook.bodies) == 2


def test_addresses_in_the_clear_are_refused_before_anything_is_done(shelf: Shelf) -> None:
    for url in ("http://example.org/hook", "ftp://127.0.0.1/", "https://u:p@example.org/", "hook"):
        done = models(shelf.root, "publish", "--notify", url)
        assert done.returncode == 2, url
        assert "not an address to notify" in done.stderr


def test_verify_reads_a_manifest_from_a_file(shelf: Shelf, on_minio: Shop, tmp_path: Path) -> None:
    shelf.use(on_minio)
    nothing = models(shelf.root, "verify")
    assert nothing.returncode == 3 and "nothing was published yet" in nothing.stderr
    shelf.push(on_minio)
    publish(shelf.project)
    file = tmp_path / "catalogue.json"
    file.write_bytes(on_minio.read("catalogue.json"))
    done = models(shelf.root, "verify", "--manifest", str(file))
    assert done.returncode == 0 and "2 models" in done.stdout
    assert "signature: not checked" in done.stdout
    file.write_bytes(file.read_bytes().replace(b'"cleaner"', b'"cleaned"', 1))
    assert models(shelf.root, "verify", "--manifest", str(file)).returncode == 1
    assert models(shelf.root, "verify", "--manifest", str(file), "--bytes").returncode == 2


def test_an_uncommitted_change_is_one_red_line(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    shelf.put("cleaner", b"other")
    (shelf.root / "layers/layer-1/params.yaml").write_text("models: {}\n")
    done = models(shelf.root, "publish", "--dry-run")
    assert done.returncode == 1
    assert done.stderr == (
        "not committed: layers/layer-1/params.yaml; commit it, or publish with --allow-dirty: "
        "the manifest then says so\n"
    )
    git(shelf.root, "checkout", "--", ".")
    shelf.push(on_minio)


def test_a_dry_run_tells_what_it_would_do(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    assert models(shelf.root, "publish", "--dry-run").returncode == 1  # the store has nothing yet
    shelf.push(on_minio)
    before = on_minio.versions()
    done = models(shelf.root, "publish", "--dry-run", "--json")
    said = json.loads(done.stdout)
    assert (said["dry-run"], said["manifest-sha256"], len(said["copied"])) == (True, None, 3)
    assert not any("_" in key for key in said)
    shown = models(shelf.root, "publish", "--dry-run").stdout.splitlines()
    assert {line for line in shown if line.startswith("would be")} == {
        *(f"would be copied: {key}" for key in said["copied"]),
        *(f"would be written: {key}" for key in said["uploaded"]),
    }
    assert on_minio.versions() == before


def test_one_model_is_not_some(shelf: Shelf, on_minio: Shop) -> None:
    shelf.use(on_minio)
    shelf.take_away("cleaner")
    shelf.commit()
    shelf.push(on_minio)
    assert "\n1 model: 1 name would be copied, " in models(shelf.root, "publish", "--dry-run").stdout
