"""One published three-phase script, from its start to its scores.

Usage: ``python -m benchmarks.peer_script settings.json METHOD EPOCHS``.

Phase 1 by the published loop, embeddings into arrays, an over-sampler, a fresh linear head on the balanced set by the
same kind of loop, scores of the test images. Prints the seconds of each stage.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from imblearn.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.case import Settings
from benchmarks.peers import BATCH, AverageMeter, Peer, accuracy
from benchmarks.released_eos import ReleasedEOS

RETRAIN_EPOCHS = 10
RESAMPLERS: dict[str, Any] = {
    "retrain": lambda few: None,
    "random": lambda few: RandomOverSampler(random_state=0),
    "smote": lambda few: SMOTE(random_state=0, k_neighbors=few),
    "borderline_smote": lambda few: BorderlineSMOTE(random_state=0, k_neighbors=few),
    "eos": lambda few: ReleasedEOS(),
}
"""Method of the product -> the over-sampler of a script, given the neighbours that its smallest class allows."""


WORKERS = 0  # the fastest on two cores, as ``train_epoch_best`` finds by trying


class Stages:
    """Seconds of what a script does, one stage after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def over(self, name: str) -> None:
        """What was done since the stage before was this one."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


def run_script(settings: Settings, method: str, epochs: int) -> dict[str, float]:
    """All three phases; returns the seconds of each stage."""
    stages = Stages()
    script = Peer(settings)
    train, test = script.train_loader(WORKERS), script.test_loader(WORKERS)
    stages.over("set up")
    for _ in range(epochs):
        script.train_epoch(train)
        stages.over("phase 1, training")
        script.validate(test)
        stages.over("phase 1, validation")
    z, y = script.embed()
    stages.over("phase 2, embedding")
    few = min(5, int(np.bincount(y).min()) - 1)
    resampler = RESAMPLERS[method](few)
    z, y = (z, y) if resampler is None else resampler.fit_resample(z, y)
    stages.over("phase 2, over-sampling")
    script.net.linear = retrain_head(z, y, script)
    stages.over("phase 3")
    script.validate(test)
    stages.over("scores")
    return stages.seconds


def retrain_head(z: Any, y: Any, script: Peer) -> nn.Linear:
    """A fresh linear layer trained on embeddings, batches of 128 collated row by row."""
    rows = TensorDataset(torch.from_numpy(np.asarray(z, dtype=np.float32)), torch.from_numpy(np.asarray(y)))
    head = nn.Linear(z.shape[1], 10).to(script.device)
    optimizer = torch.optim.SGD(head.parameters(), 0.1, momentum=0.9, weight_decay=2e-4)
    for _ in range(RETRAIN_EPOCHS):
        losses, top1 = AverageMeter(), AverageMeter()
        for features, target in DataLoader(rows, BATCH, shuffle=True):
            features, target = features.to(script.device), target.to(script.device)
            output = head(features)
            loss = script.criterion(output, target)
            losses.update(loss.item(), len(target))
            top1.update(accuracy(output, target, topk=(1,))[0].item(), len(target))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head


def main() -> None:
    """Run as the command line says."""
    path, method, epochs = sys.argv[1:]
    settings = Settings.from_json(Path(path).read_text(encoding="utf-8"))
    print(json.dumps(run_script(settings, method, int(epochs))))


if __name__ == "__main__":
    main()
