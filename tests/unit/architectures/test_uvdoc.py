"""UVDoc's network and the unwarping built on it."""

from __future__ import annotations

import pytest
import torch

from restoration_models.architectures import require_torch
from support.checkpoints import network

require_torch()
from restoration_models.architectures import uvdoc  # noqa: E402


def test_meshes_have_the_published_shape() -> None:
    """At the size the network looks at, both meshes are 45 by 31."""
    with torch.inference_mode():
        flat, space = network("uvdoc")(torch.zeros(1, 3, *uvdoc.INPUT_SIZE))
    assert flat.shape == (1, 2, 45, 31)
    assert space.shape == (1, 3, 45, 31)


def test_parameters_of_the_published_size() -> None:
    model = uvdoc.UVDoc()
    assert sum(parameter.numel() for parameter in model.parameters()) == 8_003_463
    assert len(model.state_dict()) == 304


class Meshes(torch.nn.Module):
    """Stands for a trained network: returns a given mesh."""

    def __init__(self, mesh: torch.Tensor) -> None:
        super().__init__()
        self.mesh = mesh

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, None]:
        assert image.shape[-2:] == uvdoc.INPUT_SIZE
        return self.mesh, None


def identity_mesh() -> torch.Tensor:
    x = torch.linspace(-1, 1, 31).expand(45, 31)
    y = torch.linspace(-1, 1, 45)[:, None].expand(45, 31)
    return torch.stack((x, y))[None]


@pytest.mark.parametrize("size", [(45, 31), (100, 70), (37, 211), (1000, 20), (1, 1)])
def test_a_flat_mesh_changes_nothing(size: tuple[int, int]) -> None:
    """The mesh's corners are the image's corner pixels, at any size: nothing is cut or blurred."""
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(5))
    flat = uvdoc.unwarp(Meshes(identity_mesh()), image)  # type: ignore[arg-type]
    if size != (1, 1):
        assert torch.allclose(flat, image, atol=1e-3)
    assert flat.shape == image.shape


def test_a_mirrored_mesh_mirrors_across_not_down() -> None:
    """The mesh's first channel is x, its second y."""
    image = torch.rand(1, 3, 90, 62, generator=torch.Generator().manual_seed(6))
    mesh = identity_mesh() * torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    flat = uvdoc.unwarp(Meshes(mesh), image)  # type: ignore[arg-type]
    assert torch.allclose(flat, image.flip(-1), atol=1e-4)


def test_outside_the_photograph_is_black() -> None:
    flat = uvdoc.unwarp(Meshes(identity_mesh() * 2), torch.ones(1, 3, 90, 62))  # type: ignore[arg-type]
    assert flat[..., 0, 0].abs().max() == 0
    assert flat[..., 45, 31].min() == 1


def test_low_precision_is_refused() -> None:
    """A mesh in 16 bits misplaces whole pixels, so the descriptor does not allow it."""
    from spandrel import UnsupportedDtypeError

    from restoration_models import architectures

    loaded = architectures.load(network("uvdoc").state_dict())
    with pytest.raises(UnsupportedDtypeError):
        loaded.half()  # type: ignore[attr-defined]
