"""Numbers and bytes that all ranks exchange, over gloo: decisions at a step's end, sums, errors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist


class Agreement:
    """The largest of the ranks' small numbers, known to all of them.

    A gloo group of its own: it needs no GPU, so no CUDA stream has to wait for it.
    """

    def __init__(self) -> None:
        self.group = dist.new_group(backend="gloo") if dist.is_initialized() else None

    def largest(self, value: int) -> int:
        """One byte, all-reduced; about 0.1 ms on a local network."""
        if self.group is None:
            return value
        byte = torch.tensor([value], dtype=torch.uint8)
        dist.all_reduce(byte, op=dist.ReduceOp.MAX, group=self.group)
        return int(byte.item())

    def smallest(self, value: int) -> int:
        """The least of the ranks' whole numbers."""
        return int(min(self.collect(value)))

    def sums(self, values: Sequence[int]) -> list[int]:
        """Each of `values` added up over the ranks."""
        total = torch.tensor(values, dtype=torch.int64)
        if self.group is not None:
            dist.all_reduce(total, group=self.group)
        return total.tolist()

    def collect(self, value: float) -> list[float]:
        """Every rank's `value`, by rank."""
        number = torch.tensor([value], dtype=torch.float64)
        return [float(part) for part in self._gather(number)]

    def collect_bytes(self, content: bytes) -> list[bytes]:
        """Every rank's `content`, by rank."""
        sizes = [int(size) for size in self._gather(torch.tensor([len(content)]))]
        padded = torch.frombuffer(bytearray(content.ljust(max(sizes) or 1, b"\0")), dtype=torch.uint8)
        return [part.numpy().tobytes()[:size] for part, size in zip(self._gather(padded), sizes, strict=True)]

    def _gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        if self.group is None:
            return [tensor]
        parts = [torch.zeros_like(tensor) for _ in range(dist.get_world_size(self.group))]
        dist.all_gather(parts, tensor, group=self.group)
        return parts

    def barrier(self) -> None:
        """Wait for all ranks of all hosts."""
        if self.group is not None:
            dist.barrier(self.group)
