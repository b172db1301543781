"""What a run records of itself: scores, data, provenance, header."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from omegaconf import DictConfig

from lightning_imb.build import protocol_label, selected_on
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.metrics import (
    baselines,
    error_scores,
    floor_entries,
    known_prior_shift,
    per_class,
    prior_shift,
    ranking,
    rates,
    reliability,
    scores,
)
from lightning_imb.models.backbones import parameter_count
from lightning_imb.models.phased import PhasedModule
from lightning_imb.reports.confusion import answers, class_tally
from lightning_imb.runs import Predictions, RunFolder
from lightning_imb.settings import config_hash
from lightning_imb.utils.code import code_digest
from lightning_imb.utils.environment import command, hardware, versions

_NOTHING = ("NoMixing", "NoResampling", "NoAdjustment")


def score_entries(
    prefix: str, predictions: Predictions, data: ImbalancedDataModule, head_prior: Sequence[float] | None = None
) -> dict[str, Any]:
    """Scores of predictions as entries of ``metrics.json``, of classes or of numbers as the data have them.

    Args:
        prefix: The split, maybe with a stage before it, such as ``represent/test``.
        predictions: What was predicted, and the truth.
        data: The data module, set up.
        head_prior: As `class_entries`.
    """
    if data.bins is not None:
        return error_entries(prefix, predictions, data)
    return class_entries(prefix, predictions, data, head_prior)


def error_entries(prefix: str, predictions: Predictions, data: ImbalancedDataModule) -> dict[str, Any]:
    """Errors of predicted numbers as entries of ``metrics.json``; see `lightning_imb.metrics.error_scores`.

    For the test set, which ``prefix`` alone names, also what needs no network: ``test/baseline/...``, errors of
    constants, and ``test/baseline/noise_floor_mse`` and ``noise_floor_bin_mse``, those of the maximum-likelihood
    estimate (a yardstick, not a bound), where the data set knows them.

    Args:
        prefix: As `score_entries`.
        predictions: Numbers (N, 1) and targets (N,).
        data: The data module, set up.
    """
    assert data.bins is not None
    entries: dict[str, Any] = error_scores(predictions.logits[:, 0], predictions.targets, data.bins, data.real_counts)
    if prefix == "test":
        entries |= baselines(data.answers("train"), predictions.targets, data.bins)
        if data.floor is not None:
            entries |= floor_entries(predictions.targets, data.floor, data.bins)
    return {f"{prefix}/{name}": value for name, value in entries.items()}


def class_entries(
    prefix: str, predictions: Predictions, data: ImbalancedDataModule, head_prior: Sequence[float] | None = None
) -> dict[str, Any]:
    """Scores of predicted classes as entries of ``metrics.json``: ``<prefix>/bacc`` and so on, ``recall`` (K values).

    Each class against the rest, ranked by probability: ``class_auroc`` and ``class_ap`` (K values each, None where no
    sample or every sample is of the class), and ``auroc`` and ``ap``, their means over the classes that have a value.

    For the test set, whose prefix ends with ``test``, also its accuracy under other class frequencies,
    ``test/prior_shift/<shift>``; the same with predictions by logits that are told these frequencies,
    ``test/prior_shift_known/<shift>``; and ``test/reliability``: samples, mean confidence and accuracy of each bin,
    None for the means of an empty one.

    Args:
        prefix: The split, maybe with a stage before it, such as ``represent/test``.
        predictions: Logits and true classes.
        data: The data module, set up.
        head_prior: Shares of the classes (K,) that the logits predict for as they are, without which they cannot be
            told others; None where that is not known.
    """
    found = rates(*class_tally(answers(*predictions)))
    bins, ranked = reliability(*predictions), ranking(*predictions)
    entries: dict[str, Any] = scores(found, data.real_counts) | ranked.means() | {"ece": bins.ece, "mce": bins.mce}
    rows = per_class(found, data.real_counts, data.class_names)
    entries["recall"] = [row["recall"] for row in rows]
    entries |= {f"class_{name}": values for name, values in ranked.per_class().items()}
    if prefix.split("/")[-1] == "test":
        shifted = prior_shift(found.recall, found.support, data.real_counts)
        entries |= {f"prior_shift/{shift}": value for shift, value in shifted.items()}
        if head_prior is not None:
            told = known_prior_shift(*predictions, data.real_counts, head_prior)
            entries |= {f"prior_shift_known/{shift}": value for shift, value in told.items()}
        entries["reliability"] = bins.rows()
    return {f"{prefix}/{name}": value for name, value in entries.items()}


def describe_data(cfg: DictConfig, data: ImbalancedDataModule) -> dict[str, Any]:
    """What ``data.json`` holds: everything evaluation needs to know of the data without reading them."""
    splits = [s for s in ("train", "val", "test") if data.has(s)]
    transform = data.transform
    return {
        "dataset": cfg.dataset.name,
        "protocol": protocol_label(cfg),
        **_numeric(cfg, data),
        "class_names": list(data.class_names),
        "class_counts": {split: data.counts(split) for split in splits},
        "real_counts": data.real_counts,
        "image_size": list(data.image_shape),
        "real_inputs": data.real_inputs,
        "mean": transform.mean.flatten().tolist(),
        "std": transform.std.flatten().tolist(),
        "fingerprint": data.fingerprint,
        "content_stamp": data.content_stamp,
        "skipped": {split: data.skipped(split) for split in splits},
    }


def _numeric(cfg: DictConfig, data: ImbalancedDataModule) -> dict[str, Any]:
    """What is to be known of numeric targets; nothing of classes."""
    if data.bins is None:
        return {}
    return {"task": "regression", "target": cfg.dataset.target, "bin_edges": list(data.bins.edges)}


def provenance(cfg: DictConfig, data: ImbalancedDataModule, model: PhasedModule) -> dict[str, Any]:
    """What ``metrics.json`` says of the run beside its scores."""
    return {
        "config_hash": config_hash(cfg),
        "method": cfg.method,
        "seed": cfg.seed,
        "protocol": protocol_label(cfg),
        "selected_on": selected_on(cfg),
        "dataset": cfg.dataset.name,
        "imbalance": cfg.imbalance.name,
        **_numeric(cfg, data),
        "class_names": list(data.class_names),
        "class_counts": _real(describe_data(cfg, data)),
        "synthetic_images": data.synthetic,
        "parameters": parameter_count(model),
        "versions": versions(),
        "code": code_digest(("**/*.py",)),
        "hardware": hardware(),
        "precision": cfg.accelerator.precision,
        "command": command(),
    }


def header_info(cfg: DictConfig, run: RunFolder, data: ImbalancedDataModule, model: PhasedModule) -> dict[str, Any]:
    """What the header of a run states; see ``reports.header.run_header``."""
    total = parameter_count(model)
    described = describe_data(cfg, data)
    return described | {
        "class_counts": _real(described),
        "method": cfg.method,
        "model": cfg.model.name,
        "parameters": {
            "total": total,
            "trainable": sum(p.numel() for p in model.parameters() if p.requires_grad),
        },
        "head": type(model.head).__name__,
        "loss": type(model.loss).__name__,
        **(_of_numbers(cfg) if data.bins is not None else {"reweight": cfg.reweight.kind}),
        **_extras(cfg, data),
        "epochs": _epochs(cfg),
        "protocol": protocol_label(cfg),
        "accelerator": cfg.accelerator.accelerator,
        "images": _images(cfg, data),
        "run_folder": str(run.path),
    }


def _images(cfg: DictConfig, data: ImbalancedDataModule) -> str:
    where = _in_memory(cfg, data) if data.in_memory_sets else _streamed(data.workers)
    skipped = {split: data.skipped(split) for split in ("train", "val", "test") if data.has(split)}
    if not any(skipped.values()):
        return where
    return f"{where}; unreadable and skipped: " + ", ".join(f"{n} of {split}" for split, n in skipped.items())


def _in_memory(cfg: DictConfig, data: ImbalancedDataModule) -> str:
    wants_gpu = cfg.accelerator.accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available()
    on_gpu = wants_gpu and data.fits_on(torch.device("cuda"))
    return "decoded in memory" + (" (cached)" if data.cached_sets else "") + (", on the GPU" if on_gpu else "")


def _streamed(workers: int) -> str:
    readers = {0: "the training process", 1: "1 worker"}.get(workers, f"{workers} workers")
    return f"streamed from disk by {readers}"


def _epochs(cfg: DictConfig) -> str:
    if not cfg.retrain.enabled:
        return f"{cfg.epochs}, no retraining"
    then = f"{cfg.epochs}, then {cfg.retrain.epochs} of the {' and '.join(_retrained(cfg.retrain))} on"
    if cfg.retrain.inputs == "embeddings":
        return f"{then} embeddings ({_called(cfg.resampler)})"
    return f"{then} images ({_drawn(cfg.retrain.sampler)}; batch norm: {cfg.retrain.bn_mode})"


def _retrained(retrain: DictConfig) -> list[str]:
    """What phase 3 trains, in words."""
    unfrozen = [retrain.unfreeze] if isinstance(retrain.unfreeze, str) else retrain.unfreeze
    return [*retrain.trains.split("_and_"), *unfrozen]


def _drawn(sampler: DictConfig) -> str:
    return str(sampler.get("kind", _called(sampler)))


def _real(described: Mapping[str, Any]) -> dict[str, list[int]]:
    """Images per class of each split, synthetic ones left out: runs on the same data have the same counts."""
    counts: dict[str, list[int]] = described["class_counts"] | {"train": described["real_counts"]}
    return counts


def _of_numbers(cfg: DictConfig) -> dict[str, str]:
    """How a training treats numeric targets."""
    weights, smoothing = cfg.target_weights, cfg.smoothing
    found = {"imbalance": str(cfg.imbalance.name)}
    if weights.base != "none":
        found["target_weights"] = weights.base + (f", {weights.kernel} kernel" if weights.kernel != "none" else "")
    if smoothing.enabled:
        found["smoothing"] = f"FDS, {smoothing.kernel} kernel, from epoch {smoothing.start_epoch}"
    return found


def _extras(cfg: DictConfig, data: ImbalancedDataModule) -> dict[str, str]:
    """What is done beside a plain training, by the group that asks for it."""
    called = {group: _called(cfg[group]) for group in ("mix", "oversample", "posthoc")}
    found = {group: name for group, name in called.items() if name not in _NOTHING}
    if "oversample" in found:
        found["oversample"] += f", {data.synthetic:,} synthetic images"
    if _drawn(cfg.sampler) != "instance":
        found["sampler"] = f"{_drawn(cfg.sampler)}, start {cfg.sampler.get('start', 0)}"
    if cfg.sharpness.rho > 0:
        found["sharpness"] = f"{'ASAM' if cfg.sharpness.adaptive else 'SAM'}, rho {cfg.sharpness.rho}"
    return found


def _called(node: DictConfig) -> str:
    """The class that a node of the config names; of a wrapped over-sampler, what it wraps."""
    target: str = node.sampler._target_ if "sampler" in node else node._target_
    return target.rsplit(".", 1)[-1]
