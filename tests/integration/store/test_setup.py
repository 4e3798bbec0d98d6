import io
import json
import stat

import pytest
from minio.commonconfig import ENABLED, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import MinioAdminException, S3Error

from restoration_models.store import NotAllowed, StoreUnreachable, WrongKeys, client, setup
from restoration_models.store.health import check_keys, look
from restoration_models.store.roles import ROLES, _admin
from support.servers import commit, dvc, free_port, git, models, skeleton

OBJECTS = (
    "dvc/files/md5/ab/cd",
    "pretrained_models/layer_1/a.pth",
    "catalogue.json",
    "signatures/x.sig",
    "site/index.html",
    "private/notes",
)


def operator_keys(server):
    return {"MINIO_ROOT_USER": server.access_key, "MINIO_ROOT_PASSWORD": server.secret_key}


def refused(call):
    """Whether the server refuses `call`, and for want of permission only."""
    try:
        result = call()
        if hasattr(result, "close"):
            result.close()
        elif hasattr(result, "__next__"):
            list(result)
    except S3Error as error:
        assert error.code == "AccessDenied", error
        return True
    except MinioAdminException as error:
        assert "AccessDenied" in str(error)
        return True
    return False


@pytest.fixture
def bucket(minio_server, tmp_path):
    """A prepared bucket of its own, with an object of every kind; (bucket, keys of the roles)."""
    settings = minio_server.settings("roles-test")
    keys_file = tmp_path / "keys.json"
    prepared = setup.prepare(settings, keys_file)
    assert prepared.roles.created == ROLES
    operator = client(settings)
    for name in OBJECTS:
        operator.put_object(settings.bucket, name, io.BytesIO(name.encode()), len(name))
    keys = json.loads(keys_file.read_text())["users"]
    yield settings, keys, keys_file
    admin = _admin(settings)
    for role in ROLES:
        admin.user_remove(role)
    for found in operator.list_objects(settings.bucket, recursive=True, include_version=True):
        operator.remove_object(settings.bucket, found.object_name, found.version_id)
    operator.remove_bucket(settings.bucket)


def as_role(minio_server, keys, role):
    settings = minio_server.settings(
        "roles-test", access_key=keys[role]["access-key"], secret_key=keys[role]["secret-key"]
    )
    return settings, client(settings)


def readable(speaker, bucket):
    return {name for name in OBJECTS if not refused(lambda name=name: speaker.get_object(bucket, name))}


def writable(speaker, bucket):
    """The objects that this role may replace or delete, by any way that S3 has."""
    found = set()
    for name in OBJECTS:
        ways = (
            lambda name=name: speaker.put_object(bucket, name, io.BytesIO(b"changed"), 7),
            lambda name=name: speaker.put_object(
                bucket, name, io.BytesIO(bytes(6 << 20)), 6 << 20, part_size=5 << 20
            ),
            lambda name=name: speaker.copy_object(
                bucket, name, CopySource(bucket, name), metadata_directive="REPLACE"
            ),
            lambda name=name: speaker.remove_object(bucket, name),
        )
        found |= {name for way in ways if not refused(way)}
    return found


def changes_to_the_bucket(settings, speaker):
    """Everything that would change the bucket, its history or the server; each must be refused."""
    from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
    from minio.versioningconfig import SUSPENDED, VersioningConfig

    bucket, admin = settings.bucket, _admin(settings)
    gone = LifecycleConfig([Rule(ENABLED, rule_id="gone", expiration=Expiration(days=1))])
    public = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{bucket}/*",
                }
            ],
        }
    )
    return {
        "make a bucket": lambda: speaker.make_bucket("another-bucket"),
        "remove the bucket": lambda: speaker.remove_bucket(bucket),
        "suspend versioning": lambda: speaker.set_bucket_versioning(bucket, VersioningConfig(SUSPENDED)),
        "change the lifecycle": lambda: speaker.set_bucket_lifecycle(bucket, gone),
        "drop the lifecycle": lambda: speaker.delete_bucket_lifecycle(bucket),
        "open the bucket": lambda: speaker.set_bucket_policy(bucket, public),
        "write elsewhere": lambda: speaker.put_object("models", "x", io.BytesIO(b"x"), 1),
        "list elsewhere": lambda: list(speaker.list_objects("models")),
        "list users": admin.user_list,
        "add a user": lambda: admin.user_add("intruder", "a-long-enough-secret"),
        "rewrite its policy": lambda: admin.policy_add(f"{bucket}-trainer", policy={"Version": "2012-10-17"}),
        "take another policy": lambda: admin.policy_set("consoleAdmin", user=settings.access_key),
        "stop the server": admin.service_stop,
    }


def version_of(operator, bucket, name):
    return next(
        entry.version_id
        for entry in operator.list_objects(bucket, prefix=name, include_version=True)
        if not entry.is_delete_marker
    )


@pytest.mark.needs_minio
def test_each_role_may_do_its_work_and_nothing_else(bucket, minio_server):
    whole, keys, _ = bucket
    operator = client(whole)
    first = {name: version_of(operator, whole.bucket, name) for name in OBJECTS}

    trainer_settings, trainer = as_role(minio_server, keys, "trainer")
    assert readable(trainer, whole.bucket) == {"dvc/files/md5/ab/cd"}
    assert writable(trainer, whole.bucket) == set()
    assert len(list(trainer.list_objects(whole.bucket, prefix="dvc/", recursive=True))) == 1
    for prefix in ("", "private/", "pretrained_models/", "d"):
        assert refused(lambda prefix=prefix: list(trainer.list_objects(whole.bucket, prefix=prefix)))
        assert refused(
            lambda prefix=prefix: list(
                trainer.list_objects(whole.bucket, prefix=prefix, include_version=True)
            )
        )
    for name in OBJECTS:
        # MinIO lets who reads an object read its versions too: of a content address, the same bytes.
        denied = refused(lambda name=name: trainer.get_object(whole.bucket, name, version_id=first[name]))
        assert denied == (name != "dvc/files/md5/ab/cd")

    service_settings, service = as_role(minio_server, keys, "service")
    published = {"pretrained_models/layer_1/a.pth", "catalogue.json", "signatures/x.sig", "site/index.html"}
    assert readable(service, whole.bucket) == published
    assert writable(service, whole.bucket) == set()
    for prefix in ("", "dvc/", "private/"):
        assert refused(lambda prefix=prefix: list(service.list_objects(whole.bucket, prefix=prefix)))
    for name in OBJECTS:
        denied = refused(lambda name=name: service.get_object(whole.bucket, name, version_id=first[name]))
        assert denied == (name not in published)
    check_keys(service_settings)  # which may not list, and is known
    assert look(service_settings).may_list is False

    maintainer_settings, maintainer = as_role(minio_server, keys, "maintainer")
    assert readable(maintainer, whole.bucket) == set(OBJECTS)
    assert writable(maintainer, whole.bucket) == set(OBJECTS)
    assert list(maintainer.list_objects(whole.bucket, recursive=True, include_version=True))
    assert look(maintainer_settings).versioning == "Enabled"
    # What it replaced and deleted is still there, for it too, and it cannot destroy that.
    name = OBJECTS[0]
    assert refused(lambda: maintainer.remove_object(whole.bucket, name, first[name]))
    several = [DeleteObject(other, first[other]) for other in OBJECTS]
    assert len(list(maintainer.remove_objects(whole.bucket, several))) == len(OBJECTS)
    answer = maintainer.get_object(whole.bucket, name, version_id=first[name])
    assert answer.read() == name.encode()
    answer.close()
    answer.release_conn()

    for settings, speaker in (
        (trainer_settings, trainer),
        (service_settings, service),
        (maintainer_settings, maintainer),
    ):
        allowed = {
            what for what, call in changes_to_the_bucket(settings, speaker).items() if not refused(call)
        }
        assert allowed == set(), settings.access_key
    with pytest.raises(NotAllowed, match="access key trainer may not set up bucket roles-test"):
        setup.prepare(trainer_settings, bucket[2])


@pytest.mark.needs_minio
def test_a_trainer_pulls_and_cannot_push(bucket, minio_server, tmp_path):
    whole, keys, _ = bucket
    one = skeleton(tmp_path / "one")
    (one.root / ".dvc/config").write_text(
        (one.root / ".dvc/config").read_text().replace("s3://models/", "s3://roles-test/")
    )
    (one.root / "weights.pth").write_bytes(b"the weights")
    dvc(one.root, "add", "weights.pth")
    commit(one.root, "weights")
    git(tmp_path, "clone", "--quiet", str(one.root), "two")

    def login(root, role):
        done = models(
            root, "store", "login", "--endpoint", whole.endpoint, "--access-key", role, "--secret-stdin",
            stdin=keys[role]["secret-key"],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    login(one.root, "trainer")
    assert dvc(one.root, "push", check=False).returncode != 0
    login(one.root, "maintainer")
    dvc(one.root, "push")
    login(tmp_path / "two", "trainer")
    dvc(tmp_path / "two", "pull")
    assert (tmp_path / "two/weights.pth").read_bytes() == b"the weights"


@pytest.mark.needs_minio
def test_a_second_set_up_changes_nothing(bucket, minio_server, tmp_path):
    settings, keys, keys_file = bucket
    assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600
    before = keys_file.read_bytes()
    again = setup.prepare(settings, keys_file)
    assert again.changes == ()
    assert again.roles.kept == ROLES
    assert again.roles.keys_file is None
    assert keys_file.read_bytes() == before
    for role in ROLES:
        check_keys(as_role(minio_server, keys, role)[0])

    # What drifted is put right, and nothing else: a policy, the days, an opened bucket, a lost user.
    admin, operator = _admin(settings), client(settings)
    admin.policy_add("roles-test-trainer", policy=json.loads(admin.policy_info("readwrite")))
    operator.set_bucket_policy(
        settings.bucket,
        json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": ["*"]},
                        "Action": ["s3:GetObject"],
                        "Resource": [f"arn:aws:s3:::{settings.bucket}/*"],
                    }
                ],
            }
        ),
    )
    admin.user_remove("service")
    mended = setup.prepare(settings, keys_file, expire_days=10)
    assert mended.changes == (
        "old versions expire after 10 days, unfinished uploads after 7",
        "anonymous access withdrawn",
        "policy roles-test-trainer written",
        "user service created",
    )
    # The service's secret was in the file and is the same again.
    check_keys(as_role(minio_server, keys, "service")[0])
    assert readable(as_role(minio_server, keys, "trainer")[1], settings.bucket) == {OBJECTS[0]}
    rules = operator.get_bucket_lifecycle(settings.bucket).rules
    assert [(rule.rule_id, rule.noncurrent_version_expiration.noncurrent_days) for rule in rules] == [
        ("restoration-models", 10)
    ]


@pytest.mark.needs_minio
def test_init_prints_where_the_keys_are_and_not_the_keys(minio_server, tmp_path):
    project = skeleton(tmp_path / "project")
    arguments = ("store", "init", "--endpoint", minio_server.endpoint, "--bucket", "init-test")
    done = models(project.root, *arguments, **operator_keys(minio_server))
    try:
        assert done.returncode == 0, done.stderr
        [keys_file] = (project.store_data / "roles").iterdir()
        assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600
        assert str(keys_file) in done.stdout
        users = json.loads(keys_file.read_text())["users"]
        assert sorted(users) == sorted(ROLES)
        assert not any(user["secret-key"] in done.stdout + done.stderr for user in users.values())
        again = models(project.root, *arguments, **operator_keys(minio_server))
        assert again.stdout.endswith("is ready, nothing changed\n")
    finally:
        admin = _admin(minio_server.settings())
        for role in ROLES:
            admin.user_remove(role)
        client(minio_server.settings()).remove_bucket("init-test")

    without = models(project.root, *arguments)
    assert without.returncode == 3
    assert "MINIO_ROOT_USER" in without.stderr
    wrong = models(project.root, *arguments, MINIO_ROOT_USER="root", MINIO_ROOT_PASSWORD="wrong-password")
    assert (wrong.returncode, "refuses access key root" in wrong.stderr) == (3, True)


def test_seaweedfs_gets_a_bucket_without_roles(seaweedfs_server, tmp_path):
    project = skeleton(tmp_path / "project")
    arguments = ("store", "init", "--endpoint", seaweedfs_server.endpoint, "--bucket", "init-test")
    done = models(project.root, *arguments, **operator_keys(seaweedfs_server))
    assert done.returncode == 0, done.stderr
    assert "roles skipped: this server has no MinIO admin API" in done.stdout
    settings = seaweedfs_server.settings("init-test")
    assert look(settings).versioning == "Enabled"
    assert setup.prepare(settings, tmp_path / "keys").changes == ()
    assert not (tmp_path / "keys").exists()
    client(settings).remove_bucket("init-test")


def test_what_a_wrong_operator_is_told(any_server, tmp_path):
    with pytest.raises(WrongKeys):
        setup.prepare(any_server.settings(access_key="nobody"), tmp_path / "keys")
    nowhere = any_server.settings()
    with pytest.raises(StoreUnreachable):
        setup.prepare(
            type(nowhere)(f"http://127.0.0.1:{free_port()}", "models", "dvc", "key", "secret"),
            tmp_path / "keys",
        )
    assert not (tmp_path / "keys").exists()
