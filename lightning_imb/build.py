"""From a composed config to the objects of a run."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from lightning_imb.callbacks.phase_switch import PhaseSwitch
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.losses import ClassCountLoss
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.heads import build_head
from lightning_imb.utils.errors import InputError


def check_config(cfg: DictConfig) -> None:
    """Refuse what cannot work before anything is loaded.

    Raises:
        InputError: If a number is out of range, parts contradict each other or the device is absent.
    """
    for key in ("epochs", "batch_size", "eval_batch_size", "val_every"):
        if not isinstance(cfg[key], int) or cfg[key] < 1:
            raise InputError(f"{key} must be a whole number of at least 1, not {cfg[key]}")
    for key in ("epochs", "batch_size"):
        if cfg.retrain.enabled and (not isinstance(cfg.retrain[key], int) or cfg.retrain[key] < 1):
            raise InputError(f"retrain.{key} must be a whole number of at least 1, not {cfg.retrain[key]}")
    _one_of(cfg.resume, "resume", ("auto", "never"))
    _one_of(cfg.protocol.select, "protocol.select", ("best_val", "last", "best_test"))
    _one_of(cfg.retrain.start_from, "retrain.start_from", ("auto", "best", "last"))
    _one_of(cfg.retrain.counts, "retrain.counts", ("original", "balanced"))
    if cfg.protocol.select == "best_val" and not cfg.protocol.val_size:
        raise InputError(
            "protocol.select=best_val needs validation images: set protocol.val_size, or select=last"
        )
    if cfg.protocol.select == "best_test" and cfg.protocol.name != "paper":
        raise InputError("choosing the epoch on the test set is only possible with protocol=paper")
    if cfg.reweight.kind != "none" and str(cfg.loss.weights) != "none":
        raise InputError(
            f"reweight={cfg.reweight.kind} replaces the class weights, but loss.weights={cfg.loss.weights}: choose one"
        )
    check_accelerator(cfg.accelerator)


def check_accelerator(cfg: DictConfig) -> None:
    """Refuse a GPU that is not there.

    Raises:
        InputError: If a GPU is asked for and none is found.
    """
    if cfg.accelerator in ("gpu", "cuda") and not (
        torch.cuda.is_available() or torch.backends.mps.is_available()
    ):
        raise InputError("accelerator=gpu, but torch finds no GPU on this machine: use accelerator=cpu")


def _one_of(value: str, key: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InputError(f"{key} must be one of {', '.join(allowed)}, not '{value}'")


def monitored_split(cfg: DictConfig) -> str:
    """The set that is scored every epoch: validation images where the protocol holds some out, else test images."""
    return "val" if cfg.protocol.val_size else "test"


def protocol_label(cfg: DictConfig) -> str:
    """How the reported epoch was chosen, in words that go beside every number."""
    how = {"best_val": "best epoch on validation", "last": "last epoch", "best_test": "best epoch on TEST"}
    return f"{cfg.protocol.name}, {how[cfg.protocol.select]}"


def selected_checkpoint(cfg: DictConfig) -> str:
    """``best`` or ``last``: the checkpoint that the protocol reports."""
    return "last" if cfg.protocol.select == "last" else "best"


def build_datamodule(cfg: DictConfig) -> ImbalancedDataModule:
    """The data module of a training config, not yet set up."""
    data = cfg.dataset
    profile = instantiate(cfg.imbalance.profile)
    return ImbalancedDataModule(
        splits=lambda: instantiate(data.splits, _convert_="all"),
        profile=lambda available: profile(available, cfg.imbalance.ratio),
        selection=cfg.imbalance.selection,
        subset_seed=cfg.imbalance.seed,
        val_size=cfg.protocol.val_size,
        split_seed=data.split_seed,
        monitor=monitored_split(cfg),
        mean=data.mean if isinstance(data.mean, str) else list(data.mean),
        std=data.std if isinstance(data.std, str) else list(data.std),
        pad=data.augment.pad,
        flip=data.augment.flip,
        channels_last=cfg.accelerator.channels_last,
        batch_size=cfg.batch_size,
        eval_batch_size=cfg.eval_batch_size,
        num_workers=cfg.num_workers,
        in_memory=data.in_memory,
        memory_limit_gb=cfg.memory_limit_gb,
        on_bad_image=data.on_bad_image,
        seed=cfg.seed,
    )


def build_loss(cfg: DictConfig, class_counts: Sequence[int]) -> ClassCountLoss:
    """A loss for these counts."""
    loss = instantiate(cfg, _convert_="all")(class_counts=list(class_counts))
    assert isinstance(loss, ClassCountLoss)
    return loss


def build_scheduler(cfg: DictConfig, epochs: int) -> Callable[..., Any]:
    """A schedule factory for a fit of that many epochs."""
    factory = instantiate(cfg, _convert_="all")
    return lambda optimizer: factory(optimizer, epochs=epochs)


def build_classifier(cfg: DictConfig, class_counts: Sequence[int]) -> ImbalancedClassifier:
    """The module of a training config, with fresh weights."""
    loss = build_loss(cfg.loss, class_counts)
    extractor = instantiate(cfg.model.extractor, _convert_="all")
    head = build_head(
        cfg.model.head,
        loss.required_head,
        extractor.embed_dim,
        len(class_counts),
        cfg.model.head_scale,
        cfg.model.head_init,
    )
    module = ImbalancedClassifier(
        extractor=extractor,
        head=head,
        loss=loss,
        optimizer=instantiate(cfg.optimizer, _convert_="all"),
        scheduler=build_scheduler(cfg.scheduler, cfg.epochs),
        class_counts=class_counts,
        monitor=monitored_split(cfg),
        log_per_class=cfg.log_per_class,
    )
    layout = torch.channels_last if cfg.accelerator.channels_last else torch.contiguous_format
    return module.to(memory_format=layout)


def build_phase_switch(cfg: DictConfig, class_counts: Sequence[int]) -> PhaseSwitch:
    """The callback that makes a second fit into phases 2 and 3.

    Raises:
        InputError: If the loss of phase 3 needs another head than phase 1 trained.
    """
    balanced = [max(class_counts)] * len(class_counts)
    counts = balanced if cfg.retrain.counts == "balanced" else list(class_counts)
    loss = build_loss(cfg.loss if cfg.retrain.loss is None else cfg.retrain.loss, counts)
    trained = build_loss(cfg.loss, class_counts).required_head or cfg.model.head
    if loss.required_head and loss.required_head != trained:
        raise InputError(
            f"retrain.loss needs a {loss.required_head} head, but phase 1 trains a {trained} head: "
            f"set model.head={loss.required_head}"
        )
    return PhaseSwitch(
        resampler=instantiate(cfg.resampler, _convert_="all"),
        loss=loss,
        optimizer=instantiate(cfg.retrain.optimizer, _convert_="all"),
        scheduler=build_scheduler(cfg.retrain.scheduler, cfg.retrain.epochs),
        reset_head=cfg.retrain.reset_head,
        batch_size=cfg.retrain.batch_size,
    )


def set_threads(threads: int | None) -> None:
    """Use that many CPU threads; None leaves torch's choice."""
    if threads is not None:
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)
