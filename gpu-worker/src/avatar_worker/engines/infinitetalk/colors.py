"""Windows drift in colour; this gives them the portrait's again, on the GPU: upstream does it on the CPU."""

from typing import Final

import torch
from torch import Tensor

_TO_XYZ: Final = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
#: D65, seen by the observer of 1931.
_WHITE: Final = (0.95047, 1.0, 1.08883)
_BATCH: Final = 9


def match_colors(video: Tensor, portrait: Tensor, strength: float) -> Tensor:
    """Gives each frame the mean and deviation of the portrait's Lab channels.

    ``video`` has the shape (3, frames, height, width), ``portrait`` (3, 1, height, width), both in -1 to 1.
    ``strength``: 0 leaves the video as it is, 1 takes what was matched.
    """
    if strength == 0:
        return video
    want = _to_lab(_to_unit(portrait))
    want_mean, want_std = want.mean((2, 3), keepdim=True), want.std((2, 3), keepdim=True, unbiased=False)
    out = torch.empty_like(video)
    for first in range(0, video.size(1), _BATCH):
        frames = _to_unit(video[:, first : first + _BATCH])
        lab = _to_lab(frames)
        mean, std = lab.mean((2, 3), keepdim=True), lab.std((2, 3), keepdim=True, unbiased=False)
        matched = torch.where(std > 0, (lab - mean) * (want_std / std) + want_mean, want_mean.expand_as(lab))
        blended = frames + strength * (_to_rgb(matched) - frames)
        out[:, first : first + _BATCH] = (blended * 2 - 1).to(video.dtype)
    return out


def _to_unit(pixels: Tensor) -> Tensor:
    return ((pixels.float() + 1) / 2).clamp(0, 1)


def _to_lab(rgb: Tensor) -> Tensor:
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    matrix = torch.tensor(_TO_XYZ, device=rgb.device)
    white = torch.tensor(_WHITE, device=rgb.device).view(3, 1, 1, 1)
    xyz = torch.einsum("ij,jthw->ithw", matrix, linear) / white
    root = torch.where(xyz > 0.008856, xyz.clamp(min=1e-12) ** (1 / 3), 7.787 * xyz + 16 / 116)
    return torch.stack([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def _to_rgb(lab: Tensor) -> Tensor:
    middle = (lab[0] + 16) / 116
    root = torch.stack([lab[1] / 500 + middle, middle, (middle - lab[2] / 200).clamp(min=0)])
    white = torch.tensor(_WHITE, device=lab.device).view(3, 1, 1, 1)
    xyz = torch.where(root > 0.2068966, root**3, (root - 16 / 116) / 7.787) * white
    matrix = torch.linalg.inv(torch.tensor(_TO_XYZ, dtype=torch.float64)).to(lab.device, torch.float32)
    linear = torch.einsum("ij,jthw->ithw", matrix, xyz)
    rgb = torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=1e-12) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return rgb.clamp(0, 1)
