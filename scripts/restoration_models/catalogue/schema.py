"""The shape of the params files, and the values they hold.

Keys are kebab-case in YAML and snake_case here. Every model is frozen: a catalogue is read,
never changed in memory. The texts under the fields are also what an editor shows beside them
(schemas/).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from restoration_models.tasks import Task

SLUG = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
SLUG_LENGTH = 80
WORD = r"^[A-Za-z0-9_][A-Za-z0-9._+-]*$"
"""What may reach a command line: nothing that a shell interprets, nothing that looks like an option."""
DOTTED = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
SHA256 = r"^[0-9a-f]{64}$"
MD5 = r"^[0-9a-f]{32}$"
# No user name or password: the host is followed by a port, a path or nothing.
HTTPS = r"^https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?$"
SPDX = r"^[A-Za-z0-9][A-Za-z0-9.+-]*$"
ARXIV = r"^[0-9]{4}\.[0-9]{4,5}$"
DOI = r"^10\.[0-9]{4,9}/[A-Za-z0-9._;()/:-]+$"
GLOB = r"^[A-Za-z0-9_.*?\[\]!-]+$"
OBJECT_NAME = r"^[A-Za-z0-9._/+-]+$"

FORMS = {
    SLUG: "kebab-case (lower-case letters, digits and single dashes, a letter first)",
    WORD: "letters, digits and . _ + -, a letter, digit or _ first",
    DOTTED: "a dotted Python name such as torch._utils._rebuild_tensor_v2",
    NAME: "a Python name",
    SHA256: "64 lower-case hexadecimal digits",
    MD5: "32 lower-case hexadecimal digits",
    HTTPS: "an https:// address without spaces, quotes or a user name",
    SPDX: "an SPDX identifier",
    ARXIV: 'an arXiv number such as "2111.09881"',
    DOI: "a DOI such as 10.1145/3610548.3618174",
    GLOB: "a pattern of parameter names such as output.*",
    OBJECT_NAME: "letters, digits and . _ / + -",
}
"""Each pattern in words, for messages."""

PUBLISHED_ROOT = "pretrained_models/"
"""Every published name begins so: the service role reads this prefix."""


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Strict(BaseModel):
    model_config = ConfigDict(
        alias_generator=_kebab,
        populate_by_name=True,  # for Python code; the loader takes the kebab-case keys alone
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


def _published_name(value: str) -> str:
    """A relative object name under the published root."""
    parts = value.split("/")
    if not value.startswith(PUBLISHED_ROOT) or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"must be a name under {PUBLISHED_ROOT} without empty, '.' or '..' parts")
    return value


Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=SLUG_LENGTH)]
Word = Annotated[str, StringConstraints(pattern=WORD, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
FileName = Annotated[str, StringConstraints(pattern=WORD, max_length=150)]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
Md5 = Annotated[str, StringConstraints(pattern=MD5)]
HttpsUrl = Annotated[str, StringConstraints(pattern=HTTPS, max_length=1000)]
PublishedName = Annotated[
    str, StringConstraints(pattern=OBJECT_NAME, max_length=300), AfterValidator(_published_name)
]
Glob = Annotated[str, StringConstraints(pattern=GLOB, max_length=200)]
Count = Annotated[int, Field(gt=0, strict=True)]
Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _hyperparameter_kind(value: Any) -> str | None:
    kinds = {bool: "bool", int: "int", float: "float", str: "str", list: "list"}
    return kinds.get(type(value))


Hyperparameter = Annotated[
    Annotated[bool, Field(strict=True), Tag("bool")]
    | Annotated[int, Field(strict=True), Tag("int")]
    | Annotated[Figure, Tag("float")]
    | Annotated[Text, Tag("str")]
    | Annotated[list[Annotated[int, Field(strict=True)]], Tag("list")],
    Discriminator(
        _hyperparameter_kind,
        custom_error_type="hyperparameter",
        custom_error_message="must be a number, a text, true, false or a list of whole numbers",
    ),
]
Hyperparameters = dict[Annotated[str, StringConstraints(pattern=NAME, max_length=100)], Hyperparameter]


class Translated(_Strict):
    """A text in both languages of the cards."""

    es: Text
    """In Spanish."""
    en: Text
    """In English."""


def _words_kind(value: Any) -> str | None:
    if isinstance(value, dict | Translated):
        return "translated"
    return "text" if isinstance(value, str) else None


Words = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Translated, Tag("translated")],
    Discriminator(
        _words_kind,
        custom_error_type="words",
        custom_error_message="must be a text, or a text for each language: {es: …, en: …}",
    ),
]
"""A text that cards show: one for both languages, or one for each."""


def say(words: str | Translated, language: str) -> str:
    """`words` in `language` (``es`` or ``en``)."""
    if isinstance(words, Translated):
        return words.en if language == "en" else words.es
    return words


class Licence(_Strict):
    """Under what terms a family's or a model's weights may be used."""

    spdx: Annotated[str, StringConstraints(pattern=SPDX, max_length=100)]
    """SPDX identifier, or NOASSERTION, or NONE."""
    commercial_use: Literal["yes", "no", "unclear"]
    """yes, no or unclear; between quotes: YAML versions disagree on a bare yes or no."""
    note: Words | None = None
    """What the identifier does not say."""
    source: HttpsUrl | None = None
    """Where the licence text stands."""


class Paper(_Strict):
    """The publication that describes an architecture."""

    title: Text
    """The paper's title, as printed."""
    venue: Text
    """Conference or journal, and year."""
    arxiv: Annotated[str, StringConstraints(pattern=ARXIV)] | None = None
    """arXiv number, between quotes: it looks like a decimal number."""
    doi: Annotated[str, StringConstraints(pattern=DOI, max_length=200)] | None = None
    """DOI, without https://doi.org/."""


class InputContract(_Strict):
    """What the network takes and gives, for every model of a family."""

    layout: Words
    """Order of the axes, channels, number type and range."""
    size_multiple: Count | None = None
    """Height and width must be multiples of this; 1 or absent where any size will do."""
    padding: Words | None = None
    """How a picture is brought to such a size."""
    output: Words
    """What comes out: its size and range."""
    notes: tuple[Words, ...] = ()
    """What else a caller must know."""


class Format(_Strict):
    """How the family's upstream saves its checkpoints."""

    container: Words
    """The kind of file."""
    wrapper_key: Word | None = None
    """The one key under which the state dict lies in the file."""
    first_layer: Word | None = None
    """Name of the network's first layer in the state dict."""
    last_layer: Word | None = None
    """Name of the network's last layer in the state dict."""


class Family(_Strict):
    """An architecture lineage: what all its models share."""

    title: Text
    """The family's name, as its authors write it."""
    architecture: Word
    """The registry's identifier (Restormer, NAFNet, UVDoc …), or unregistered."""
    role: Words | None = None
    """What the family does in the pipeline, where its name does not say so."""
    paper: Paper
    """The publication that describes the architecture."""
    upstream: HttpsUrl
    """The authors' repository."""
    licence: Licence | None = None
    """Terms of the family's weights; a model may state its own instead."""
    head: Annotated[tuple[Glob, ...], Field(min_length=1)]
    """Patterns (fnmatch) of the parameters that fine-tuning trains at full rate."""
    input: InputContract | None = None
    """What the network takes and gives."""
    format: Format | None = None
    """How upstream saves its checkpoints."""
    hyperparameters: Hyperparameters = Field(default_factory=dict)
    """Constructor arguments that all models of the family share."""
    cautions: tuple[Words, ...] = ()
    """False claims seen in public about these weights, and what is true."""


class Metric(_Strict):
    """A figure that somebody reported for a model."""

    dataset: Text
    """The data set, as the source names it."""
    metric: Literal["PSNR", "SSIM", "MS-SSIM", "MAE", "AD", "LD", "ED", "CER"]
    """What was measured."""
    value: Figure
    """The figure, as printed."""
    source: Literal["paper", "author-readme", "mmagic-reeval", "third-party"]
    """Who reported it."""
    unit: Literal["dB", "%"] | None = None
    """Unit of the value, where it has one."""
    channel: Literal["RGB", "Y", "gray"] | None = None
    """The channel that was compared; write "Y" between quotes."""
    split: Text | None = None
    """Part of the data set."""
    sigma: Annotated[Figure, Field(gt=0)] | None = None
    """Noise level on the 0..255 scale."""
    note: Text | None = None
    """What the figure needs to be understood."""
    quoted_from: Text | None = None
    """The publication that a third party quotes."""


class Expects(_Strict):
    """All that validation reads besides the task; its values stand on a command line."""

    architecture: Word
    """The registry's identifier; or unregistered: digests, scan and finite tensors alone are proved."""
    wrapper_key: Word | None = None
    """The one key under which the state dict lies in the file."""
    input_channels: Annotated[int, Field(ge=1, le=64, strict=True)] | None = None
    """Channels of the network's input."""
    min_gain_db: Figure | None = None
    """PSNR that the model must gain on the test page, in dB; no gate where absent."""
    allow_globals: tuple[Annotated[str, StringConstraints(pattern=DOTTED, max_length=200)], ...] = ()
    """Reviewed names that the checkpoint's pickle may import besides the usual ones."""


class Entry(_Strict):
    """One model of the catalogue, as written in a layer's params file."""

    family: Slug
    """One of the families of the root params.yaml."""
    task: Task
    """What the model does to a page; decides how the test page is degraded."""
    title: Words | None = None
    """A name for people, where the slug does not do."""
    description: Words | None = None
    """What the model does, in a sentence."""
    file: FileName
    """Upstream's file name, byte for byte; between quotes."""
    size: Count
    """Length of the file in bytes."""
    sha256: Sha256
    """The digest that identifies the model; between quotes."""
    md5: Md5 | None = None
    """DVC's digest of the file, where it is known beforehand; between quotes."""
    confidence: Literal["two-independent", "single", "computed"] | None = None
    """What the digest rests on: two unrelated public sources, one, or the real bytes."""
    sources: tuple[Text, ...] = ()
    """Addresses of the file, best first: https://…, pypi:<package>==<version>/<member>, file:…"""
    pages: tuple[HttpsUrl, ...] = ()
    """Where a person can fetch the file by hand; never downloaded from."""
    aliases: tuple[PublishedName, ...] = ()
    """Other published names, for older readers."""
    expects: Expects
    """What validation proves of the file."""
    parameters: Count | None = None
    """Learnable parameters."""
    tensors: Count | None = None
    """Tensors in the state dict."""
    hyperparameters: Hyperparameters = Field(default_factory=dict)
    """Constructor arguments, besides the family's."""
    training_data: Text | None = None
    """What the model was trained on."""
    evaluated_as: Words | None = None
    """How the reported figures were obtained, where it differs from a plain forward pass."""
    metrics: tuple[Metric, ...] = ()
    """Figures that somebody reported, each with its source."""
    licence: Licence | None = None
    """Terms of this model's weights, where they differ from the family's."""
    base: Slug | None = None
    """The model that this one was fine-tuned from."""
    origin: Literal["local"] | None = None
    """local: the weights have no public source, the store alone has them."""
    withdrawn: Words | None = None
    """Why the model must no longer be used; it then leaves the manifest, and loading it fails."""
    notes: tuple[Words, ...] = ()
    """What else a user of the model must know."""
    evidence: tuple[Text, ...] = ()
    """What the facts of this entry rest on."""


class Model(Entry):
    """A catalogue entry and its place."""

    slug: str
    """The model's name, unique over all layers."""
    layer: str
    """The layer that the model belongs to."""


class Layer(_Strict):
    """A stage of the restoration pipeline: a layer's params file."""

    title: Words
    """The layer's name, for people."""
    purpose: Words
    """What the layer does to a page."""
    publish: PublishedName
    """Prefix of the published names of this layer's models, such as pretrained_models/layer_1."""
    models: dict[str, Entry]
    """The models by their slug; {} where there are none yet."""


class Validation(_Strict):
    """What governs every validation."""

    protocol: Count
    """Raised when the procedure changes: every model is validated again."""


class Head(_Strict):
    """The catalogue's head: the root params file."""

    validation: Validation
    """How models are proved."""
    language: Literal["es", "en"]
    """Of the generated cards."""
    layers: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """In the order of the restoration pipeline."""
    families: dict[Slug, Family]
    """Architecture lineages by their name."""


def is_slug(text: str) -> bool:
    """Whether `text` has the form of a slug."""
    return len(text) <= SLUG_LENGTH and re.fullmatch(SLUG.rstrip("$"), text) is not None
