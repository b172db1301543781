"""Finding the finished runs below a folder."""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_imb.launches import FILE as LAUNCHES
from lightning_imb.runs import RunFolder
from lightning_imb.settings import matters
from lightning_imb.utils.errors import InputError

ABSENT = "–"  # label of a setting that a run does not have, such as resampler.k of a run without neighbours

# How the options of a group are told apart in config.yaml: ``dataset.name``, ``reweight.kind``, the class otherwise;
# a wrapped resampler is called what it wraps.
_NAMED_BY = ("name", "kind", "sampler._target_", "_target_")

_NEEDED = ("method", "seed", "protocol", "class_counts", "class_names")
_NEEDED_OF_BINS = ("target", "bin_edges")

# Seeds that follow the seed of the run, or are repeated with it: what they draw is what repeats differ in.
REPEATED_SEEDS = ("random_state", "data_seed")

# The same phase 1, found elsewhere: runs of several seeds cannot but name several folders.
_SAME_RESULT = ("represent_from",)


@dataclass(frozen=True)
class RunRecord:
    """What a table needs to know of one finished run.

    Attributes:
        path: The run folder.
        metrics: ``metrics.json``.
        settings: ``config.yaml`` as one flat dict, ``{"imbalance.ratio": 100, ...}``.
    """

    path: Path
    metrics: dict[str, Any]
    settings: dict[str, Any]

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.metrics["seed"])

    @property
    def protocol(self) -> str:
        """How the reported epoch was chosen."""
        return str(self.metrics["protocol"])

    @property
    def train_counts(self) -> list[int]:
        """(K,) training images per class."""
        return list(self.metrics["class_counts"]["train"])

    @property
    def regression(self) -> bool:
        """Whether the run learned numbers, and not classes."""
        return self.metrics.get("task") == "regression"

    @functools.cached_property
    def experiment(self) -> dict[str, Any]:
        """Settings that can change the result, but for the seed and what follows from it or from the run folder."""
        folder = str(self.settings.get("run_dir") or self.path)
        return {
            key: value.replace(folder, "") if isinstance(value, str) else value
            for key, value in self.settings.items()
            if _tells_apart(key)
        }

    @functools.cached_property
    def fingerprint(self) -> str | None:
        """That of the data, from ``data.json``; None where the run has noted none."""
        run = RunFolder(self.path)
        return run.read_data().get("fingerprint") if run.data_file.is_file() else None

    def score(self, name: str) -> float | None:
        """One number of ``metrics.json``; None where the run has no such number."""
        value = self.metrics.get(name)
        return float(value) if isinstance(value, int | float) else None

    def find(self, key: str) -> str | None:
        """Text of one setting; None where the run has no such setting.

        Args:
            key: A name in ``metrics.json`` (``method``, ``protocol``), a key of ``config.yaml``
                (``imbalance.ratio``), or a group of it (``dataset``, ``resampler``, ``loss``), which is
                called by its name, or else by its class.
        """
        for source in (self.metrics, self.settings):
            if key in source and not isinstance(source[key], dict | list):
                return "null" if source[key] is None else str(source[key])
        names = (self.settings.get(f"{key}.{part}") for part in _NAMED_BY)
        name = next((str(name) for name in names if name is not None), None)
        return name and name.rsplit(".", 1)[-1]

    def label(self, key: str) -> str:
        """Text of one setting, as :meth:`find` does; a dash where the run has no such setting."""
        found = self.find(key)
        return ABSENT if found is None else found


def collect(root: str | Path) -> list[RunRecord]:
    """Read all finished runs below a folder, in the order of their paths.

    Hidden folders are left out: what a sweep has put away in ``.superseded`` no longer counts.

    Args:
        root: A sweep folder, or any folder above run folders.

    Raises:
        InputError: The folder does not exist, holds no finished run, or one of them is damaged.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: give the folder of a sweep, sweep=logs/sweeps/<name>.")
    runs = sorted(run_folders(folder), key=lambda run: run.path)
    finished = [run for run in runs if run.finished]
    if not finished:
        raise InputError(
            f"There is no finished run below {folder} ({len(runs)} unfinished): "
            "launch the same imb-train command again to finish them."
        )
    return [_read(run) for run in finished]


def chosen(records: Sequence[RunRecord], only: Mapping[str, Sequence[str]]) -> list[RunRecord]:
    """Runs that have one of the wanted values of every key.

    Raises:
        InputError: A key or a value is that of no run.
    """
    for key, values in only.items():
        known = sorted({record.label(key) for record in records})
        unknown = [value for value in values if value not in known]
        if unknown or not values:
            told = f"has {key}={unknown[0]}" if unknown else f"is meant by only={{{key}:[]}}"
            raise InputError(f"No run {told}: give some of {', '.join(known)}.")
    found = [record for record in records if has_all(record, only)]
    if not found:
        raise InputError(f"No run has all of only={{{', '.join(only)}}}: runs without a setting are left out by it.")
    return found


def has_all(record: RunRecord, only: Mapping[str, Sequence[str]]) -> bool:
    """Whether a run has one of the wanted values of every key."""
    return all(record.label(key) in values for key, values in only.items())


def grouped(records: Iterable[RunRecord], keys: Sequence[str]) -> dict[tuple[str, ...], list[RunRecord]]:
    """Runs by their labels of some keys, in the order in which they come."""
    groups: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        groups.setdefault(tuple(record.label(key) for key in keys), []).append(record)
    return groups


def run_folders(root: Path) -> Iterator[RunFolder]:
    """Every run below a folder that has started, in one walk over the tree.

    A run that was refused has no config.yaml, only its launches. Hidden folders are left out: copies of
    configs, and runs that a later config took the place of.

    Args:
        root: Where to look.
    """
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".")]
        run = RunFolder(folder)
        if "config.yaml" in files or (LAUNCHES in files and not run.finished):
            yield run


def _read(run: RunFolder) -> RunRecord:
    metrics = run.read_metrics()
    needed = (*_NEEDED, *(_NEEDED_OF_BINS if metrics.get("task") == "regression" else ()))
    missing = [key for key in needed if key not in metrics]
    if missing:
        raise InputError(f"{run.metrics_file} lacks {', '.join(missing)}: train the run again.")
    return RunRecord(run.path, metrics, run.read_settings())


@functools.lru_cache(maxsize=4096)
def _tells_apart(key: str) -> bool:
    return matters(key) and key not in ("seed", *_SAME_RESULT) and not key.endswith(REPEATED_SEEDS)
