"""What post-hoc methods are given: a head with random weights, and embeddings that it mostly classifies right."""

import torch
from torch import nn

from lightning_imb.posthoc import Given

COUNTS = (40, 12, 3, 1)


def linear(classes=4, width=6, seed=0):
    """A linear head whose rows are the longer the more frequent the class."""
    torch.manual_seed(seed)
    head = nn.Linear(width, classes)
    with torch.no_grad():
        head.weight.mul_(torch.linspace(4, 1, classes).unsqueeze(1))
    return head


def embeddings(counts, width=6, seed=1, spread=0.7):
    """Rows around one random centre per class: z (N, D), y (N,)."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(len(counts), width, generator=torch.Generator().manual_seed(99))
    target = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return centres[target] + spread * torch.randn(len(target), width, generator=generator), target


def must_not_be_asked():
    raise AssertionError("asked for embeddings that it has no business with")


def given(head=None, counts=COUNTS, val=(20, 10, 10, 10), train=None, **changes):
    """A linear head and embeddings of ``counts``; ``val=None`` for no validation set."""
    held = None if val is None else (lambda: embeddings(val, seed=2))
    settings = {
        "head": linear(len(counts)) if head is None else head,
        "class_counts": counts,
        "train": train or (lambda: embeddings(counts)),
        "val": held,
    }
    return Given(**(settings | changes))


def recalls(logits, target):
    """Recall of each class, by loops."""
    found = []
    for c in sorted(set(target.tolist())):
        rows = [i for i in range(len(target)) if target[i] == c]
        found.append(sum(int(logits[i].argmax()) == c for i in rows) / len(rows))
    return found
