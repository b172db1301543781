"""Images of a chosen imbalance for phase 1, lent embeddings for phase 3."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from lightning_imb.data.batch import Batch, BatchRequest
from lightning_imb.data.embeddings import EmbeddingSet, TensorBatches
from lightning_imb.data.prepare import ImageSet, prepare
from lightning_imb.data.profiles import subsample
from lightning_imb.data.shuffle import OrderedBatches, ShuffledBatches
from lightning_imb.data.splits import Splits, check_classes, stratified_split
from lightning_imb.data.transforms import BatchTransform, channel_statistics
from lightning_imb.utils.errors import InputError

Profile = Callable[[Sequence[int]], Sequence[int]]


class ImbalancedDataModule(LightningDataModule):
    """Training, validation and test images, with the training classes made as imbalanced as asked.

    The order is: choose the training subset by the profile, hold the validation set out of it
    (class-stratified), decode. ``class_counts`` are those of the images that really reach the loss.

    Args:
        splits: Makes the train, val and test sources; called once.
        profile: Maps the available images per class to the wanted ones (``conf/imbalance``).
        selection: ``random``, or ``ldam_drw``: the published CIFAR-LT subsets.
        subset_seed: Seed of the choice of images, separate from the training seed.
        val_size: Share (float) or number per class (int) held out of the training images; 0 holds out nothing.
        split_seed: Seed of that split.
        monitor: Which set is scored every epoch: ``val`` or ``test``.
        mean: Channel means in [0, 1], or ``auto``: those of the training images.
        std: Channel standard deviations, or ``auto``.
        pad: Zero padding before the random crop, in pixels; 0 for no cropping.
        flip: Whether training images are mirrored at random.
        channels_last: Memory layout of the batches.
        batch_size: Training batch per process.
        eval_batch_size: Batch for validation, test and embedding.
        num_workers: Worker processes of the loaders, or ``auto``: none for sets in memory, else 2.
        in_memory: True, False or ``auto``.
        memory_limit_gb: Largest set that ``auto`` keeps in memory, in 10^9 bytes.
        on_bad_image: ``error`` or ``skip``.
        seed: Seed of the shuffling and the augmentation.
    """

    test_split = "test"  # the split that ``test_dataloader`` serves
    transform: BatchTransform
    class_names: tuple[str, ...]

    def __init__(
        self,
        splits: Callable[[], Splits],
        profile: Profile,
        selection: str,
        subset_seed: int,
        val_size: float | int,
        split_seed: int,
        monitor: str,
        mean: Sequence[float] | str,
        std: Sequence[float] | str,
        pad: int,
        flip: bool,
        channels_last: bool,
        batch_size: int,
        eval_batch_size: int,
        num_workers: int | str,
        in_memory: bool | str,
        memory_limit_gb: float,
        on_bad_image: str,
        seed: int,
    ) -> None:
        super().__init__()
        self.splits, self.profile = splits, profile
        self.selection, self.subset_seed = selection, subset_seed
        self.val_size, self.split_seed, self.monitor = val_size, split_seed, monitor
        self.mean, self.std, self.pad, self.flip = mean, std, pad, flip
        self.channels_last = channels_last
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.in_memory, self.memory_limit_gb = num_workers, in_memory, memory_limit_gb
        self.on_bad_image, self.seed = on_bad_image, seed
        self._sets: dict[str, ImageSet] = {}
        self._lent: tuple[EmbeddingSet, int] | None = None

    def setup(self, stage: str | None = None) -> None:
        """Choose, split and decode the images; does nothing when that is done already."""
        if self._sets:
            return
        splits = self.splits()
        self.class_names = splits.train.class_names
        train, val = self._training_indices(splits)
        self._sets["train"] = self._prepare(splits, "train", train)
        if val is not None:
            self._sets["val"] = self._prepare(splits, "train", val)
        elif splits.val is not None and self.val_size:
            self._sets["val"] = self._prepare(splits, "val", np.arange(len(splits.val)))
        self._sets["test"] = self._prepare(splits, "test", np.arange(len(splits.test)))
        self.fingerprint = "-".join(source.fingerprint() for source in splits if source is not None)
        self._check_counts()
        self.transform = self._build_transform()

    def _training_indices(self, splits: Splits) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        labels = np.asarray(splits.train.labels)
        available = np.bincount(labels, minlength=len(self.class_names)).tolist()
        chosen = subsample(labels, self.profile(available), self.subset_seed, self.selection)
        if splits.val is not None or not self.val_size:
            return chosen, None
        rest, held = stratified_split(labels[chosen], self.val_size, self.split_seed, class_names=self.class_names)
        return chosen[rest], chosen[held]

    def _prepare(self, splits: Splits, name: str, indices: NDArray[np.int64]) -> ImageSet:
        source = getattr(splits, name)
        return prepare(source, indices, self.in_memory, self.memory_limit_gb, self.on_bad_image)

    def _check_counts(self) -> None:
        empty = [n for n, c in zip(self.class_names, self.class_counts, strict=True) if c == 0]
        if empty:
            raise InputError(f"no training image for class {', '.join(empty)}: add some or remove the class")
        for name in ("val", "test"):
            if name in self._sets:
                check_classes(self.target("train"), self.target(name), self.class_names, name)
        shapes = {name: images.shape for name, images in self._sets.items()}
        if len(set(shapes.values())) > 1:
            raise InputError(f"image sizes differ between the splits, {shapes}: set dataset.image_size")

    def _build_transform(self) -> BatchTransform:
        mean, std = self.mean, self.std
        if "auto" in (mean, std):
            measured = channel_statistics(self._some_training_images())
            mean = measured[0] if mean == "auto" else mean
            std = measured[1] if std == "auto" else std
        channels = self.image_shape[0]
        if isinstance(mean, str) or isinstance(std, str) or {len(mean), len(std)} != {channels}:
            raise InputError(f"dataset.mean={mean} and dataset.std={std} must be auto or {channels} numbers each")
        if min(std) <= 0:
            raise InputError(f"dataset.std={std} must be positive, or auto: images are divided by it")
        return BatchTransform(mean, std, self.pad, self.flip, self.channels_last)

    def _some_training_images(self) -> torch.Tensor:
        images = self._sets["train"].images
        if images is not None:
            return images
        rows = np.linspace(0, len(self.target("train")) - 1, num=min(2000, len(self.target("train"))))
        return self._sets["train"].batches[BatchRequest(torch.from_numpy(rows.astype(np.int64)), None)].inputs

    @property
    def class_counts(self) -> list[int]:
        """Training images per class, known after ``setup``."""
        return self.counts("train")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self._sets["train"].shape

    @property
    def in_memory_sets(self) -> bool:
        """Whether the training images are held decoded in memory."""
        return self._sets["train"].images is not None

    def has(self, split: str) -> bool:
        """Whether there is such a split."""
        return split in self._sets

    def target(self, split: str) -> NDArray[np.int64]:
        """(N,) class indices of a split."""
        return self._sets[split].target.numpy()

    def skipped(self, split: str) -> int:
        """How many images of a split were left out because they cannot be decoded."""
        return self._sets[split].skipped

    def names(self, split: str) -> list[str]:
        """One identifier per image of a split."""
        return self._sets[split].names

    def counts(self, split: str) -> list[int]:
        """Images per class of a split."""
        counts: list[int] = np.bincount(self.target(split), minlength=len(self.class_names)).tolist()
        return counts

    def use_embeddings(self, embeddings: EmbeddingSet, batch_size: int) -> None:
        """Train on these embeddings until ``use_images``; validation stays on images."""
        self._lent = (embeddings, batch_size)

    def use_images(self) -> None:
        """Train on images again."""
        self._lent = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """Shuffled batches of images, or of the lent embeddings."""
        if self._lent is not None:
            embeddings, batch_size = self._lent
            batches: Dataset[Batch] = TensorBatches(embeddings.z, embeddings.y)
            return self._loader(batches, self._shuffled(len(embeddings.y), batch_size), workers=0)
        images = self._sets["train"]
        return self._loader(images.batches, self._shuffled(len(images.target), self.batch_size))

    def val_dataloader(self) -> DataLoader[Batch]:
        """The monitored set: validation images, or test images where the protocol says so."""
        return self.ordered_dataloader(self.monitor)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Images of ``test_split``, in order."""
        return self.ordered_dataloader(self.test_split)

    def extraction_dataloader(self) -> DataLoader[Batch]:
        """Training images in order, not augmented."""
        return self.ordered_dataloader("train")

    def ordered_dataloader(self, split: str) -> DataLoader[Batch]:
        """Images of a split in order, not augmented, nothing left out and nothing padded."""
        images = self._sets[split]
        return self._loader(images.batches, OrderedBatches(len(images.target), self.eval_batch_size))

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment and normalise uint8 images on the device; embeddings pass unchanged."""
        if batch.inputs.dtype != torch.uint8:
            return batch
        return self.transform.to(batch.inputs.device)(batch)

    def _shuffled(self, size: int, batch_size: int) -> ShuffledBatches:
        trainer = self.trainer
        if trainer is None:
            return ShuffledBatches(size, batch_size, self.seed)
        epoch = trainer.fit_loop.epoch_progress.current.processed  # type: ignore[attr-defined]
        return ShuffledBatches(size, batch_size, self.seed, epoch, trainer.global_rank, trainer.world_size)

    def _loader(
        self, batches: Dataset[Batch], sampler: Sampler[BatchRequest], workers: int | None = None
    ) -> DataLoader[Batch]:
        if workers is None:
            workers = self._workers()
        # batch_size=None: the sampler already asks for whole batches
        return DataLoader(
            batches,
            batch_size=None,
            sampler=sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def _workers(self) -> int:
        if isinstance(self.num_workers, int):
            return self.num_workers
        if self.num_workers != "auto":
            raise InputError(f"num_workers is auto or a number, not '{self.num_workers}'")
        return 0 if self.in_memory_sets else 2
