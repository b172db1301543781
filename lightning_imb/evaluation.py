"""What ``imb-eval`` does: rebuild data and network from a run folder and score a split."""

from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from lightning_imb.adjust import adjust_head, build_posthoc, check_posthoc, class_loss, prior_of_logits, summary
from lightning_imb.build import checkpoint_kind, protocol_label, selected_on
from lightning_imb.checks import check_accelerator
from lightning_imb.fit import make_trainer, predict
from lightning_imb.known_keys import check_switches
from lightning_imb.models.phased import PhasedModule
from lightning_imb.posthoc import AdjustedHead
from lightning_imb.records import score_entries
from lightning_imb.reports.tables import run_table
from lightning_imb.restore import chosen_phase, restore_data, restore_network
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.memory import keep_freed_memory
from lightning_imb.utils.precision import resolve_precision


def evaluate(cfg: DictConfig) -> dict[str, Any]:
    """Score a split of a finished run's data; prints the table and writes ``eval/<split>_<phase>_<checkpoint>.json``.

    With ``posthoc=<option>`` the head is adjusted first, without training: its parameters are searched on the run's own
    validation images, and ``_<option>`` and a ``posthoc_report`` are added to the file.

    Args:
        cfg: The composed config of ``conf/eval.yaml``.

    Returns:
        The scores, named as in ``metrics.json`` but for the split, and ``posthoc_report`` where there is one.

    Raises:
        InputError: If the folder is not a finished run, its checkpoint is unusable, its data have changed, or the
            post-hoc method cannot adjust this head.
    """
    check_switches(cfg)
    check_accelerator(cfg.accelerator)
    keep_freed_memory()
    run = RunFolder.open_finished(str(cfg.run))
    trained = run.read_config()
    wanted = cfg.precision or trained.accelerator.precision
    cfg.accelerator.precision = resolve_precision(wanted, cfg.accelerator.accelerator).value
    _check_split(run, cfg.split)
    method = None if cfg.posthoc is None else build_posthoc(cfg.posthoc)
    model = restore_network(run, cfg.phase, cfg.checkpoint, as_trained=method is not None)
    # synthetic images, which may be dear to make, are made again only where they count
    data = restore_data(run, trained, cfg.root, synthetic=cfg.split == "train" or method is not None)
    trainer = make_trainer(cfg.accelerator, run.path, [], [], epochs=1, val_every=1)
    report = None
    if method is not None:
        check_posthoc(method, model.head, class_loss(model), model.reached, data)
        report = adjust_head(method, model, data, trainer)
    predictions = predict(trainer, model, data, cfg.split, cfg.split)
    entries = score_entries(cfg.split, predictions, data, prior_of_logits(model))
    if report is not None:
        entries["posthoc_report"] = report
    phase = chosen_phase(trained, cfg.phase)
    kind = checkpoint_kind(trained, phase, cfg.checkpoint)
    suffix = "" if method is None else f"_{method.name}"
    path = run.path / "eval" / f"{cfg.split}_{phase}_{cfg.checkpoint}{suffix}.json"
    if first_process():
        write_json_atomic(path, entries)
    what = f"split {cfg.split}, phase {phase}, checkpoint {kind}{_head_of(model, report)}"
    console = Console(quiet=not first_process())
    console.print(_table(run, trained, entries, cfg.split, kind, what))
    console.print(f"written to {path}", soft_wrap=True)
    return entries


def _table(run: RunFolder, trained: DictConfig, entries: dict[str, Any], split: str, kind: str, what: str) -> Table:
    """The closing table: what the run says of itself, with these scores in place of its own."""
    shown = {k: v for k, v in run.read_metrics().items() if "/" not in k}
    shown |= {k.replace(f"{split}/", "test/", 1): v for k, v in entries.items() if "/" in k}
    shown |= {"protocol": protocol_label(trained, kind), "selected_on": selected_on(trained, kind), "scored": what}
    return run_table(shown)


def _head_of(model: PhasedModule, report: dict[str, Any] | None) -> str:
    """What was done to the head after training, for the caption."""
    if report is not None:
        return f", {summary(report)}"
    return ", head adjusted after training" if isinstance(model.head, AdjustedHead) else ""


def _check_split(run: RunFolder, split: str) -> None:
    known = list(run.read_data()["class_counts"])
    if split not in known:
        raise InputError(f"this run has no split '{split}': use split={' or split='.join(known)}")
