import copy

import torch
from torch import nn

from lightning_imb.data.batch import Batch
from lightning_imb.data.batch import Steps as DataSteps
from lightning_imb.losses import CrossEntropyLoss
from lightning_imb.models.steps import Steps, train_head

LOSS = CrossEntropyLoss([5, 5, 3])


def group(sizes=(5, 5, 3), width=4, classes=3):
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(sum(sizes), width, generator=draw)
    return DataSteps(z, torch.randint(classes, (sum(sizes),), generator=draw), sizes[0], len(sizes), 0)


def by_hand(head, steps, optimizer):
    """One plain step per batch; the losses and the predictions made on the way."""
    losses, predicted, start = [], [], 0
    for size in (5, 5, 3):
        z, y = steps.inputs[start : start + size], steps.target[start : start + size]
        logits = head(z)
        loss = LOSS(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        predicted.append(logits.argmax(1))
        start += size
    return torch.stack(losses), torch.cat(predicted)


def test_it_is_a_plain_loop_of_which_the_caller_makes_the_last_step():
    torch.manual_seed(0)
    head, steps = nn.Linear(4, 3), group()
    other = nn.Linear(4, 3)
    other.load_state_dict(head.state_dict())
    optimizer = torch.optim.SGD(head.parameters(), lr=0.5, momentum=0.9)
    losses, predicted = by_hand(other, steps, torch.optim.SGD(other.parameters(), lr=0.5, momentum=0.9))
    trained = train_head(head, LOSS, steps, optimizer)
    assert not torch.equal(head.weight, other.weight)
    optimizer.zero_grad()
    trained.loss.backward()
    optimizer.step()
    assert torch.equal(head.weight, other.weight)
    assert torch.equal(trained.losses, losses)
    assert trained.rows.tolist() == [5, 5, 3]
    assert torch.equal(trained.outputs.argmax(1), predicted)


def test_half_precision_around_it_changes_nothing():
    head, steps = nn.Linear(4, 3), group()
    other = copy.deepcopy(head)
    plain = train_head(head, LOSS, steps, torch.optim.SGD(head.parameters(), lr=0.5)).losses
    with torch.autocast("cpu", torch.bfloat16):
        half = train_head(other, LOSS, steps, torch.optim.SGD(other.parameters(), lr=0.5)).losses
    assert torch.equal(plain, half)
    assert torch.equal(head.weight, other.weight)


def test_batches_of_images_are_no_steps():
    assert isinstance(group(), Steps)
    assert not isinstance(Batch(torch.zeros(1), torch.zeros(1), None), Steps)
