"""What cannot work is refused here, before anything is trained."""

import copy
import logging
from collections.abc import Sequence

import torch
from omegaconf import DictConfig, OmegaConf

from lightning_imb.callbacks.progress_diagnostics import ProgressDiagnostics
from lightning_imb.known_keys import check_switch, check_switches
from lightning_imb.losses import ClassCountLoss
from lightning_imb.machine import in_sweep, several_processes
from lightning_imb.mixing import EMBEDDING, INPUT
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.compiled import compile_mode
from lightning_imb.models.mixed_forward import check_layers
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.retraining import Retraining
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError, one_line

log = logging.getLogger(__name__)

_AT_LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "eval_batch_size": 1,
    "val_every": 1,
    "seed": 0,
    "imbalance.seed": 0,
    "dataset.split_seed": 0,
    "dataset.augment.pad": 0,
    "callbacks.log_lines": 1,
    "callbacks.nan_check_every": 1,
}
_NUMBERS = ("imbalance.ratio", "imbalance.minority", "protocol.val_size", "memory_limit_gb", "reweight.start")
_CHOICES = {
    "resume": ("auto", "never"),
    "protocol.select": ("best_val", "last", "best_test"),
    "dataset.on_bad_image": ("error", "skip"),
    # images stay float32 until the network casts them, which rules out the precisions that cast the weights
    "accelerator.precision": ("auto", "32-true", "16-mixed", "bf16-mixed"),
}
_ONE_PROCESS = ("auto", "single_device")  # strategies; the others start processes
_LARGEST_SEED = 2**32 - 1

# what torch and the networks raise for a setting or an image they cannot take
_REFUSALS = (RuntimeError, ValueError, TypeError, AssertionError)


def check_config(cfg: DictConfig) -> None:
    """Refuse what cannot work before anything is loaded.

    Raises:
        InputError: If a value is out of range, parts contradict each other or the device is absent.
    """
    check_switches(cfg)
    if cfg.log_per_class != "auto":
        check_switch(cfg.log_per_class, "log_per_class", "auto, true or false")
    check_accelerator(cfg.accelerator)
    for key, low in _AT_LEAST.items():
        check_whole(OmegaConf.select(cfg, key), key, low)
    if cfg.seed > _LARGEST_SEED:
        raise InputError(f"seed={cfg.seed} is too large: use a whole number from 0 to {_LARGEST_SEED}")
    if cfg.threads != "auto":
        check_whole(cfg.threads, "threads", 1)
    if cfg.num_workers != "auto":
        check_whole(cfg.num_workers, "num_workers", 0)
    for key in _NUMBERS:
        check_number(OmegaConf.select(cfg, key), key, "a number")
    if cfg.dataset.test_size is not None:
        check_number(cfg.dataset.test_size, "dataset.test_size", "a number or null")
    for key, allowed in _CHOICES.items():
        check_choice(OmegaConf.select(cfg, key), key, allowed)
    _check_protocol(cfg)
    if cfg.reweight.kind != "none" and str(cfg.loss.get("weights", "none")) != "none":
        raise InputError(
            f"reweight.kind={cfg.reweight.kind} replaces the class weights of the loss, "
            f"but loss.weights={cfg.loss.weights}: choose reweight=none, or a loss with loss.weights=none"
        )
    compile_mode(cfg.accelerator.compile)
    diagnostics_of(cfg)


def diagnostics_of(cfg: DictConfig) -> ProgressDiagnostics:
    """The looks at the whole training set that a config asks for.

    Raises:
        InputError: If their settings are out of range.
    """
    return ProgressDiagnostics(cfg.callbacks.diagnostics_every, cfg.callbacks.diagnostics_major)


def check_whole(value: object, key: str, low: int) -> None:
    """Refuse what is not a whole number from ``low`` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise InputError(f"{key} must be a whole number of at least {low}, not {value}")


def check_number(value: object, key: str, what: str) -> None:
    """Refuse what is not a number, in words that say what may be given."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} must be {what}, not '{value}'")


def check_choice(value: object, key: str, allowed: Sequence[str]) -> None:
    """Refuse a word that is not among the allowed ones."""
    if value not in allowed:
        raise InputError(f"{key} must be one of {', '.join(allowed)}, not '{value}'")


def check_accelerator(cfg: DictConfig) -> None:
    """Refuse a GPU that is not there, and runs of several processes in a sweep.

    Raises:
        InputError: If a GPU is asked for and none is found, or a sweep has more than one device or a strategy for them.
    """
    if in_sweep() and (several_processes(cfg) or cfg.strategy not in _ONE_PROCESS):
        raise InputError(
            f"accelerator.devices={cfg.devices}, accelerator.strategy={cfg.strategy} cannot be part of a sweep (-m): "
            "each process would begin the whole sweep again; give every run one device (accelerator=cpu or gpu) and "
            "run several at a time with a parallel hydra/launcher, or launch the runs one by one without -m"
        )
    if cfg.accelerator in ("gpu", "cuda") and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise InputError("accelerator=gpu, but torch finds no GPU on this machine: use accelerator=cpu")


def _check_protocol(cfg: DictConfig) -> None:
    """Refuse a choice of the epoch that the protocol's sets do not allow."""
    select, val_size = cfg.protocol.select, cfg.protocol.val_size
    if select == "best_val" and not val_size:
        raise InputError(
            "protocol.select=best_val needs validation images, but protocol.val_size=0: "
            "set protocol.val_size=0.1, or protocol.select=last"
        )
    if select == "best_test" and cfg.protocol.name != "paper":
        raise InputError(
            "protocol.select=best_test chooses the epoch on the test set, which only protocol=paper does: "
            "set protocol=paper, or protocol.select=best_val"
        )
    if select == "best_test" and val_size:
        raise InputError(
            f"protocol.select=best_test scores the test set every epoch, but protocol.val_size={val_size} "
            "holds validation images out: set protocol.val_size=0, or protocol.select=best_val"
        )
    if cfg.retrain.enabled and cfg.retrain.start_from == "best" and not val_size and select != "best_test":
        raise InputError(
            "retrain.start_from=best would take the epoch of phase 1 that is best on the TEST set, for there are no "
            "validation images: set protocol.select=best_test to do so and have it marked, or retrain.start_from=last"
        )
    check_scored(cfg, "")


def check_scored(part: DictConfig, prefix: str) -> None:
    """Refuse a training, or a phase of it, of which no epoch would be scored.

    Raises:
        InputError: If ``val_every`` is more than ``epochs``.
    """
    if part.val_every > part.epochs:
        raise InputError(
            f"{prefix}val_every={part.val_every} is more than {prefix}epochs={part.epochs}, "
            "so no epoch would be scored: lower it"
        )


def check_combination(model: ImbalancedClassifier, cfg: DictConfig) -> None:
    """Refuse ways of mixing that the loss, the network or its compilation cannot follow; warn of what is hardly meant.

    Raises:
        InputError: If two of them contradict each other.
    """
    if first_process():
        _warn_of_compensating_twice(model, cfg)
        _warn_of_no_mixing(model, cfg)
    mixing, loss = model.mixing, type(model.loss).__name__
    if not mixing.layers:
        return
    if mixing.mixes_labels and model.loss.hard_labels_only:
        raise InputError(f"{loss} takes whole labels, but the chosen mix blends them: use mix=none, or another loss")
    if model.loss.views > 1:
        raise InputError(f"{loss} compares views of single images, which cannot be mixed: use mix=none")
    inner = [layer for layer in mixing.layers if layer not in (INPUT, EMBEDDING)]
    if inner and compile_mode(cfg.accelerator.compile) is not None:
        raise InputError(
            f"mix.layer={inner[0]} lies inside the network that accelerator.compile makes one piece of: "
            "use accelerator.compile=false, or mix.layer=input or embedding"
        )


def _warn_of_compensating_twice(model: ImbalancedClassifier, cfg: DictConfig) -> None:
    """A sampler changes what reaches the loss of phase 1, whose weights and prior stay those of the images."""
    loss, counts = model.loss, model.class_counts
    if cfg.sampler.get("kind") == "instance" or len(set(counts)) == 1:
        return
    weights = cfg.loss.get("weights")
    also = []
    if isinstance(weights, str) and weights != "none":
        also.append(f"loss.weights={weights}")
    if cfg.reweight.kind != "none":
        also.append(f"reweight.kind={cfg.reweight.kind}")
    if not torch.allclose(loss.prior_left(counts), ClassCountLoss.prior_left(loss, counts)):
        also.append(f"the prior in {type(loss).__name__}")
    if also:
        log.warning(
            "sampler.kind=%s and %s both compensate for the class sizes: leave one out, or mean it",
            cfg.sampler.get("kind"),
            " and ".join(also),
        )


def _warn_of_no_mixing(model: ImbalancedClassifier, cfg: DictConfig) -> None:
    asked = model.mixing.layers and cfg.mix.get("end") != 0
    if asked and not model.mixing.mixes_in(cfg.epochs):
        log.warning(
            "no epoch of epochs=%s is mixed, because mix.start=%s and mix.end=%s leave none: "
            "give shares of the epochs such as mix.start=0.02 mix.end=0.985, or more epochs",
            cfg.epochs,
            cfg.mix.get("start"),
            cfg.mix.get("end"),
        )


def rehearse(
    model: PhasedModule, retraining: Retraining | None, shape: tuple[int, int, int], batch_size: int, epochs: int
) -> None:
    """Try on a copy what training would need: images through the network, loss, optimizer and schedule.

    Neither the model nor the random numbers of the run are touched.

    Args:
        model: The network with the loss and the optimizer of phase 1.
        retraining: Settings of phase 3; None without one.
        shape: (C, H, W) of the images.
        batch_size: Of phase 1; batch norm cannot train on a single value per channel.
        epochs: Of phase 1; its loss is tried as it is in the last one, when all that it defers has begun.

    Raises:
        InputError: If the network cannot take such images, an optimizer or schedule refuses its settings, or the loss
            defers something to after the last epoch.
    """
    with torch.random.fork_rng(devices=[]):
        trial = copy.deepcopy(model).train()
        trial.loss.begin_epoch(epochs - 1, epochs)
        _try_images(trial, shape, min(2, batch_size))
        _try_optimizer(trial, "optimizer")
        if retraining is not None:
            trial.enter(retraining)
            trial.loss.from_embeddings(trial.head, torch.rand(2, trial.extractor.embed_dim), trial.trial_targets(2))
            _try_optimizer(trial, "retrain.optimizer")


def _try_images(trial: PhasedModule, shape: tuple[int, int, int], number: int) -> None:
    try:
        if isinstance(trial, ImbalancedClassifier):
            check_layers(trial.extractor_module, trial.mixing.layers, torch.rand(number, *shape))
        z = trial.embed(torch.rand(trial.views * number, *shape))
        trial.loss.from_embeddings(trial.head, z, trial.trial_targets(number))
    except InputError:
        raise
    except _REFUSALS as error:
        channels, height, width = shape
        name = type(trial.extractor).__name__
        raise InputError(
            f"{name} cannot train on {number} images of {channels} x {height} x {width} at once "
            f"({one_line(error)}): set another dataset.image_size or batch_size, or choose another model"
        ) from error


def _try_optimizer(trial: PhasedModule, key: str) -> None:
    try:
        trial.configure_optimizers()
    except InputError:
        raise
    except _REFUSALS as error:
        settings = getattr(trial.optimizer_factory, "keywords", {})
        given = ", ".join(f"{name}={value}" for name, value in settings.items())
        raise InputError(
            f"{key} ({given}) or its scheduler cannot work ({one_line(error)}): set other values"
        ) from error
