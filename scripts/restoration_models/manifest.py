"""The manifest, ``catalogue.json``: what programs read to find and use the published models.

Keys are snake_case, for programs in any language. The same commit over the same bucket gives the
same text: models stand in the order of the pipeline, and nothing tells the time. Reading it needs
neither torch nor the checkout.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from restoration_models.catalogue.schema import MD5, PUBLISHED_ROOT, SHA256, Hyperparameter
from restoration_models.errors import ModelProblem
from restoration_models.tasks import Task

NAME = "catalogue.json"
"""The manifest's name in the bucket."""
VERSION = 1
"""Of the manifest's form. Readers ignore keys that they do not know; a change that misleads raises it."""
SIGNATURES = "signatures/"
"""Where the signatures of manifests are, by the sha256 of what they sign."""

Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
Md5 = Annotated[str, StringConstraints(pattern=MD5)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
# Whoever mirrors the bucket writes files under these names: none leads out of their folder.
_PART = r"\.*[A-Za-z0-9_+-][A-Za-z0-9._+-]*"
Key = Annotated[str, StringConstraints(pattern=rf"^{PUBLISHED_ROOT}{_PART}(/{_PART})*$", max_length=1024)]


class ManifestUnreadable(ModelProblem):
    """Something else than a manifest that this program understands."""

    def __init__(self, where: str, reason: str, *, remedy: str | None = None) -> None:
        super().__init__(
            f"not a manifest that this program reads ({reason})",
            where=where,
            remedy=remedy or "publish it again with `models publish`",
        )


class OtherVersion(ManifestUnreadable):
    """A manifest of another form than this program's, perhaps of a later release."""

    def __init__(self, where: str, version: object) -> None:
        super().__init__(
            where,
            f"its version is {version!r}, this program reads {VERSION}",
            remedy="use the release of this program that wrote it",
        )


class NotPublished(ModelProblem):
    """The manifest has no model of that name."""

    def __init__(self, slug: str, known: list[str]) -> None:
        super().__init__(
            "the manifest has no model of that name",
            where=slug,
            remedy=f"it has {', '.join(known) or 'none yet'}",
        )


class _Part(BaseModel):
    # What a later program adds is left alone: `version` says when that would mislead.
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Words(_Part):
    """A text for people in both languages."""

    es: str
    """In Spanish."""
    en: str
    """In English."""


class Object(_Part):
    """One published object: the version that has exactly these bytes."""

    key: Key
    """Its name in the bucket, under pretrained_models/."""
    version_id: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """The version to fetch: the name alone may have other bytes by now."""
    size: Annotated[int, Field(ge=0)]
    """Length in bytes."""
    sha256: Sha256
    """Digest of the bytes."""


class Input(_Part):
    """What the network takes and gives."""

    channels: int | None = None
    """Channels of the input."""
    output_channels: int | None = None
    """Channels of the output."""
    scale: int | None = None
    """Output height and width for each pixel of the input."""
    size_multiple: int | None = None
    """Height and width of the input are padded to a multiple of this; 1 where any size will do."""
    layout: Words | None = None
    """Order of the axes, channels, number type and range."""
    padding: Words | None = None
    """How a picture is brought to a permitted size."""
    output: Words | None = None
    """What comes out: its size and range."""
    notes: tuple[Words, ...] = ()
    """What else a caller must know."""


class Format(_Part):
    """How the tensors lie in the file."""

    container: str
    """torch-zip, torch-legacy or safetensors."""
    wrapper_key: str | None = None
    """The one key of the file under which the state dict lies; absent where it lies at the top."""
    key_prefix: str | None = None
    """What stands before every parameter's name and is to be taken off."""
    allow_globals: tuple[str, ...] = ()
    """Reviewed names that the pickle imports besides the usual ones."""


class Licence(_Part):
    """Under what terms the weights may be used."""

    spdx: str
    """SPDX identifier, or NOASSERTION, or NONE."""
    commercial_use: Literal["yes", "no", "unclear"]
    """Whether commercial use is permitted."""
    note: Words | None = None
    """What the identifier does not say."""
    source: str | None = None
    """Where the licence text stands."""


class Measured(_Part):
    """Figures of this project on its own test page, before (degraded) and after the model."""

    psnr_before: float
    """PSNR of the degraded page in dB."""
    psnr_after: float
    """PSNR of the restored page in dB."""
    gain_db: float
    """How many dB the model gained."""
    ssim_before: float
    """SSIM of the degraded page."""
    ssim_after: float
    """SSIM of the restored page."""
    grid_error_before: float | None = None
    """Unwarping: mean distance in pixels of the page's points from their places, before."""
    grid_error_after: float | None = None
    """Unwarping: the same distance afterwards."""


class Reported(_Part):
    """A figure that somebody published for the model; not reproduced here."""

    dataset: str
    """The data set, as the source names it."""
    metric: str
    """What was measured: PSNR, SSIM …"""
    value: float
    """The figure, as printed."""
    source: str
    """Who reported it: paper, author-readme, mmagic-reeval or third-party."""
    unit: str | None = None
    """Unit of the value, where it has one."""
    channel: str | None = None
    """The channel that was compared."""
    split: str | None = None
    """Part of the data set."""
    sigma: float | None = None
    """Noise level on the 0..255 scale."""
    note: str | None = None
    """What the figure needs to be understood."""


class Model(_Part):
    """A published model: locked, validated, not withdrawn."""

    slug: str
    """The model's name, unique in the manifest."""
    layer: str
    """The layer that the model belongs to."""
    task: Task
    """What the model does to a page."""
    family: str
    """The architecture lineage."""
    architecture: str
    """The registry's identifier; or unregistered, whose forward pass was not proved."""
    title: Words | None = None
    """A name for people, where the slug does not do."""
    description: Words | None = None
    """What the model does, in a sentence."""
    file: str
    """Upstream's file name."""
    size: Annotated[int, Field(gt=0)]
    """Length of the file in bytes."""
    sha256: Sha256
    """The digest that identifies the model."""
    md5: Md5
    """The file's md5: DVC's address of it."""
    fingerprint: Sha256
    """Digest of the tensors, whatever their wrapping."""
    object: Object
    """The checkpoint under its published name: of the model's size and sha256."""
    aliases: tuple[Object, ...] = ()
    """The same bytes under names that older readers use."""
    card: Object
    """The model card, Markdown."""
    picture: Object | None = None
    """The test page before and after, PNG."""
    report: Object
    """The evidence of the validation, JSON."""
    input: Input
    """The input contract: channels, sizes, range."""
    format: Format
    """How to read the tensors out of the file."""
    licence: Licence
    """The terms of these weights."""
    measured: Measured | None = None
    """This project's own figures; absent where there are none."""
    not_measured: str | None = None
    """Why there are no figures of this project's own."""
    reported: tuple[Reported, ...] = ()
    """Figures that others published."""
    parameters: int | None = None
    """Learnable parameters."""
    hyperparameters: dict[str, Hyperparameter] = Field(default_factory=dict)
    """Constructor arguments of the network."""
    head: tuple[str, ...] = ()
    """Patterns of the parameters that fine-tuning trains at full rate."""
    training_data: str | None = None
    """What the model was trained on."""
    base: str | None = None
    """The model that this one was fine-tuned from; it need not be published."""
    upstream: str
    """The authors' repository."""

    @model_validator(mode="after")
    def _one_file(self) -> Self:
        # Readers choose by the one digest and fetch by the other.
        for published in (self.object, *self.aliases):
            if (published.sha256, published.size) != (self.sha256, self.size):
                raise ValueError(f"{published.key} is another file than the model's")
        return self


class Layer(_Part):
    """A stage of the restoration pipeline."""

    slug: str
    """The layer's name."""
    title: Words
    """The layer's name, for people."""
    purpose: Words
    """What the layer does to a page."""
    card: Object
    """The layer's README."""
    models: tuple[str, ...]
    """The published models of the layer, in the catalogue's order."""


class Manifest(_Part):
    """Everything that a program needs to choose, fetch and run a published model."""

    version: Annotated[int, Field(ge=1)] = VERSION
    """Of this file's form."""
    commit: Commit
    """The git commit of the models repository that was published."""
    dirty: bool = False
    """Whether the checkout had uncommitted changes that `commit` does not have."""
    protocol: Annotated[int, Field(ge=1)]
    """The validation procedure that every model here passed."""
    layers: tuple[Layer, ...]
    """In the order of the restoration pipeline: a page goes through the first one first."""
    models: tuple[Model, ...]
    """In the order of the layers, and of the catalogue within each."""
    withdrawn: dict[str, Words] = Field(default_factory=dict)
    """Why models that must no longer be used were withdrawn, by their slug; none of them is in `models`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        named = [(layer.slug, slug) for layer in self.layers for slug in layer.models]
        there = [(model.layer, model.slug) for model in self.models]
        if named != there or len({slug for _, slug in there}) != len(there):
            raise ValueError("'layers' and 'models' do not name the same models in the same order")
        if both := sorted(self.withdrawn.keys() & {slug for _, slug in there}):
            raise ValueError(f"{both[0]} is published and withdrawn")
        return self

    def model(self, slug: str) -> Model:
        """The published model `slug`. Raises `NotPublished`."""
        for model in self.models:
            if model.slug == slug:
                return model
        raise NotPublished(slug, [model.slug for model in self.models])

    def objects(self) -> tuple[Object, ...]:
        """Every object that the manifest promises."""
        found = [layer.card for layer in self.layers]
        for model in self.models:
            found += [model.object, *model.aliases, model.card, model.report]
            found += [model.picture] if model.picture else []
        return tuple(found)

    def to_json(self) -> str:
        """The file's text: the types' order, one line a value, absent facts left out."""
        content: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse(content: bytes, where: str) -> Manifest:
    """The manifest in `content`; `where` stands in messages. Raises `ManifestUnreadable`."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestUnreadable(where, "not JSON") from error
    if not isinstance(data, dict) or "version" not in data:
        raise ManifestUnreadable(where, "it states no version")
    if data["version"] != VERSION:
        raise OtherVersion(where, data["version"])
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ManifestUnreadable(where, f"{place}: {first['msg']}" if place else first["msg"]) from error
