"""A store whose folder was moved away or deleted shadows the team's no longer."""

from __future__ import annotations

from pathlib import Path

from restoration_models.store import embedded
from restoration_models.store.local_config import read_remote, write_remote
from restoration_models.store.memory import Memory, is_access_key
from restoration_models.store.servers import Kind
from support.servers import skeleton

LOST = {
    "endpointurl": "http://127.0.0.1:20434",
    "access_key_id": "models0123456789abcd",
    "secret_access_key": "gone",
}


def test_an_embedded_key_is_recognised() -> None:
    assert is_access_key(Memory.new(Kind.SEAWEEDFS).access_key)
    assert not is_access_key("trainer")


def test_down_takes_the_settings_of_a_lost_store_away(tmp_path: Path) -> None:
    project = skeleton(tmp_path / "project", with_git=False)
    local = project.dvc_folder / "config.local"
    write_remote(local, "minio", LOST)

    assert not embedded.down(project).was_up

    assert read_remote(local, "minio") == {}


def test_down_leaves_a_persons_own_settings_alone(tmp_path: Path) -> None:
    project = skeleton(tmp_path / "project", with_git=False)
    local = project.dvc_folder / "config.local"
    own = {**LOST, "access_key_id": "trainer"}
    write_remote(local, "minio", own)

    embedded.down(project)

    assert read_remote(local, "minio") == own
