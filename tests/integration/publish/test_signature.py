"""Signed manifests: stored before what they sign, verified by their key and by nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from restoration_models.publish import publish
from restoration_models.publish.bucket import Bucket
from restoration_models.publish.verify import verify
from restoration_models.signature import (
    KeyUnusable,
    SignatureMissing,
    SignatureWrong,
    Signer,
    signature_name,
)
from support.published import Shelf, Shop
from support.servers import models

if os.environ.get("CI") != "true":
    pytest.importorskip("model_signing", reason="the extra `sign` is not installed")


def keys(folder: Path, name: str, curve: str = "prime256v1", *encrypt: str) -> tuple[Path, Path]:
    """A key pair, as the README makes it."""
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    subprocess.run(
        ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(private)], check=True
    )
    subprocess.run(
        ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)],
        check=True,
        capture_output=True,
    )
    if encrypt:
        command = ["openssl", "ec", "-in", str(private), "-out", str(private), "-aes256", *encrypt]
        subprocess.run(command, check=True, capture_output=True)
    return private, public


def test_a_signed_manifest_verifies_by_its_key_alone(shelf: Shelf, bucket: Shop, tmp_path: Path) -> None:
    shelf.push(bucket)
    private, public = keys(tmp_path, "team")
    _, other = keys(tmp_path, "other")
    done = publish(shelf.project, bucket=bucket.bucket, sign=private)
    content = bucket.read("catalogue.json")
    assert done.signature == signature_name(content)
    assert verify(shelf.project, bucket=bucket.bucket, key=public).signed
    with pytest.raises(SignatureWrong, match="another key made it"):
        verify(shelf.project, bucket=bucket.bucket, key=other)
    # Somebody who may write replaces the manifest, and keeps the signature where it is looked for.
    changed = content.replace(b'"commercial_use": "yes"', b'"commercial_use": "no"')
    signed = bucket.read(done.signature)
    bucket.write("catalogue.json", changed)
    with pytest.raises(SignatureMissing):
        verify(shelf.project, bucket=bucket.bucket, key=public)
    bucket.write(signature_name(changed), signed)
    with pytest.raises(SignatureWrong, match="it is of other bytes"):
        verify(shelf.project, bucket=bucket.bucket, key=public)
    bucket.write(signature_name(changed), b"{}")
    with pytest.raises(SignatureWrong, match="it is not one, or was damaged"):
        verify(shelf.project, bucket=bucket.bucket, key=public)


def test_signing_again_writes_nothing_and_another_key_replaces(
    shelf: Shelf, bucket: Shop, tmp_path: Path
) -> None:
    shelf.push(bucket)
    private, _ = keys(tmp_path, "team")
    publish(shelf.project, bucket=bucket.bucket)
    publish(shelf.project, bucket=bucket.bucket, sign=private)  # later, of the manifest that is there
    before = bucket.versions()
    done = publish(shelf.project, bucket=bucket.bucket, sign=private)
    assert bucket.versions() == before
    later, public = keys(tmp_path, "later")
    publish(shelf.project, bucket=bucket.bucket, sign=later)
    assert verify(shelf.project, bucket=bucket.bucket, key=public).sha256 == done.manifest_sha256


def test_the_signature_is_there_before_the_manifest(shelf: Shelf, bucket: Shop, tmp_path: Path) -> None:
    private, public = keys(tmp_path, "team")

    class Ending(Bucket):
        def put_manifest(self, content: bytes, replaces: object) -> bool:
            assert self.has(signature_name(content))
            raise KeyboardInterrupt

    shelf.push(bucket)
    with pytest.raises(KeyboardInterrupt):
        publish(shelf.project, bucket=Ending(bucket.settings), sign=private)
    publish(shelf.project, bucket=bucket.bucket, sign=private)
    assert verify(shelf.project, bucket=bucket.bucket, key=public).signed


@pytest.mark.needs_minio
def test_the_openssf_command_verifies_it_too(shelf: Shelf, on_minio: Shop, tmp_path: Path) -> None:
    shelf.use(on_minio)
    shelf.push(on_minio)
    private, public = keys(tmp_path, "team", "prime256v1", "-passout", "pass:of-the-test")
    done = models(shelf.root, "publish", "--sign", str(private), MODELS_SIGN_PASSWORD="of-the-test")
    assert done.returncode == 0, done.stderr
    assert models(shelf.root, "verify", "--key", str(public)).returncode == 0
    folder = tmp_path / "manifest"
    folder.mkdir()
    content = on_minio.read("catalogue.json")
    (folder / "catalogue.json").write_bytes(content)
    name = signature_name(content)
    (tmp_path / "model.sig").write_bytes(on_minio.read(name))
    command = [str(Path(sys.executable).with_name("model_signing")), "verify", "key", str(folder)]
    command += ["--signature", str(tmp_path / "model.sig"), "--public_key", str(public)]
    subprocess.run(command, check=True, capture_output=True)
    # A reader that keeps the two beside each other, as they are in the bucket.
    (folder / name).parent.mkdir()
    (folder / name).write_bytes(on_minio.read(name))
    found = models(shelf.root, "verify", "--key", str(public), "--manifest", str(folder / "catalogue.json"))
    assert found.returncode == 0, found.stderr


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    private, public = keys(tmp_path, "team", "prime256v1", "-passout", "pass:of-the-test")
    odd, odd_public = keys(tmp_path, "odd", "secp256k1")
    rsa = tmp_path / "rsa.key"
    subprocess.run(["openssl", "genrsa", "-out", str(rsa), "2048"], check=True, capture_output=True)
    for path, password in (
        (private, None), (private, "wrong"), (public, None), (odd, None), (rsa, None),
    ):  # fmt: skip
        with pytest.raises(KeyUnusable):
            Signer.read(path, {"MODELS_SIGN_PASSWORD": password} if password else {})
    signer = Signer.read(private, {"MODELS_SIGN_PASSWORD": "of-the-test"})
    assert "of-the-test" not in repr(signer)
    signed = signer.sign(b"a manifest")
    assert signer.made(b"a manifest", signed) and not signer.made(b"another", signed)
    from restoration_models.signature import verify as verify_bytes

    for path in (private, odd_public, rsa):
        with pytest.raises(KeyUnusable):
            verify_bytes(b"a manifest", signed, path, "here")
