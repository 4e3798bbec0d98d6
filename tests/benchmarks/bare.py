"""The least that shows that a checkpoint works: torch.load, strict load, one forward pass.

python bare.py CHECKPOINT FAMILY PAGE.npy
"""

from __future__ import annotations

import sys

import numpy as np
import torch


def main(checkpoint: str, family: str, page: str) -> None:
    """Load the network and run it on the page."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["params"]
    if family == "nafnet":
        from spandrel.architectures.NAFNet import NAFNetArch

        model = NAFNetArch().load(state).model
    else:
        from spandrel_extra_arches.architectures.Restormer import RestormerArch

        model = RestormerArch().load(state).model
    model.load_state_dict(state, strict=True)
    model.eval()
    image = torch.from_numpy(np.load(page))
    with torch.inference_mode():
        output = model(image)
    print(tuple(output.shape), float(output.mean()))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
