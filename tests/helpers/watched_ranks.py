"""``python -m helpers.watched_ranks <folder>``: the diagnostics that each of two processes (DDP over gloo) logged."""

import sys
from pathlib import Path

import torch

from helpers import tiny
from helpers.two_ranks import trainer
from lightning_imb.callbacks.progress_diagnostics import ProgressDiagnostics

if __name__ == "__main__":
    out = Path(sys.argv[1])
    data, model = tiny.data_module(eval_batch_size=5), tiny.classifier()
    fit = trainer(out, ProgressDiagnostics(1, "auto"), epochs=2, devices=2, strategy="ddp")
    fit.fit(model, datamodule=data)
    logged = {name: float(value) for name, value in fit.callback_metrics.items() if name.startswith("diagnostics/")}
    torch.save({"logged": logged, "weights": model.state_dict()}, out / f"seen_{fit.global_rank}.pt")
