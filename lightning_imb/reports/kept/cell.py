"""One kept result: the runs that differ in nothing but the seed, as one json file."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lightning_imb.reports.comparison import Summary
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.errors import InputError

FORMAT = 1  # of the files; a reader refuses others


@dataclass(frozen=True)
class KeptRun:
    """What is kept of one run.

    Attributes:
        seed: Its seed.
        config_hash: Hash of all its settings that can change the result.
        fingerprint: That of its data.
        scores: Numbers of ``metrics.json`` by name; where the reported epoch was chosen on the test set also
            ``last/<score>``, that of the last epoch, and ``choice/<score>``, what the choice added; and
            ``analysis/<name>/<number>``.
        hits: For each class of the test set, which of its images, in their order, were classified rightly: bits,
            the first one highest, as hexadecimal digits. Empty for regressions.
        support: Test images of each class.
        versions: Of Python and packages.
        hardware: Processor, cores, threads, GPU.
        precision: As Lightning calls it.
        wall_s: Seconds of all its launches together; launches that were killed recorded none.
        phase_1: ``trained`` or ``resumed`` by the run itself, or taken over from the ``store`` or from another ``run``;
            ``unknown`` where no launch recorded it.
        command: Without folders of the machine.
        code: Hash of the modules of this package; between two releases the version does not tell them apart.
    """

    seed: int
    config_hash: str
    fingerprint: str
    scores: dict[str, float]
    hits: tuple[str, ...]
    support: tuple[int, ...]
    versions: dict[str, str]
    hardware: dict[str, Any]
    precision: str
    wall_s: float
    phase_1: str
    command: str
    code: str

    def right(self, k: int) -> np.ndarray:
        """(n_k,) bool: which test images of class k were classified rightly."""
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(self.hits[k]), dtype=np.uint8), count=self.support[k])
        return bits.astype(bool)


@dataclass(frozen=True)
class Cell:
    """A row of a table.

    Attributes:
        row: What the row is, by key: ``{"method": "eos", "resampler.k": "200"}``.
        settings_hash: Hash of all settings that can change the result, but for the seed and the places of files.
        protocol: How the reported epoch was chosen.
        selected_on: ``val``, ``test`` or ``nothing``.
        dataset: Its name.
        class_names: Of classes or bins.
        train_counts: Training samples of each.
        runs: By rising seed.
    """

    row: dict[str, str]
    settings_hash: str
    protocol: str
    selected_on: str
    dataset: str
    class_names: tuple[str, ...]
    train_counts: tuple[int, ...]
    runs: tuple[KeptRun, ...]

    @property
    def file_name(self) -> str:
        """Such as ``method=eos,resampler.k=200.json``: a part that no setting fills is left out."""
        parts = [f"{key}={value}" for key, value in self.row.items() if re.search(r"\w", value)]
        return re.sub(r"[^\w=.,+-]", "_", ",".join(parts) or "all") + ".json"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the runs."""
        return tuple(run.seed for run in self.runs)

    def of_seed(self, seed: int) -> KeptRun:
        """The run of a seed that is there."""
        return self.runs[self.seeds.index(seed)]

    def summary(self, score: str) -> Summary:
        """A score over the seeds that have it."""
        return Summary(tuple(run.scores[score] for run in self.runs if score in run.scores))

    def write(self, folder: Path) -> Path:
        """Write the file in one atomic step; returns where it is."""
        path = folder / self.file_name
        write_json_atomic(path, {"format": FORMAT, **asdict(self)})
        return path


def read_cells(folder: Path) -> list[Cell]:
    """All kept results of a folder, in the order of their file names.

    Raises:
        InputError: If a file is damaged or of another version.
    """
    return [read_cell(path) for path in sorted(folder.glob("*.json"))]


def read_cell(path: Path) -> Cell:
    """Read one kept result.

    Raises:
        InputError: If it is damaged or of another version.
    """
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = held.pop("format")
        if version != FORMAT:
            raise InputError(f"{path} has format {version}, this version reads {FORMAT}: keep its runs anew")
        runs = tuple(_run(run) for run in held.pop("runs"))
        names, counts = tuple(held.pop("class_names")), tuple(held.pop("train_counts"))
        return Cell(**held, class_names=names, train_counts=counts, runs=runs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        cure = "take it back from version control, or keep its runs anew"
        raise InputError(f"{path} is damaged ({error}): {cure}") from error


def _run(held: dict[str, Any]) -> KeptRun:
    return KeptRun(**held | {"hits": tuple(held["hits"]), "support": tuple(held["support"])})
