"""Every action of S3, of MinIO's administration and of its STS, tried with each role's keys and with none."""

import io
import json
from dataclasses import replace

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, ComposeSource, CopySource, Filter, Tags
from minio.deleteobjects import DeleteObject
from minio.error import MinioAdminException, S3Error
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from minio.notificationconfig import NotificationConfig
from minio.sseconfig import Rule as SseRule
from minio.sseconfig import SSEConfig
from minio.versioningconfig import SUSPENDED, VersioningConfig

from restoration_models.store import client, setup
from restoration_models.store.admin import admin
from restoration_models.store.client import admin_answer
from restoration_models.store.handout import read_secrets
from restoration_models.store.roles import ROLES

BUCKET, ELSEWHERE = "every-action", "somebody-elses"
DVC, PUBLISHED, OTHER = "dvc/files/md5/ab/cd", "pretrained_models/layer_1/a.pth", "private/notes"
MANIFEST, SIGNATURE, SITE = "catalogue.json", "signatures/x.sig", "site/index.html"
NAMES = (DVC, PUBLISHED, MANIFEST, SIGNATURE, SITE, OTHER)
NOBODY = "nobody"
PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}

# What each may do of all that follows; whatever is not here must be refused.
ALLOWED = {
    "maintainer": {
        "list",
        "list d",
        "list dvc/",
        "list private/",
        "list versions",
        "list uploads",
        "versioning: look",
        "location",
        "STS: temporary key",
        "admin: own keys",
        *(
            f"{verb} {name}"
            for name in NAMES
            for verb in ("read", "read version of", "stat", "write", "delete")
        ),
        *(
            f"{verb} {name}"
            for name in NAMES
            for verb in ("copy over", "compose", "upload parts to", "delete several")
        ),
    },
    "trainer": {
        "list dvc/",
        "location",
        "STS: temporary key",
        "admin: own keys",
        f"read {DVC}",
        f"read version of {DVC}",
        f"stat {DVC}",
    },
    "service": {
        "location",
        "STS: temporary key",
        "admin: own keys",
        *(
            f"{verb} {name}"
            for name in (PUBLISHED, MANIFEST, SIGNATURE, SITE)
            for verb in ("read", "read version of", "stat")
        ),
    },
    NOBODY: set(),
}


@pytest.fixture(scope="module")
def prepared(minio_server, tmp_path_factory):
    """(operator's settings, secrets of the roles, first versions by name)."""
    operator = minio_server.settings(BUCKET)
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    setup.prepare(operator, path)
    speaker = client(operator)
    speaker.make_bucket(ELSEWHERE)
    speaker.put_object(ELSEWHERE, "x", io.BytesIO(b"x"), 1)
    versions = {
        name: speaker.put_object(BUCKET, name, io.BytesIO(name.encode()), len(name)).version_id
        for name in NAMES
    }
    yield operator, read_secrets(path), versions
    for role in ROLES:
        admin(operator).user_remove(role)
    for bucket in (BUCKET, ELSEWHERE):
        for found in speaker.list_objects(bucket, recursive=True, include_version=True):
            speaker.remove_object(bucket, found.object_name, found.version_id)
        speaker.remove_bucket(bucket)


def objects(speaker, versions):
    """What can be done with an object, each for every kind of name."""

    def put(name):
        return speaker.put_object(BUCKET, name, io.BytesIO(b"changed"), 7)

    def parts(name):
        return speaker.put_object(BUCKET, name, io.BytesIO(bytes(6 << 20)), 6 << 20, part_size=5 << 20)

    tags = Tags.new_object_tags()
    tags["a"] = "b"
    for name in NAMES:
        first = versions[name]
        yield from {
            f"read {name}": lambda n=name: speaker.get_object(BUCKET, n),
            f"read version of {name}": lambda n=name, v=first: speaker.get_object(BUCKET, n, version_id=v),
            f"stat {name}": lambda n=name: speaker.stat_object(BUCKET, n),
            f"write {name}": lambda n=name: put(n),
            f"upload parts to {name}": lambda n=name: parts(n),
            f"copy over {name}": lambda n=name: speaker.copy_object(
                BUCKET, n, CopySource(BUCKET, n), metadata_directive="REPLACE"
            ),
            f"compose {name}": lambda n=name: speaker.compose_object(BUCKET, n, [ComposeSource(BUCKET, n)]),
            f"delete {name}": lambda n=name: speaker.remove_object(BUCKET, n),
            f"delete several {name}": lambda n=name: several(speaker, n),
            f"destroy version of {name}": lambda n=name, v=first: speaker.remove_object(BUCKET, n, v),
            f"destroy versions of {name}": lambda n=name, v=first: several(speaker, n, v),
            f"tag {name}": lambda n=name: speaker.set_object_tags(BUCKET, n, tags),
            f"untag {name}": lambda n=name: speaker.delete_object_tags(BUCKET, n),
        }.items()


def several(speaker, name, version=None):
    for error in speaker.remove_objects(BUCKET, [DeleteObject(name, version)]):
        raise Refused(error.code)


class Refused(Exception):
    pass


def bucket(speaker, own):
    """What can be done with the bucket, with others, with the server and with the key itself."""
    gone = LifecycleConfig(
        [Rule(ENABLED, rule_filter=Filter(prefix=""), rule_id="x", expiration=Expiration(days=1))]
    )
    tags = Tags.new_bucket_tags()
    tags["a"] = "b"
    yield from {
        "list": lambda: list(speaker.list_objects(BUCKET)),
        "list dvc/": lambda: list(speaker.list_objects(BUCKET, prefix="dvc/", recursive=True)),
        "list d": lambda: list(speaker.list_objects(BUCKET, prefix="d")),
        "list private/": lambda: list(speaker.list_objects(BUCKET, prefix="private/")),
        "list versions": lambda: list(speaker.list_objects(BUCKET, include_version=True)),
        "list uploads": lambda: speaker._list_multipart_uploads(BUCKET),
        "location": lambda: location_of(speaker),
        "versioning: look": lambda: speaker.get_bucket_versioning(BUCKET),
        "versioning: suspend": lambda: speaker.set_bucket_versioning(BUCKET, VersioningConfig(SUSPENDED)),
        "lifecycle: look": lambda: speaker.get_bucket_lifecycle(BUCKET),
        "lifecycle: change": lambda: speaker.set_bucket_lifecycle(BUCKET, gone),
        "lifecycle: drop": lambda: speaker.delete_bucket_lifecycle(BUCKET),
        "policy: look": lambda: speaker.get_bucket_policy(BUCKET),
        "policy: open to everybody": lambda: speaker.set_bucket_policy(BUCKET, json.dumps(PUBLIC)),
        "policy: drop": lambda: speaker.delete_bucket_policy(BUCKET),
        "notification: look": lambda: speaker.get_bucket_notification(BUCKET),
        "notification: change": lambda: speaker.set_bucket_notification(BUCKET, NotificationConfig()),
        "notification: listen": lambda: next(iter(speaker.listen_bucket_notification(BUCKET))),
        "encryption: look": lambda: speaker.get_bucket_encryption(BUCKET),
        "encryption: change": lambda: speaker.set_bucket_encryption(
            BUCKET, SSEConfig(SseRule.new_sse_s3_rule())
        ),
        "tags: look": lambda: speaker.get_bucket_tags(BUCKET),
        "tags: change": lambda: speaker.set_bucket_tags(BUCKET, tags),
        "replication: look": lambda: speaker.get_bucket_replication(BUCKET),
        "lock: look": lambda: speaker.get_object_lock_config(BUCKET),
        "bucket: make": lambda: speaker.make_bucket("another-bucket"),
        "bucket: remove": lambda: speaker.remove_bucket(BUCKET),
        "elsewhere: list": lambda: list(speaker.list_objects(ELSEWHERE)),
        "elsewhere: read": lambda: speaker.get_object(ELSEWHERE, "x"),
        "elsewhere: write": lambda: speaker.put_object(ELSEWHERE, "y", io.BytesIO(b"y"), 1),
        "elsewhere: copy here": lambda: speaker.copy_object(BUCKET, DVC, CopySource(ELSEWHERE, "x")),
        "elsewhere: copy there": lambda: speaker.copy_object(ELSEWHERE, "y", CopySource(BUCKET, DVC)),
        "elsewhere: remove": lambda: speaker.remove_bucket(ELSEWHERE),
    }.items()
    if own is None:
        return
    me = own._provider.retrieve().access_key
    yield from {
        "admin: server": own.info,
        "admin: usage": own.get_data_usage_info,
        "admin: own secret": lambda: own.user_add(me, "a-secret-of-its-own-choice"),
        "admin: another's secret": lambda: own.user_add(
            "maintainer" if me != "maintainer" else "trainer", "x" * 20
        ),
        "admin: new user": lambda: own.user_add("intruder", "a-long-enough-secret"),
        "admin: remove a user": lambda: own.user_remove("service" if me != "service" else "trainer"),
        "admin: disable a user": lambda: own.user_disable("service" if me != "service" else "trainer"),
        "admin: users": own.user_list,
        "admin: own key": lambda: own.add_service_account(
            access_key="intruder", secret_key="a-long-enough-secret"
        ),
        "admin: own keys": lambda: own.list_service_account(me),
        "admin: another's keys": lambda: own.list_service_account(
            "maintainer" if me != "maintainer" else "trainer"
        ),
        "admin: policies": own.policy_list,
        "admin: rewrite own policy": lambda: own.policy_add(
            f"{BUCKET}-{me}", policy={**PUBLIC, "Statement": []}
        ),
        "admin: take another policy": lambda: own.policy_set("consoleAdmin", user=me),
        "admin: attach another policy": lambda: own.attach_policy(["readwrite"], user=me),
        "admin: groups": own.group_list,
        "admin: join a group": lambda: own.group_add("admins", me),
        "admin: reset settings": lambda: own.config_reset("api"),
        "admin: change settings": lambda: own.config_set("api", {"requests_max": "1"}),
        "admin: quota": lambda: own.bucket_quota_set(BUCKET, 1 << 20),
        "admin: profile": lambda: own.profile_start(["cpu"]),
        "admin: restart": own.service_restart,
        "admin: stop": own.service_stop,
        "admin: update": own.update,
        "admin: key server": own.kms_key_status,
        "admin: replicate the site": own.get_site_replication_info,
        "STS: temporary key": lambda: temporary(own),
    }.items()


def location_of(speaker):
    return speaker._execute("GET", BUCKET, query_params={"location": ""})


def temporary(own):
    from minio.credentials import AssumeRoleProvider

    keys = own._provider.retrieve()
    endpoint = f"http://{own._url.netloc}"
    return AssumeRoleProvider(
        sts_endpoint=endpoint, access_key=keys.access_key, secret_key=keys.secret_key
    ).retrieve()


MEANINGLESS = ("XMinioAdminInvalidArgument", "XMinioInvalidIAMCredentials")
"""Refusals of what makes no sense, whoever asks: a temporary key has no secret of its own to change."""


def allowed(call):
    """Whether the server lets `call` through to what it does, be there something to do or not."""
    try:
        result = call()
    except S3Error as error:
        if error.code == "AccessDenied":
            return False
        assert error.code.startswith(
            (
                "NoSuch",
                "ServerSideEncryptionConf",
                "ReplicationConf",
                "ObjectLockConf",
                "InvalidRequest",
                "InvalidBucketState",
            )
        ), error
        return True
    except MinioAdminException as error:
        assert admin_answer(error)[0] in ("AccessDenied", *MEANINGLESS), error
        return False
    except Refused as refusal:
        assert str(refusal) == "AccessDenied"
        return False
    if hasattr(result, "release_conn"):
        result.close()
        result.release_conn()
    return True


@pytest.mark.needs_minio
@pytest.mark.parametrize("role", [NOBODY, "service", "trainer", "maintainer"])
def test_all_that_is_refused(prepared, role):
    operator, secrets, versions = prepared
    if role == NOBODY:
        speaker, own = Minio(operator.netloc, secure=False, region=operator.region), None
    else:
        settings = replace(operator, access_key=role, secret_key=secrets[role])
        speaker, own = client(settings), admin(settings)
    restore(operator)
    tried = dict(objects(speaker, versions)) | dict(bucket(speaker, own))
    assert len(tried) > (100 if own is None else 130)
    # Reading first: what a maintainer deletes cannot be read afterwards.
    found = {what for what, call in sorted(tried.items(), key=lambda item: order(item[0])) if allowed(call)}
    assert found == ALLOWED[role]
    # What was there is still there, in its version: nothing that was let through destroyed it.
    for name, version in versions.items():
        answer = client(operator).get_object(BUCKET, name, version_id=version)
        assert answer.read() == name.encode()
        answer.close()
        answer.release_conn()


def restore(operator):
    """What the role before deleted is there again, as a further version."""
    for name in NAMES:
        client(operator).put_object(BUCKET, name, io.BytesIO(b"again"), 5)


def order(what):
    verbs = (
        "elsewhere",
        "read",
        "stat",
        "list",
        "location",
        "copy",
        "compose",
        "write",
        "upload",
        "tag",
        "untag",
    )
    return next((index for index, verb in enumerate(verbs) if what.startswith(verb)), len(verbs))


@pytest.mark.needs_minio
def test_a_temporary_key_may_do_no_more_than_the_role(prepared):
    """No policy of MinIO's denies making one; it can do what its role can, and a rotation ends it."""
    operator, secrets, versions = prepared
    settings = replace(operator, access_key="trainer", secret_key=secrets["trainer"])
    restore(operator)
    keys = temporary(admin(settings))
    session = replace(
        settings, access_key=keys.access_key, secret_key=keys.secret_key, session_token=keys.session_token
    )
    speaker, own = client(session), admin(session)
    found = {what for what, call in objects(speaker, versions) if allowed(call)}
    found |= {what for what, call in bucket(speaker, own) if what.startswith("admin") and allowed(call)}
    assert found == {"admin: own keys", *(what for what in ALLOWED["trainer"] if DVC in what)}


@pytest.mark.needs_minio
def test_nobody_gets_a_listing_over_http(prepared):
    operator, _, _ = prepared
    for path in (
        "",
        BUCKET,
        f"{BUCKET}/{DVC}",
        f"{BUCKET}?policy",
        "minio/admin/v3/info",
        "minio/v2/metrics/cluster",
    ):
        answer = urllib3.request("GET", f"{operator.endpoint}/{path}", redirect=False, retries=False)
        assert answer.status == 403, (path, answer.status)
