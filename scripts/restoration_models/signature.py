"""Signatures of the manifest, in the format of OpenSSF Model Signing.

What is signed is a folder with the one file ``catalogue.json``, so that anybody with that project's
own command can verify it too. The signature of a manifest is stored under the digest of the
manifest: a reader that has the one finds the other, whatever was published since.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restoration_models import manifest
from restoration_models.errors import ModelProblem, UsageProblem

PASSWORD = "MODELS_SIGN_PASSWORD"  # noqa: S105 - the name of a variable, not a secret

CURVES = ("secp256r1", "secp384r1", "secp521r1")


class SigningMissing(UsageProblem):
    """What signs is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "signing and verifying need the extra `sign`",
            remedy="pip install '.[sign]'",
        )


class KeyUnusable(UsageProblem):
    """A file is not the key that is needed."""

    def __init__(self, path: Path, kind: str, reason: str) -> None:
        super().__init__(
            f"not a {kind} key on an elliptic curve ({reason})",
            where=str(path),
            remedy="give a PEM file as `openssl ecparam -name prime256v1 -genkey -noout` writes it"
            if kind == "private"
            else "give the PEM file that `openssl ec -pubout` makes of the private key",
        )


class SignatureMissing(ModelProblem):
    """There is no signature of this manifest."""

    def __init__(self, where: str) -> None:
        super().__init__(
            "the manifest is not signed",
            where=where,
            remedy="publish with `models publish --sign KEY`; until then, do not trust it",
        )


class SignatureWrong(ModelProblem):
    """The signature is not of this manifest by this key."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"the signature does not verify ({reason})",
            where=where,
            remedy="do not use this manifest: ask who published it, and with which key",
        )


def signature_name(content: bytes) -> str:
    """Where the signature of the manifest `content` is in the bucket."""
    return f"{manifest.SIGNATURES}{hashlib.sha256(content).hexdigest()}.sig"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs manifests."""

    path: Path
    password: str | None = field(repr=False)
    public: bytes
    """Its public key, PEM."""

    @classmethod
    def read(cls, path: Path, environment: Mapping[str, str] = os.environ) -> Signer:
        """The key in the PEM file `path`; MODELS_SIGN_PASSWORD opens an encrypted one.

        Raises `SigningMissing`, `KeyUnusable` and OSError.
        """
        _api()
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

        password = environment.get(PASSWORD)
        try:
            key = serialization.load_pem_private_key(
                path.read_bytes(), password.encode() if password else None
            )
        except TypeError as error:
            which = "it is not encrypted" if password else "it is encrypted"
            raise KeyUnusable(path, "private", f"{which}: see {PASSWORD}") from error
        except ValueError as error:
            raise KeyUnusable(path, "private", "no PEM, or the wrong password") from error
        if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
            raise KeyUnusable(path, "private", "another kind of key")
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(path, password, public)

    def sign(self, content: bytes) -> bytes:
        """The signature of the manifest `content`."""
        signing, _ = _api()
        with _folder(content) as (model, signature):
            # Declared as text there, and needed as bytes by what reads the key.
            password = self.password.encode() if self.password else None
            config = signing.Config().use_elliptic_key_signer(private_key=self.path, password=password)
            config.sign(model, signature)
            return signature.read_bytes()

    def made(self, content: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's, of the manifest `content`."""
        return _fault(content, signature, self.public) is None


def verify(content: bytes, signature: bytes, key: Path, where: str) -> None:
    """Verify that the owner of the public key in the PEM file `key` signed the manifest `content`.

    `where` stands in messages. Raises `SigningMissing`, `KeyUnusable`, `SignatureWrong` and OSError.
    """
    _api()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    public = key.read_bytes()
    try:
        loaded = serialization.load_pem_public_key(public)
    except ValueError as error:
        raise KeyUnusable(key, "public", "no PEM of a public key") from error
    if not isinstance(loaded, EllipticCurvePublicKey) or loaded.curve.name not in CURVES:
        raise KeyUnusable(key, "public", "another kind of key")
    if fault := _fault(content, signature, public):
        raise SignatureWrong(where, fault)


def _fault(content: bytes, signature: bytes, public: bytes) -> str | None:
    """Why a signature does not verify; None where it does."""
    _, verifying = _api()
    with _folder(content) as (model, path):
        path.write_bytes(signature)
        key = path.with_name("key.pub")
        key.write_bytes(public)
        try:
            verifying.Config().use_elliptic_key_verifier(public_key=key).verify(model, path)
        except Exception as error:  # noqa: BLE001 - hostile input: whatever fails, it is not verified
            said = str(error)
            if said.startswith("Signature mismatch"):
                return "it is of other bytes"
            return "another key made it" if "mismatch" in said else "it is not one, or was damaged"
    return None


@contextmanager
def _folder(content: bytes) -> Iterator[tuple[Path, Path]]:
    """A folder with the manifest alone in it, and a place for its signature outside."""
    with tempfile.TemporaryDirectory(prefix="models-") as root:
        model = Path(root) / "manifest"
        model.mkdir()
        (model / manifest.NAME).write_bytes(content)
        yield model, Path(root) / "model.sig"


def _api() -> tuple[Any, Any]:
    try:
        from model_signing import signing, verifying
    except ImportError as error:
        raise SigningMissing from error
    return signing, verifying
