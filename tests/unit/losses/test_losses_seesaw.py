"""Seesaw loss: its factors, its counting, and counts of two processes."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import SeesawLoss
from lightning_imb.utils.errors import InputError

COUNTS = [400, 50, 9, 1]
K = len(COUNTS)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(16, K, generator=generator, dtype=torch.float64)
    return logits, torch.randint(K, (16,), generator=generator)


def written_out(logits: Tensor, target: Tensor, counts: list[float], p: float, q: float) -> float:
    """``z_j + log(M_yj * S_j)`` for the wrong classes, then cross entropy, in plain loops."""
    losses = []
    for row, label in zip(logits, target.tolist(), strict=True):
        chance, seen = row.softmax(0).tolist(), row.tolist()
        for j in range(K):
            if j == label:
                continue
            mitigation = (counts[j] / counts[label]) ** p if counts[j] < counts[label] else 1
            ratio = chance[j] / max(chance[label], 0.01)
            seen[j] += math.log(mitigation * (ratio**q if ratio > 1 else 1))
        losses.append(math.log(sum(math.exp(z) for z in seen)) - seen[label])
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("p", "q"), [(0.8, 2.0), (0.8, 0.0), (0.0, 2.0), (1.5, 0.5)])
def test_value_is_the_formula(batch: tuple[Tensor, Tensor], p: float, q: float) -> None:
    loss = SeesawLoss(COUNTS, p=p, q=q, counts="dataset")
    assert loss(*batch).item() == pytest.approx(written_out(*batch, [float(n) for n in COUNTS], p, q), abs=1e-9)


@pytest.mark.parametrize("counts", ["online", "dataset"])
def test_without_factors_it_is_cross_entropy(batch: tuple[Tensor, Tensor], counts: str) -> None:
    loss = SeesawLoss(COUNTS, p=0, q=0, counts=counts)
    assert loss(*batch).item() == pytest.approx(F.cross_entropy(*batch).item(), abs=1e-9)


def test_batches_are_counted_the_present_one_included(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    loss = SeesawLoss(COUNTS)
    first, second = target[:3], target[3:]
    loss(logits[:3], first)
    value = loss(logits[3:], second)
    counts = [float(max(1, int((target == c).sum()))) for c in range(K)]
    assert loss.state()["seen"].tolist() == torch.bincount(target, minlength=K).tolist()
    assert value.item() == pytest.approx(written_out(logits[3:], second, counts, 0.8, 2.0), abs=1e-6)


def test_a_mixed_sample_counts_by_its_shares() -> None:
    loss = SeesawLoss(COUNTS)
    loss(torch.zeros(2, K), torch.tensor([[0.25, 0.75, 0, 0], [0, 1, 0, 0]]))
    assert loss.state()["seen"].tolist() == [0.25, 1.75, 0, 0]


def test_nothing_is_counted_outside_training(batch: tuple[Tensor, Tensor]) -> None:
    loss = SeesawLoss(COUNTS).eval()
    loss(*batch)
    assert loss.state()["seen"].tolist() == [0] * K


def test_counts_survive_a_checkpoint_and_are_no_weights(batch: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    loss, resumed = SeesawLoss(COUNTS), SeesawLoss(COUNTS)
    loss(*batch)
    torch.save(loss.state(), tmp_path / "state.pt")
    resumed.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert dict(loss.state_dict()) == {}
    assert torch.equal(loss(*batch), resumed(*batch))
    assert torch.equal(loss.state()["seen"], resumed.state()["seen"])


def test_counts_of_the_data_set_have_no_state() -> None:
    assert SeesawLoss(COUNTS, counts="dataset").state() == {}


@pytest.mark.parametrize(("option", "value"), [("p", -1), ("q", -0.1), ("counts", "epoch")])
def test_unusable_option_is_named(option: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        SeesawLoss(COUNTS, **{option: value})  # type: ignore[arg-type]


TWO_PROCESSES = """
import os
import sys
import torch
from lightning_imb.losses.seesaw import SeesawLoss

folder, child = sys.argv[1], os.fork()  # one import of torch for both
rank = int(child == 0)
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
loss = SeesawLoss([40, 4, 1])
target = torch.tensor([[0, 0, 1], [0, 2, 2]][rank])
for _ in range(2):
    loss(torch.zeros(3, 3), target)
torch.save(loss.state(), f"{folder}/{rank}.pt")
torch.distributed.destroy_process_group()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_two_processes_count_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWO_PROCESSES, str(tmp_path)]
    subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120, check=True)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=True)["seen"].tolist() == [6, 2, 4]
