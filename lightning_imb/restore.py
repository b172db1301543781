"""From a finished run folder to its network, without repeating the overrides of the training."""

from pathlib import Path

import torch
from omegaconf import DictConfig

from lightning_imb.adjust import put_back_head
from lightning_imb.build import build_datamodule, checkpoint_kind
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.transforms import BatchTransform
from lightning_imb.fit import load_checkpoint
from lightning_imb.models.phased import PhasedModule
from lightning_imb.networks import build_network
from lightning_imb.phase_3 import build_retraining
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.task import recorded_targets
from lightning_imb.utils.errors import InputError


def restore_network(run: RunFolder, phase: str, checkpoint: str, as_trained: bool = False) -> PhasedModule:
    """The network of a finished run, in evaluation mode; of classes with the loss that its head was trained with.

    Args:
        run: A finished run.
        phase: ``represent``, ``retrain`` or ``auto`` (the last phase the run had).
        checkpoint: ``best``, ``last`` or ``auto`` (what the run's protocol selects).
        as_trained: Whether the head stays as trained; else the run's post-hoc method, if it had one, adjusted it. Its
            head belongs to the checkpoint that the run scored; others are as trained in any case.

    Raises:
        InputError: If the run had no such phase, or its checkpoint or post-hoc head is missing, damaged or of another
            network.
    """
    cfg = run.read_config()
    refuse_earlier(run, cfg)
    without_pretrained(cfg)  # the checkpoint holds the weights: fetch no others
    known = recorded_targets(run.read_data())
    model = build_network(cfg, known, trains=False)
    which = chosen_phase(cfg, phase)
    kind = checkpoint_kind(cfg, which, checkpoint)
    if which is Phase.RETRAIN:
        settings = build_retraining(cfg, known, trains=False)
        model.dress_for(settings)
        model.loss, model.phase = settings.loss, which
    load_checkpoint(model, run, cfg, which, kind)
    if not as_trained:
        put_back_head(model, run, cfg, which, kind)
    return model.eval()


def refuse_earlier(run: RunFolder, cfg: DictConfig) -> None:
    """Refuse a run whose networks this version builds in another way.

    Raises:
        InputError: If the run is that old.
    """
    if "experts" not in cfg.model:
        raise InputError(f"{run.path} is of an earlier lightning_imb with other networks: evaluate it with that one")


def without_pretrained(cfg: DictConfig) -> None:
    """Let the network of a config begin with weights of its own."""
    for key, nothing in (("pretrained", False), ("weights", None)):
        if key in cfg.model.extractor:
            cfg.model.extractor[key] = nothing


def chosen_phase(cfg: DictConfig, phase: str) -> Phase:
    """The phase meant by ``auto``, ``represent`` or ``retrain`` for a run with this config.

    Raises:
        InputError: If the run had no such phase.
    """
    if phase not in ("auto", *Phase):
        raise InputError(f"phase must be auto, represent or retrain, not '{phase}'")
    if phase == Phase.RETRAIN and not cfg.retrain.enabled:
        raise InputError("this run has no phase 3 (retrain=none): use phase=represent")
    if phase == "auto":
        return Phase.RETRAIN if cfg.retrain.enabled else Phase.REPRESENT
    return Phase(phase)


def restore_transform(run: RunFolder, channels_last: bool) -> BatchTransform:
    """The normalisation that the run was trained with."""
    data = run.read_data()
    return BatchTransform(data["mean"], data["std"], pad=0, flip=False, channels_last=channels_last)


def restore_precision(run: RunFolder, device: torch.device) -> torch.autocast:
    """The context of a forward pass with the rounding that the run's own scores were made with."""
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(run.read_config().accelerator.precision)
    return torch.autocast(device.type, dtype=half, enabled=half is not None)


def restore_data(run: RunFolder, trained: DictConfig, root: str | None, synthetic: bool) -> ImbalancedDataModule:
    """The data of a finished run, set up.

    Args:
        run: The run.
        trained: Its config; changed where the data moved.
        root: Where the data lie now; None for where they were.
        synthetic: Whether synthetic training images, which may be dear to make, are made again.

    Raises:
        InputError: If the data are not those of the run.
    """
    if root is not None:
        move_data(trained.dataset, str(root))
    data = build_datamodule(trained, synthetic)
    data.setup("test")
    known = run.read_data()
    wanted = known["class_counts"] if synthetic else known["class_counts"] | {"train": known["real_counts"]}
    counts = {split: data.counts(split) for split in known["class_counts"] if data.has(split)}
    if data.fingerprint != known["fingerprint"] or counts != wanted:
        raise InputError(
            f"the data of {trained.dataset.name} are not those of the run (other files, labels or sizes): "
            "point root=<folder> to the data it was trained on"
        )
    return data


def move_data(dataset: DictConfig, root: str) -> None:
    """Point a resolved dataset config to another root; a csv file below the old root moves with it."""
    csv = dataset.get("csv")
    if csv is not None and Path(csv).is_relative_to(dataset.root):
        csv = str(Path(root) / Path(csv).relative_to(dataset.root))
    # the copies in these are no interpolations any more
    for node in (dataset, dataset.splits, dataset.get("regions") or {}):
        if "root" in node:
            node["root"] = root
        if csv is not None:
            node["csv"] = csv
