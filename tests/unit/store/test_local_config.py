import stat
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_models.store.local_config import (
    LocalConfigBroken,
    UnwritableValue,
    read_remote,
    write_remote,
)

KEY_TEXT = st.text(string.ascii_letters + string.digits + "/+=-_#,;!@$%&*'\"[](){}<>?.: ", min_size=1)


def test_other_settings_and_comments_stay(tmp_path):
    path = tmp_path / "config.local"
    path.write_text(
        "# top\n[cache]\n    dir = /big\n['remote \"other\"']\n    access_key_id = theirs\n"
        "['remote \"minio\"']\n    # why\n    jobs = 2\n    region = eu\n"
    )
    write_remote(path, "minio", {"access_key_id": "me", "region": None})
    text = path.read_text()
    assert "# top" in text
    assert "# why" in text
    assert "dir = /big" in text
    assert read_remote(path, "other") == {"access_key_id": "theirs"}
    assert read_remote(path, "minio") == {"jobs": "2", "access_key_id": "me"}


def test_the_file_is_private_even_where_it_was_not(tmp_path):
    path = tmp_path / "config.local"
    path.write_text("")
    path.chmod(0o644)
    write_remote(path, "minio", {"secret_access_key": "s"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    target = tmp_path / "elsewhere" / "mine"
    target.parent.mkdir()
    target.write_text("")
    path = tmp_path / "config.local"
    path.symlink_to(target)
    write_remote(path, "minio", {"region": "eu"})
    assert path.is_symlink()
    assert read_remote(target, "minio") == {"region": "eu"}


def test_nothing_is_left_of_a_file_that_says_nothing(tmp_path):
    path = tmp_path / "config.local"
    write_remote(path, "minio", {"region": "eu"})
    write_remote(path, "minio", {"region": None})
    assert not path.exists()
    write_remote(path, "minio", {"region": None})
    assert not path.exists()


@given(value=KEY_TEXT)
def test_what_is_written_is_what_dvc_reads_or_it_is_refused(tmp_path_factory, value):
    from dvc.config import Config

    path = tmp_path_factory.mktemp("clone") / "config.local"
    try:
        write_remote(path, "minio", {"url": "s3://models/dvc", "secret_access_key": value})
    except UnwritableValue as error:
        assert value not in str(error) or len(value) < 4
        assert not path.exists()
        return
    assert read_remote(path, "minio")["secret_access_key"] == value
    assert Config.load_file(str(path))["remote"]["minio"]["secret_access_key"] == value


def test_a_damaged_file_is_named_and_its_secrets_are_not(tmp_path):
    path = tmp_path / "config.local"
    path.write_text("[remote\nsecret_access_key = s3cret\n")
    with pytest.raises(LocalConfigBroken, match=r"not a DVC configuration file \(line 1\)") as caught:
        read_remote(path, "minio")
    assert "s3cret" not in str(caught.value)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LocalConfigBroken, match="not UTF-8"):
        read_remote(path, "minio")
