"""From a config to the network of a run: a classifier, or a regressor."""

from collections.abc import Sequence

from omegaconf import DictConfig

from lightning_imb.build import (
    build_classifier,
    build_reweighting,
    build_scheduler,
    check_task_of,
    create,
    memory_layout,
    monitored_split,
)
from lightning_imb.losses.regression import MSELoss, RegressionLoss
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.feature_smoothing import FeatureSmoothing
from lightning_imb.models.heads import RegressionHead
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.models.sam import SAM
from lightning_imb.task import Known
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, TargetSample, bins_of


def build_network(
    cfg: DictConfig, known: Known, trains: bool = True, real_counts: Sequence[int] | None = None
) -> PhasedModule:
    """The module of a training config, with fresh weights.

    Args:
        cfg: The training config.
        known: What is known of the training targets.
        trains: Whether it is going to be trained. Else a regressor gets the squared error for its loss: other losses
            have to see the training targets, which a run folder does not hold.
        real_counts: Of classes, the training images without synthetic ones (K,); None where there are none of these.
    """
    if isinstance(known, TargetSample):
        return build_regressor(cfg, known, trains)
    return build_classifier(cfg, known, real_counts)


def set_schedules(model: PhasedModule, cfg: DictConfig, epoch: int) -> None:
    """Let the loss be that of an epoch of phase 1, 0-based: its own schedule and its class weights.

    A checkpoint holds neither, for both are functions of the epoch.
    """
    model.loss.begin_epoch(epoch, cfg.epochs)
    if isinstance(model, ImbalancedClassifier):
        reweighting = build_reweighting(cfg, model.class_counts)
        if reweighting is not None:
            reweighting.weigh(model, epoch, cfg.epochs)


def build_regressor(cfg: DictConfig, targets: TargetSample, trains: bool = True) -> ImbalancedRegressor:
    """As `build_network`, for numbers."""
    extractor = create(cfg.model.extractor, "model.extractor")
    module = ImbalancedRegressor(
        extractor=extractor,
        head=build_regression_head(cfg.model.head_bias, cfg.model.head_units, extractor.embed_dim, targets),
        loss=build_regression_loss(cfg.loss, cfg.target_weights, targets, "loss") if trains else MSELoss(targets),
        optimizer=create(cfg.optimizer, "optimizer"),
        scheduler=build_scheduler(cfg.scheduler, cfg.epochs),
        class_counts=targets.bins.counts(targets.values),
        bins=targets.bins,
        monitor=monitored_split(cfg),
        smoothing=build_smoothing(cfg.smoothing, extractor.embed_dim, targets),
        sharpness=SAM(cfg.sharpness.rho, cfg.sharpness.adaptive),
    )
    return module.to(memory_format=memory_layout(cfg))


def build_regression_head(bias: bool, units: str, embed_dim: int, targets: TargetSample) -> RegressionHead:
    """The head of numbers.

    Args:
        bias: Whether it has one.
        units: ``target``: its number is that of the targets; ``std``: it counts standard deviations from their mean, so
            that targets of any scale are as easy to learn.
        embed_dim: Width of the embedding.
        targets: The training targets.

    Raises:
        InputError: If a setting is something else.
    """
    if units not in ("target", "std"):
        raise InputError(f"model.head_units is target or std, not '{units}'")
    if units == "target":
        return RegressionHead(embed_dim, bias)
    return RegressionHead(embed_dim, bias, float(targets.values.mean()), float(targets.values.std()))


def build_regression_loss(node: DictConfig, weights: DictConfig, targets: TargetSample, key: str) -> RegressionLoss:
    """A loss of numbers, weighted by the density of these targets where the config says so.

    Args:
        node: The ``loss`` config.
        weights: The ``target_weights`` config.
        targets: What reaches the loss.
        key: What messages call the loss.

    Raises:
        InputError: If it is a loss of classes, or balances by itself and is weighted too.
    """
    factory = create(node, key)
    check_task_of(factory, key, regression=True)
    loss = factory(targets=targets)
    assert isinstance(loss, RegressionLoss)
    loss.weigh(create(weights, "target_weights"))
    return loss


def build_smoothing(node: DictConfig, embed_dim: int, targets: TargetSample) -> FeatureSmoothing | None:
    """The feature smoothing of a ``smoothing`` config; None where there is none."""
    if not node.enabled:
        return None
    return FeatureSmoothing(
        embed_dim=embed_dim,
        edges=_bins(node.bins, targets).edges,
        kernel=node.kernel,
        size=node.size,
        sigma=node.sigma,
        kernel_impl=node.kernel_impl,
        momentum=node.momentum,
        start_epoch=node.start_epoch,
        clip=tuple(node.clip),
        empty=node.empty,
    )


def _bins(spec: int | Sequence[float] | None, targets: TargetSample) -> TargetBins:
    """So many equal bins over the range of the data set's bins, or given edges; None for those of the data set."""
    edges = targets.bins.edges
    return targets.bins if spec is None else bins_of(spec, (edges[0], edges[-1]), "smoothing.bins")
