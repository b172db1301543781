"""From a composed config to the objects of a run."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig

from lightning_imb.callbacks.reweighting import Reweighting
from lightning_imb.checks import check_number
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.second import InverseFrequency, Second, same_images
from lightning_imb.losses import ClassCountLoss, class_weights
from lightning_imb.losses.regression import RegressionLoss
from lightning_imb.mixing import Mixer
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.experts import with_experts
from lightning_imb.models.heads import build_head
from lightning_imb.models.sam import SAM
from lightning_imb.phases import Phase
from lightning_imb.resampling import NoResampling
from lightning_imb.task import CLASS_SCORES, ERRORS, monitored_score
from lightning_imb.utils.checked import start_of
from lightning_imb.utils.errors import InputError, one_line


def create(node: DictConfig, key: str) -> Any:
    """What a config node with a ``_target_`` makes.

    Args:
        node: The node.
        key: Its name, for messages.

    Raises:
        InputError: If what is made refuses the settings; its own sentence where it has one.
    """
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, InputError):  # Hydra words it as a failed call
            raise cause from None
        if isinstance(cause, ValueError | TypeError | KeyError | OSError):
            raise InputError(f"{key} cannot work ({one_line(cause)}): set another {key}.* value") from error
        raise


def monitored_split(cfg: DictConfig) -> str:
    """The set that is scored every epoch: validation images where the protocol holds some out, else test images."""
    return "val" if cfg.protocol.val_size else "test"


def protocol_label(cfg: DictConfig, kind: str = "auto") -> str:
    """How the reported epoch was chosen, in words that go beside every number.

    Args:
        cfg: The training config.
        kind: The checkpoint that is reported: ``best``, ``last`` or ``auto`` (what the protocol selects).
    """
    chosen_on = selected_on(cfg, kind)
    if chosen_on == "nothing":
        return f"{cfg.protocol.name}, last epoch"
    score = monitored_score(cfg)
    by = "" if score in (CLASS_SCORES[0], ERRORS[0]) else f" by {score}"
    return f"{cfg.protocol.name}, best epoch on {'TEST' if chosen_on == 'test' else 'validation'}{by}"


def selected_on(cfg: DictConfig, kind: str = "auto") -> str:
    """The set whose scores chose the epoch of a checkpoint: ``val``, ``test`` or ``nothing``."""
    if kind == "auto":
        kind = selected_checkpoint(cfg)
    return monitored_split(cfg) if kind == "best" else "nothing"


def selected_checkpoint(cfg: DictConfig) -> str:
    """``best`` or ``last``: the checkpoint that the protocol reports."""
    return "last" if cfg.protocol.select == "last" else "best"


def checkpoint_kind(cfg: DictConfig, phase: Phase, checkpoint: str) -> Literal["best", "last"]:
    """The checkpoint meant by ``auto``, ``best`` or ``last``; ``auto`` is the one the run itself scored.

    Raises:
        InputError: If it is none of the three.
    """
    if checkpoint not in ("auto", "best", "last"):
        raise InputError(f"checkpoint must be auto, best or last, not '{checkpoint}'")
    if checkpoint == "auto" and phase is Phase.REPRESENT and cfg.retrain.enabled:
        checkpoint = cfg.retrain.start_from
    if checkpoint == "auto":
        checkpoint = selected_checkpoint(cfg)
    return "best" if checkpoint == "best" else "last"


def build_datamodule(cfg: DictConfig, synthetic: bool = True) -> ImbalancedDataModule:
    """The data module of a training config, not yet set up.

    Args:
        cfg: The training config.
        synthetic: Whether it makes the synthetic training images that the config asks for.
    """
    data = cfg.dataset
    profile = create(cfg.imbalance.profile, "imbalance.profile")
    return ImbalancedDataModule(
        splits=lambda: create(data.splits, "dataset"),
        profile=lambda available: profile(available, cfg.imbalance.ratio),
        selection=cfg.imbalance.selection,
        subset_seed=cfg.imbalance.seed,
        val_size=cfg.protocol.val_size,
        split_seed=data.split_seed,
        monitor=monitored_split(cfg),
        mean=_statistics(data.mean),
        std=_statistics(data.std),
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
        cutout=data.augment.cutout,
        per_image=_image_transforms(data.augment.per_image),
        on_device=data.on_device,
        cache=_cache_folder(cfg),
        cache_limit_gb=cfg.cache_limit_gb,
        draw=create(cfg.sampler, "sampler"),
        oversample=_image_over_sampler(cfg) if synthetic else None,
    )


def _image_over_sampler(cfg: DictConfig) -> Any:
    """What makes synthetic training images; None where nothing does, which spares a copy of all images."""
    sampler = create(cfg.oversample, "oversample")
    return None if isinstance(sampler, NoResampling) else sampler


def second_stream(model: ImbalancedClassifier) -> Second | None:
    """The images that a batch holds beside its own: those that mixing takes from, or second views for the loss."""
    if model.mixing.second is not None:
        return InverseFrequency(model.mixing.second)
    return same_images if model.loss.views > 1 else None


def _image_transforms(nodes: ListConfig) -> list[Any]:
    key = "dataset.augment.per_image"
    try:
        return [create(node, key) for node in nodes]
    except InstantiationException as error:  # these targets are written by users
        raise InputError(
            f"{key}={nodes} cannot work ({one_line(error.__cause__ or error)}): give a list of nodes such as "
            "{_target_: torchvision.transforms.v2.ColorJitter, brightness: 0.4}"
        ) from error


def _cache_folder(cfg: DictConfig) -> str | None:
    """Where decoded images are kept; None for nowhere."""
    if not isinstance(cfg.cache, bool):
        raise InputError(f"cache is true or false, not '{cfg.cache}': its folder is paths.cache")
    check_number(cfg.cache_limit_gb, "cache_limit_gb", "a number")
    if cfg.cache_limit_gb < 0:
        raise InputError(f"cache_limit_gb={cfg.cache_limit_gb} must not be negative: give a size in 10^9 bytes")
    return str(cfg.paths.cache) if cfg.cache else None


def _statistics(value: str | float | Sequence[float]) -> str | list[float]:
    """``auto``, or one number per channel; a number alone is meant for one channel."""
    if isinstance(value, str):
        return value
    return [value] if isinstance(value, int | float) else list(value)


def build_loss(cfg: DictConfig, class_counts: Sequence[int]) -> ClassCountLoss:
    """A loss for these counts.

    Raises:
        InputError: If it is a loss of numbers, or refuses its settings.
    """
    factory = create(cfg, "loss")
    check_task_of(factory, "loss", regression=False)
    loss = factory(class_counts=list(class_counts))
    assert isinstance(loss, ClassCountLoss)
    return loss


def check_task_of(factory: Callable[..., Any], key: str, regression: bool) -> None:
    """Refuse a loss of classes where targets are numbers, and the other way round.

    Raises:
        InputError: If the factory makes a loss for the other task.
    """
    made = getattr(factory, "func", None)
    if not isinstance(made, type) or issubclass(made, RegressionLoss) == regression:
        return
    if regression:
        raise InputError(
            f"{key}={made.__name__} is a loss of classes, but the targets are numbers: use "
            f"{'loss' if key == 'loss' else f'loss@{key}'}=mse, l1, huber, focal_r, bmc, gai or bni, or a method reg_*"
        )
    raise InputError(
        f"{key}={made.__name__} is a loss of numbers, but the targets are classes: use loss=ce or another one, or a "
        "data set with dataset.task=regression"
    )


def build_scheduler(cfg: DictConfig, epochs: int) -> Callable[..., Any]:
    """A schedule factory for a fit of that many epochs."""
    factory = create(cfg, "scheduler")
    return lambda optimizer: factory(optimizer, epochs=epochs)


def build_classifier(
    cfg: DictConfig, class_counts: Sequence[int], real_counts: Sequence[int] | None = None
) -> ImbalancedClassifier:
    """The module of a training config, with fresh weights; the counts as `ImbalancedClassifier` has them."""
    loss = build_loss(cfg.loss, class_counts)
    check_scale(loss, cfg, "loss")
    extractor = with_experts(lambda: create(cfg.model.extractor, "model.extractor"), cfg.model.experts)
    head = build_head(
        cfg.model.head,
        loss.required_head,
        extractor.embed_dim,
        len(class_counts),
        cfg.model.head_scale,
        cfg.model.head_init,
        cfg.model.experts,
    )
    module = ImbalancedClassifier(
        extractor=extractor,
        head=head,
        loss=loss,
        optimizer=create(cfg.optimizer, "optimizer"),
        scheduler=build_scheduler(cfg.scheduler, cfg.epochs),
        class_counts=class_counts,
        monitor=monitored_split(cfg),
        log_per_class=cfg.log_per_class,
        mixing=build_mixing(cfg, class_counts),
        sharpness=SAM(cfg.sharpness.rho, cfg.sharpness.adaptive),
        real_counts=real_counts,
    )
    return module.to(memory_format=memory_layout(cfg))


def memory_layout(cfg: DictConfig) -> torch.memory_format:
    """How images and weights of convolutions lie in memory."""
    return torch.channels_last if cfg.accelerator.channels_last else torch.contiguous_format


def build_mixing(cfg: DictConfig, class_counts: Sequence[int]) -> Mixer:
    """How the batches of phase 1 are mixed."""
    mixing: Mixer = create(cfg.mix, "mix")(class_counts=list(class_counts))
    return mixing


def build_reweighting(cfg: DictConfig, class_counts: Sequence[int]) -> Reweighting | None:
    """The callback of a ``reweight`` config, tried once; None where there is nothing to re-weight.

    Raises:
        InputError: If the kind, beta or the start is unusable.
    """
    if cfg.reweight.kind == "none":
        return None
    start_of("reweight.start", cfg.reweight.start, cfg.epochs)
    class_weights(class_counts, cfg.reweight.kind, cfg.reweight.beta)
    return Reweighting(cfg.reweight.kind, cfg.reweight.beta, cfg.reweight.start)


def check_scale(loss: ClassCountLoss, cfg: DictConfig, key: str) -> None:
    """Refuse a loss made for another scale of the cosines than the head has.

    Raises:
        InputError: If they differ.
    """
    if loss.required_scale not in (None, cfg.model.head_scale):
        raise InputError(
            f"{key}.scale={loss.required_scale} contradicts model.head_scale={cfg.model.head_scale}: "
            "set model.head_scale alone, the loss follows it"
        )
