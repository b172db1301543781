"""A finished run, opened to look inside: its networks, embeddings, heads and images."""

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from torch import Tensor

from lightning_imb.build import create
from lightning_imb.callbacks.phase_switch import balance, extract
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.kept_embeddings import KeptEmbeddings, weights_digest
from lightning_imb.models.class_weights import HeadWeights, head_weights
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.phases import Phase
from lightning_imb.restore import move_data, refuse_earlier, restore_data, restore_network, restore_precision
from lightning_imb.runs import ANALYSES, RunFolder
from lightning_imb.task import is_regression
from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from lightning_imb.data.regions import Regions

log = logging.getLogger(__name__)

Stage = Literal["before", "after"]
T = TypeVar("T")

_ROWS_AT_ONCE = 16384  # embeddings that the head classifies at a time


class Balanced(NamedTuple):
    """What phase 2 made.

    Attributes:
        z: (M, D) float32; the first ``n_real`` rows are embeddings of images, as they are.
        y: (M,) int64.
        n_real: Number of real rows.
        report: What the over-sampler tells of each class, such as `EOS.report_`; None where it tells nothing.
    """

    z: NDArray[np.float32]
    y: NDArray[np.int64]
    n_real: int
    report: list[dict[str, object]] | None


class ImageBatch(NamedTuple):
    """Some images of a split, in order, not augmented.

    Attributes:
        rows: (B,) their rows in the split.
        images: uint8 (B, C, H, W), on the CPU.
        inputs: float32 (B, C, H, W) as the network reads them, on its device.
    """

    rows: NDArray[np.int64]
    images: Tensor
    inputs: Tensor


class Subject:
    """A finished run; everything is made at first use, embeddings stay in its folder.

    Args:
        run: A finished run, see `RunFolder.open_finished`.
        device: Where networks work; None for the CPU.
        batch_size: Images per forward pass.
        root: Where the data lie now, if they moved since training.
        row: What the runs have in common that differ from this one in their seed only; None for its method.
        quiet: Whether progress bars are left out.

    Attributes:
        run: The run.
        cfg: Its config, resolved.
        row: What it has in common with the runs that differ from it in their seed only, such as its method.
        seed: Its seed.
        class_names: (K,).
        train_counts: (K,) real training images per class.
        protocol: How the reported epoch was chosen; belongs beside every score.
        stages: ``before`` is the network that phase 1 left, or the one before a post-hoc method; ``after`` is what the
            run ended with. Only ``after`` where the run had neither.
    """

    def __init__(
        self,
        run: RunFolder,
        device: torch.device | None = None,
        batch_size: int = 256,
        root: str | None = None,
        row: str | None = None,
        quiet: bool = False,
    ) -> None:
        self.run, self.batch_size, self.root, self.quiet = run, batch_size, root, quiet
        self.device = torch.device("cpu") if device is None else device
        self.cfg: DictConfig = run.read_config()
        refuse_earlier(run, self.cfg)
        if is_regression(self.cfg):
            raise InputError(
                f"{run.path} learned numbers (dataset.task=regression), but analyses look into classifiers: "
                "imb-report shows its errors"
            )
        if root is not None:
            move_data(self.cfg.dataset, root)
        recorded, metrics = run.read_data(), run.read_metrics()
        self.row: str = metrics["method"] if row is None else row
        self.seed: int = metrics["seed"]
        self.class_names: list[str] = recorded["class_names"]
        self.train_counts: list[int] = recorded["real_counts"]
        self.protocol: str = recorded["protocol"]
        adjusted = not str(self.cfg.posthoc._target_).endswith(".NoAdjustment")
        self.stages: tuple[Stage, ...] = ("before", "after") if self.cfg.retrain.enabled or adjusted else ("after",)
        self._models: dict[Stage, ImbalancedClassifier] = {}
        self._raw: dict[tuple[str, str], Tensor] = {}  # what extractors make of a split, by the extractor's weights
        self._embedded: dict[tuple[str, Stage], NDArray[np.float32]] = {}
        self._predicted: dict[tuple[str, Stage], NDArray[np.int64]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> "Subject":
        """Open a run folder, as a notebook does.

        Raises:
            InputError: If it is no finished run.
        """
        return cls(RunFolder.open_finished(folder))

    @property
    def label(self) -> str:
        """What figures call the run: its row and its seed."""
        return f"{self.row}, seed {self.seed}"

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.class_names)

    @property
    def folder(self) -> Path:
        """Where everything goes that analyses make of this run."""
        return self.run.path / ANALYSES

    def model(self, stage: Stage = "after") -> ImbalancedClassifier:
        """The network of a stage, in evaluation mode, on the device; its parameters want no gradient."""
        if stage not in self._models:
            phase = "auto"
            if stage == "before" and self.cfg.retrain.enabled:
                phase = str(Phase.REPRESENT)
            model = restore_network(self.run, phase, "auto", as_trained=stage == "before").to(self.device)
            assert isinstance(model, ImbalancedClassifier), "runs of numbers are refused when they are opened"
            self._models[stage] = model.requires_grad_(False)
        return self._models[stage]

    @cached_property
    def data(self) -> ImbalancedDataModule:
        """The images of the run, without synthetic ones.

        Raises:
            InputError: If they are not those of the run.
        """
        data = restore_data(self.run, self.cfg, None, synthetic=False)
        data.eval_batch_size = self.batch_size
        return data

    def embeddings(self, split: str, stage: Stage = "after") -> NDArray[np.float32]:
        """(N, D) what the head of a stage reads of a split; kept in the run folder."""
        if (split, stage) not in self._embedded:
            with torch.no_grad():  # where `after` changes nothing, both stages of a frozen extractor share their memory
                self._embedded[split, stage] = self.model(stage).after(self._extracted(split, stage)).numpy()
        return self._embedded[split, stage]

    def _extracted(self, split: str, stage: Stage) -> Tensor:
        model = self.model(stage)
        key = split, weights_digest(model.extractor_module)
        if key not in self._raw:

            def embed() -> Tensor:
                log.info("embedding the %s images", split)
                return extract(model, self.data, split, lambda: restore_precision(self.run, self.device))[0]

            kept, rows = KeptEmbeddings(self.folder / "embeddings"), len(self.labels(split))
            self._raw[key] = kept.obtain(split, rows, model.extractor_module, embed)
        return self._raw[key]

    def labels(self, split: str) -> NDArray[np.int64]:
        """(N,) classes of a split."""
        return self.data.target(split)

    def names(self, split: str) -> list[str]:
        """(N,) what the images of a split are called."""
        return self.data.names(split)

    def classify(self, z: NDArray[np.float32], stage: Stage = "after") -> NDArray[np.float32]:
        """(N, K) logits by the head of a stage, of embeddings (N, D) as it reads them."""
        model = self.model(stage)
        with torch.no_grad():
            parts = torch.split(torch.from_numpy(z), _ROWS_AT_ONCE)
            return torch.cat([model.answer(part.to(self.device)).cpu() for part in parts]).numpy()

    def logits(self, split: str, stage: Stage = "after") -> NDArray[np.float32]:
        """(N, K) logits of a split."""
        return self.classify(self.embeddings(split, stage), stage)

    def predicted(self, split: str, stage: Stage = "after") -> NDArray[np.int64]:
        """(N,) predicted classes of a split."""
        if (split, stage) not in self._predicted:
            self._predicted[split, stage] = self.logits(split, stage).argmax(axis=1)
        return self._predicted[split, stage]

    def head(self, stage: Stage = "after") -> HeadWeights | None:
        """One weight vector per class; None for heads that have none, such as those of several experts."""
        return head_weights(self.model(stage).head)

    @cached_property
    def balanced(self) -> Balanced | None:
        """The set that phase 3 trained on, made again; None where nothing over-samples embeddings of real images."""
        cfg = self.cfg
        if not cfg.retrain.enabled or over_samples(cfg.oversample) or not over_samples(cfg.resampler):
            return None
        sampler = create(cfg.resampler, "resampler")
        z, y = torch.from_numpy(self.embeddings("train")), torch.from_numpy(self.labels("train"))
        made = balance(z, y, sampler)
        return Balanced(made.z.numpy(), made.y.numpy(), made.n_real, getattr(sampler, "report_", None))

    def image_batches(self, split: str) -> Iterator[ImageBatch]:
        """All images of a split, in order."""
        transform, done = self.data.transform.to(self.device), 0
        for batch in self.data.ordered_dataloader(split):
            rows = np.arange(done, done + len(batch.target))
            done += len(rows)
            yield ImageBatch(rows, batch.inputs.cpu(), transform.normalise(batch.inputs.to(self.device)))

    @cached_property
    def _regions(self) -> "Regions | None":
        node = self.cfg.dataset.get("regions")
        regions: Regions | None = None if node is None else create(node, "dataset.regions")
        return regions

    def regions_fingerprint(self) -> str:
        """Hash of all that marks regions in the images of the data set; empty where nothing does."""
        return "" if self._regions is None else self._regions.fingerprint()

    @cached_property
    def has_regions(self) -> bool:
        """Whether the data set marks regions in its images."""
        return self._regions is not None and self._regions.any

    def region(self, split: str, row: int) -> NDArray[np.bool_] | None:
        """(H, W) which pixels of an image belong to a marked region; None where it has none."""
        if self._regions is None:
            return None
        _, height, width = self.data.image_shape
        label = self.class_names[int(self.labels(split)[row])]
        return self._regions.load(self.names(split)[row], (height, width), label)

    def forget(self) -> None:
        """Let go of networks, images and embeddings; what is asked for again is made or read again."""
        self._models.clear()
        self._raw.clear()
        self._embedded.clear()
        self._predicted.clear()
        for name in ("data", "balanced"):
            self.__dict__.pop(name, None)

    def track(self, items: Iterable[T], description: str, total: float | None = None) -> Iterator[T]:
        """Go through items with a progress bar, on a terminal alone: of piped output it would make blank lines."""
        console = Console()
        hidden = self.quiet or not console.is_terminal
        yield from track(items, description, total=total, console=console, transient=True, disable=hidden)


def over_samples(node: DictConfig) -> bool:
    """Whether an ``oversample`` or ``resampler`` config makes anything."""
    return not str(node._target_).endswith(".NoResampling")
