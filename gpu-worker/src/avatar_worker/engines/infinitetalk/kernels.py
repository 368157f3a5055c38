"""What replaces functions of the model's code: the same mathematics with less memory and fewer dependencies."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def attend(q: Tensor, k: Tensor, v: Tensor, k_lens: Tensor | None = None, **_: Any) -> Tensor:  # noqa: ANN401
    """For ``flash_attention``: tensors of shape (batch, length, heads, channels), without padding.

    Raises ``ValueError`` if ``k_lens`` says that there is some.
    """
    if k_lens is not None and bool((k_lens != k.size(1)).any()):
        raise ValueError("padded sequences are not supported")
    heads_first = (tensor.to(v.dtype).transpose(1, 2) for tensor in (q, k, v))
    return scaled_dot_product_attention(*heads_first).transpose(1, 2).contiguous().to(q.dtype)


def attend_to_audio(q: Tensor, k: Tensor, v: Tensor, attn_bias: None = None, op: None = None) -> Tensor:  # noqa: ARG001
    """For ``xformers.ops.memory_efficient_attention``: tensors of shape (batch, length, heads, channels)."""
    if attn_bias is not None:
        raise ValueError("a bias is for several GPUs")
    return attend(q, k, v)


def rotate(x: Tensor, grid_sizes: Tensor, freqs: Tensor) -> Tensor:
    """For ``rope_apply``: ``x`` has the shape (batch, length, heads, channels).

    The original turns all of it into float64 at once, which takes 9 GB for a window of the 720 bucket, and returns
    float32, which attention rounds to the weights' type; here that happens one latent frame after the other.
    """
    half = x.size(3) // 2
    of_frame, of_row, of_column = freqs.split([half - 2 * (half // 3), half // 3, half // 3], dim=1)
    out = torch.empty_like(x)
    for index, (frames, rows, columns) in enumerate(grid_sizes.tolist()):
        area = rows * columns
        if frames * area != x.size(1):
            raise ValueError("padded sequences are not supported")
        in_plane = torch.cat(
            [
                of_row[:rows].view(rows, 1, -1).expand(rows, columns, -1),
                of_column[:columns].view(1, columns, -1).expand(rows, columns, -1),
            ],
            dim=-1,
        ).reshape(area, -1)
        for frame in range(frames):
            turn = torch.cat([of_frame[frame].expand(area, -1), in_plane], dim=-1).unsqueeze(1).to(x.device)
            part = x[index, frame * area : (frame + 1) * area]
            pairs = torch.view_as_complex(part.to(torch.float64).reshape(area, x.size(2), -1, 2))
            out[index, frame * area : (frame + 1) * area] = torch.view_as_real(pairs * turn).flatten(2).to(x.dtype)
    return out
