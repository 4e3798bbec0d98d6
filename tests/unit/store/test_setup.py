import json

import pytest

from restoration_models.store import NoKeys
from restoration_models.store.roles import PUBLISHED, ROLES, KeysFileBroken, _hand_out, policy
from restoration_models.store.settings import StoreSettings
from restoration_models.store.setup import grants_everybody, operator
from support.servers import isolated, skeleton

__all__ = ["isolated"]

STORE = StoreSettings("http://127.0.0.1:9000", "models", "dvc", "root", "rootsecret")


def actions(role):
    allowed = [one for one in policy(role, "models")["Statement"] if one["Effect"] == "Allow"]
    return {action for statement in allowed for action in statement["Action"]}


def test_only_a_maintainer_writes_and_nobody_destroys_versions():
    changing = {role: {a for a in actions(role) if a.startswith(("s3:Put", "s3:Delete"))} for role in ROLES}
    assert changing == {
        "maintainer": {"s3:PutObject", "s3:DeleteObject"},
        "trainer": set(),
        "service": set(),
    }
    denied = [one["Action"] for one in policy("maintainer", "models")["Statement"] if one["Effect"] == "Deny"]
    assert denied == [["s3:DeleteObjectVersion"], ["admin:*"]]
    assert not any("*" in action for role in ROLES for action in actions(role))


def test_a_service_reads_published_names_only():
    [look, read, own] = policy("service", "b")["Statement"]
    assert own == {"Effect": "Deny", "Action": ["admin:*"]}
    assert look["Action"] == ["s3:GetBucketLocation"]
    assert read["Resource"] == [f"arn:aws:s3:::b/{name}" for name in PUBLISHED]


def test_a_trainer_lists_its_prefix_only():
    listed = [s for s in policy("trainer", "b", "p")["Statement"] if "s3:ListBucket" in s["Action"]]
    assert [s["Condition"] for s in listed] == [{"StringLike": {"s3:prefix": ["p/*"]}}]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "Allow", "Principal": "*"}, True),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}}, True),
        ({"Effect": "Allow", "Principal": {"AWS": ["x", "*"]}}, True),
        ({"Effect": "Deny", "Principal": "*"}, False),
        ({"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/x"]}}, False),
        ({"Effect": "Allow"}, False),
    ],
)
def test_which_statements_let_everybody_in(statement, expected):
    assert grants_everybody(statement) is expected


def test_secrets_are_long_distinct_and_kept(tmp_path):
    path = tmp_path / "keys.json"
    first = _hand_out(STORE, path, ["maintainer", "trainer"])
    assert len({*first.values()}) == 2
    assert all(len(secret) >= 40 for secret in first.values())
    later = _hand_out(STORE, path, ["trainer", "service"])
    assert later["trainer"] == first["trainer"]
    users = json.loads(path.read_text())["users"]
    assert users["maintainer"] == {"access-key": "maintainer", "secret-key": first["maintainer"]}
    assert sorted(users) == sorted(ROLES)
    path.write_text('{"users": []}')
    with pytest.raises(KeysFileBroken, match="--keys-file"):
        _hand_out(STORE, path, ["trainer"])
    assert path.read_text() == '{"users": []}'


def test_whose_keys_set_a_bucket_up(isolated, tmp_path):
    project = skeleton(tmp_path / "project", with_git=False)
    root = {"MINIO_ROOT_USER": "root", "MINIO_ROOT_PASSWORD": "rs"}
    aws = {"AWS_ACCESS_KEY_ID": "aws", "AWS_SECRET_ACCESS_KEY": "as", "AWS_SESSION_TOKEN": "t"}
    assert operator(project, None, None, root | aws).access_key == "root"
    assert operator(project, None, None, root | aws).session_token is None
    found = operator(project, "https://team.example/", "other", aws)
    assert (found.endpoint, found.bucket, found.access_key) == ("https://team.example", "other", "aws")
    with pytest.raises(NoKeys, match="MINIO_ROOT_PASSWORD"):
        operator(project, None, None, {})
    (project.dvc_folder / "config.local").write_text(
        "['remote \"minio\"']\naccess_key_id = mine\nsecret_access_key = ms\n"
    )
    assert operator(project, None, None, {}).access_key == "mine"
    # Keys of one server are not tried on another.
    with pytest.raises(NoKeys):
        operator(project, "https://team.example", None, {})
