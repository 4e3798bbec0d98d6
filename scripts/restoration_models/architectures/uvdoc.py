"""UVDoc: unwarps a photographed page (Verhoeven, Magne and Sorkine-Hornung, SIGGRAPH Asia 2023).

Written from the paper, the shapes of the published weights and the operators of their ONNX
conversion, whose outputs this network repeats to 16-bit precision. A residual encoder whose
stem and later stages halve the image four times in all, six parallel chains of dilated
convolutions ("bridges") that widen the view to the whole page, and two heads on a coarse
mesh: where each mesh point of the flat page lies in the photograph (2-D, in -1..1 as
`torch.nn.functional.grid_sample` counts), and its place in space (3-D, for training only).

The shapes in a checkpoint give the widths, depths and kernel size; the dilation rates,
strides and padding leave no trace in them and are constants here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from spandrel import Architecture, ImageModelDescriptor, ModelTiling, StateDict
from spandrel.util import KeyCondition, get_seq_len
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INPUT_SIZE = (712, 488)
"""Height and width that the network looks at, whatever the size of the photograph."""

STAGES = ("layer1", "layer2", "layer3")
STAGE_STRIDES = (1, 2, 2)
RESIDUAL_DILATION = 3
"""Of every residual block but the first of a stage."""

BRIDGE_DILATIONS = ((1,), (2,), (5,), (8, 3, 2), (12, 7, 4), (18, 12, 6))
"""One chain of 3x3 convolutions a bridge."""


def _convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, bias: bool = True
) -> nn.Conv2d:
    """Return a zero-padded convolution that keeps the size (but for its stride)."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, dilation=dilation, bias=bias)


def _unit(inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    """Convolution, normalisation, activation; the normalisation makes a bias pointless."""
    convolution = _convolution(inputs, outputs, kernel, stride=stride, dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut.

    The first block of a stage is dense and may shrink the image; the others are dilated
    and, in the published weights, keep their convolutions one level deeper.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int, first: bool) -> None:
        super().__init__()
        self.conv1: nn.Module
        self.conv2: nn.Module
        if first:
            self.conv1 = _convolution(inputs, outputs, kernel, stride=stride)
            self.conv2 = _convolution(outputs, outputs, kernel)
        else:
            dilation = RESIDUAL_DILATION
            self.conv1 = nn.Sequential(_convolution(inputs, outputs, kernel, dilation=dilation))
            self.conv2 = nn.Sequential(_convolution(outputs, outputs, kernel, dilation=dilation))
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                _convolution(inputs, outputs, kernel, stride=stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = self.bn2(self.conv2(inner))
        return functional.relu(inner + self.downsample(features))


class Encoder(nn.Module):
    """The stages of residual blocks, named as in the published weights."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], kernel: int) -> None:
        super().__init__()
        inputs = widths[0]
        for name, width, depth, stride in zip(STAGES, widths, blocks, STAGE_STRIDES, strict=True):
            stage = [ResidualBlock(inputs, width, kernel, stride=stride, first=True)]
            stage += [ResidualBlock(width, width, kernel, stride=1, first=False) for _ in range(depth - 1)]
            self.add_module(name, nn.Sequential(*stage))
            inputs = width

    def forward(self, features: Tensor) -> Tensor:
        """Run the stages one after the other."""
        for stage in self.children():
            features = stage(features)
        return features


class UVDoc(nn.Module):
    """The network: photograph in, two meshes out.

    `widths` are the channels of the three stages, `blocks` their depths, `kernel` the odd
    size of every convolution but those of the bridges.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        widths: Sequence[int] = (32, 64, 128),
        blocks: Sequence[int] = (3, 4, 6),
        kernel: int = 5,
    ) -> None:
        super().__init__()
        self.hyperparameters: dict[str, Any] = {
            "in_channels": in_channels,
            "widths": tuple(widths),
            "blocks": tuple(blocks),
            "kernel": kernel,
        }
        first, last = widths[0], widths[-1]
        self.resnet_head = nn.Sequential(
            *_unit(in_channels, first, kernel, stride=2), *_unit(first, first, kernel, stride=2)
        )
        self.resnet_down = Encoder(widths, blocks, kernel)
        for number, dilations in enumerate(BRIDGE_DILATIONS, start=1):
            chain = (nn.Sequential(*_unit(last, last, 3, dilation=rate)) for rate in dilations)
            self.add_module(f"bridge_{number}", nn.Sequential(*chain))
        self.bridge_concat = nn.Sequential(*_unit(last * len(BRIDGE_DILATIONS), last, 1))
        self.out_point_positions2D = self._head(last, first, 2, kernel)
        self.out_point_positions3D = self._head(last, first, 3, kernel)

    @staticmethod
    def _head(inputs: int, hidden: int, outputs: int, kernel: int) -> nn.Sequential:
        """Mirror the border instead of zeros: the mesh's edge is the page's edge."""
        padding = kernel // 2
        return nn.Sequential(
            nn.Conv2d(inputs, hidden, kernel, padding=padding, padding_mode="reflect", bias=False),
            nn.BatchNorm2d(hidden),
            nn.PReLU(),
            nn.Conv2d(hidden, outputs, kernel, padding=padding, padding_mode="reflect"),
        )

    def features(self, image: Tensor) -> Tensor:
        """Encode (N, in_channels, H, W) to (N, widths[-1], H / 16, W / 16), rounded up."""
        encoded = self.resnet_down(self.resnet_head(image))
        bridges = [self.get_submodule(f"bridge_{n}") for n in range(1, len(BRIDGE_DILATIONS) + 1)]
        merged: Tensor = self.bridge_concat(torch.cat([bridge(encoded) for bridge in bridges], dim=1))
        return merged

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the 2-D mesh (N, 2, h, w), x and y in -1..1, and the 3-D mesh (N, 3, h, w).

        For an image of `INPUT_SIZE` h, w is 45, 31.
        """
        features = self.features(image)
        return self.out_point_positions2D(features), self.out_point_positions3D(features)


def unwarp(model: UVDoc, image: Tensor) -> Tensor:
    """Flatten a photographed page.

    Takes and returns (N, C, H, W) in 0..1 of any size; what lies outside the photograph is
    black. The network sees a reduced copy, the full-resolution image is sampled.
    """
    reduced = functional.interpolate(image, INPUT_SIZE, mode="bilinear", align_corners=False)
    mesh, _ = model(reduced)
    dense = functional.interpolate(mesh, image.shape[-2:], mode="bilinear", align_corners=True)
    return functional.grid_sample(
        image, dense.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=True
    )


def hyperparameters(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Read `UVDoc`'s arguments off the shapes of a state dict."""
    stem = state_dict["resnet_head.0.weight"]
    return {
        "in_channels": int(stem.shape[1]),
        "widths": tuple(int(state_dict[f"resnet_down.{stage}.0.conv2.weight"].shape[0]) for stage in STAGES),
        "blocks": tuple(get_seq_len(state_dict, f"resnet_down.{stage}") for stage in STAGES),
        "kernel": int(stem.shape[2]),
    }


class UVDocArch(Architecture[UVDoc]):  # type: ignore[misc]  # spandrel ships no types
    """UVDoc for a registry of spandrel."""

    def __init__(self) -> None:
        super().__init__(
            id="UVDoc",
            detect=KeyCondition.has_all(
                "resnet_head.0.weight",
                *(f"resnet_down.{stage}.0.conv2.weight" for stage in STAGES),
                *(f"bridge_{n}.0.0.weight" for n in range(1, len(BRIDGE_DILATIONS) + 1)),
                "bridge_concat.0.weight",
                "out_point_positions2D.3.weight",
                "out_point_positions3D.3.weight",
            ),
        )

    def load(self, state_dict: StateDict) -> ImageModelDescriptor[UVDoc]:
        """Build the network that fits the shapes and load it strictly; calling it unwarps."""
        found = hyperparameters(state_dict)
        return ImageModelDescriptor(
            UVDoc(**found),
            state_dict,
            architecture=self,
            purpose="Restoration",
            tags=[f"{found['widths'][0]}nf"],
            # A mesh in 16 bits is off by whole pixels on a scan-sized page.
            supports_half=False,
            supports_bfloat16=False,
            scale=1,
            input_channels=found["in_channels"],
            output_channels=found["in_channels"],
            tiling=ModelTiling.INTERNAL,
            call_fn=unwarp,
        )


ARCHITECTURE = UVDocArch()
