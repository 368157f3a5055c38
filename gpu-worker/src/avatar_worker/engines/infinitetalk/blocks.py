"""Blocks of a model that do not all fit onto the GPU, and that can be stopped between two of them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Blocks:
    """Of one model, in the order in which it calls them. Their weights never change, so none is copied back."""

    def __init__(self, blocks: Sequence[nn.Module], device: torch.device) -> None:
        self._blocks = list(blocks)
        self._device = device
        self._resident = len(self._blocks)
        #: Weights on the host of the block that is on the GPU just now.
        self._visiting: list[tuple[nn.Parameter, Tensor]] = []
        self._check: Callable[[], None] = lambda: None
        for index, block in enumerate(self._blocks):
            block.register_forward_pre_hook(self._before(index))
            block.register_forward_hook(self._after)

    def keep(self, resident: int) -> None:
        """The first ``resident`` stay on the GPU; the others come to it one at a time, for each forward."""
        self._resident = min(resident, len(self._blocks))
        for index, block in enumerate(self._blocks):
            block.to(self._device if index < self._resident else "cpu")

    def watch(self, check: Callable[[], None]) -> None:
        """Calls ``check`` before each block, with nothing else waiting on the GPU: what it raises ends the forward."""
        self._check = check

    def release(self) -> None:
        """Frees what a forward that was broken off left behind."""
        for parameter, on_host in self._visiting:
            parameter.data = on_host
        self._visiting = []

    def _before(self, index: int) -> Callable[..., None]:
        def hook(block: nn.Module, _: Any) -> None:  # noqa: ANN401 - any arguments
            if self._device.type == "cuda":
                torch.cuda.current_stream().synchronize()
            self._check()
            if index >= self._resident:
                self._visiting = [(parameter, parameter.data) for parameter in block.parameters()]
                for parameter, on_host in self._visiting:
                    parameter.data = on_host.to(self._device, copy=True)

        return hook

    def _after(self, *_: Any) -> None:  # noqa: ANN401 - any arguments
        self.release()
