"""How one batch is mixed: who is mixed with whom, where, and by how much."""

from typing import NamedTuple

import torch
from torch import Tensor

INPUT = "input"
EMBEDDING = "embedding"


class Plan(NamedTuple):
    """What is drawn for a batch of N rows before anything is computed.

    Attributes:
        partner: ``(N,)`` int64, the row of the batch that each row is mixed with; a batch with a second stream has
            more rows than N, and those may be partners too.
        own: ``(N,)`` float32 in 0..1, the share that a row keeps of its own input.
        label: ``(N,)`` float32 in 0..1, the share that a row keeps of its own label; None keeps all labels whole.
        layer: where to mix: ``input``, ``embedding`` or the name of a layer of the extractor.
        boxes: ``(N, 4)`` int64, the part of each input that the partner's replaces, as top, bottom, left, right;
            None blends the whole inputs.
        detach: whether the partner's part carries no gradient.
    """

    partner: Tensor
    own: Tensor
    label: Tensor | None
    layer: str = INPUT
    boxes: Tensor | None = None
    detach: bool = False

    @property
    def size(self) -> int:
        """N, the rows that training sees."""
        return len(self.own)

    def to(self, device: torch.device) -> "Plan":
        """The same on a device, without waiting for it."""
        label = None if self.label is None else self.label.to(device, non_blocking=True)
        boxes = None if self.boxes is None else self.boxes.to(device, non_blocking=True)
        partner, own = (values.to(device, non_blocking=True) for values in (self.partner, self.own))
        return self._replace(partner=partner, own=own, label=label, boxes=boxes)


def apply(plan: Plan, x: Tensor) -> Tensor:
    """Mix the inputs of a layer.

    Args:
        plan: Of this batch, on the device of ``x``.
        x: ``(R, ...)`` floating, R >= N rows: images, maps or embeddings.

    Returns:
        ``(N, ...)``: ``own_i x_i + (1 - own_i) x_partner(i)``, or ``x_i`` with the box of its partner. Half precision
        is mixed in float32.
    """
    partners = (x.detach() if plan.detach else x).index_select(0, plan.partner)
    mine = x[: plan.size]
    if plan.boxes is not None:
        return torch.where(_inside(plan.boxes, x.shape[2], x.shape[3]), partners, mine)
    exact = torch.promote_types(x.dtype, torch.float32)
    own = plan.own.to(exact).view(-1, *(1 for _ in x.shape[1:]))
    return (own * mine.to(exact) + (1 - own) * partners.to(exact)).to(x.dtype)


def mixed_target(plan: Plan, target: Tensor, num_classes: int) -> Tensor:
    """Labels of the mixed rows.

    Args:
        plan: Of this batch, on the device of ``target``.
        target: ``(R,)`` int64 of all rows of the batch.
        num_classes: K.

    Returns:
        ``(N,)`` int64 where labels are kept whole, else ``(N, K)`` float32 shares with sum 1.
    """
    mine = target[: plan.size]
    if plan.label is None:
        return mine
    shares = torch.zeros(plan.size, num_classes, device=target.device)
    shares.scatter_add_(1, mine.unsqueeze(1), plan.label.unsqueeze(1))
    return shares.scatter_add_(1, target[plan.partner].unsqueeze(1), (1 - plan.label).unsqueeze(1))


def _inside(boxes: Tensor, height: int, width: int) -> Tensor:
    """``(N, 1, H, W)`` mask of the pixels in each row's box."""
    rows = torch.arange(height, device=boxes.device)
    columns = torch.arange(width, device=boxes.device)
    top, bottom, left, right = boxes.unsqueeze(2).unbind(1)
    tall, wide = (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    return (tall[:, :, None] & wide[:, None, :]).unsqueeze(1)
