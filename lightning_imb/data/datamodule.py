"""Images of a chosen imbalance for phase 1, lent embeddings for phase 3."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from lightning_imb.data.batch import Batch
from lightning_imb.data.cache import ImageCache
from lightning_imb.data.choice import Profile, training_rows
from lightning_imb.data.draws import Draw, instance
from lightning_imb.data.embeddings import LentEmbeddings, TensorBatches, TensorSteps
from lightning_imb.data.loaders import make_loader, worker_count
from lightning_imb.data.ordered import OrderedBatches
from lightning_imb.data.oversample import OverSampler, over_sample
from lightning_imb.data.per_image import ImageTransform, with_transforms
from lightning_imb.data.place import next_batch, process
from lightning_imb.data.placement import check_on_device, stays_on_device
from lightning_imb.data.prepare import ImageSet, prepare, prepare_sets
from lightning_imb.data.second import Second
from lightning_imb.data.set_checks import check_sets, check_share, check_shares
from lightning_imb.data.shuffle import GroupedBatches, Order, Others, ShuffledBatches
from lightning_imb.data.sources import ImageSource
from lightning_imb.data.splits import Splits
from lightning_imb.data.statistics import resolve_statistics
from lightning_imb.data.transforms import BatchTransform
from lightning_imb.utils.target_bins import TargetBins, TargetSample

_DIMS_OF_EMBEDDINGS = 2
_ROWS_AT_ONCE = 16384  # embeddings that the head classifies at a time


class ImbalancedDataModule(LightningDataModule):
    """Training, validation and test images, with the training classes made as imbalanced as asked.

    The order is: choose the training subset by the profile, hold the validation set out of it
    (class-stratified), decode, over-sample. ``class_counts`` are those of the images that really reach the loss.
    ``draw``, ``second`` and ``batch_size`` may be replaced between fits.

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
        cutout: Side in pixels of the square cut out of training images; 0 for none.
        per_image: Transforms of single training images, uint8 (C, H, W) to the same, before crop and flip.
        on_device: ``auto``: sets in memory move to the GPU when they take at most half of its free memory; False.
        cache: Folder of decoded images that outlives the run; None for none.
        cache_limit_gb: Bound of that folder, in 10^9 bytes.
        draw: Which training images an epoch is made of (``conf/sampler``).
        second: Draws a second stream for these, which comes in the same batches (`Batch.own`); None for none.
        oversample: Makes synthetic training images from pixels (``conf/oversample``); None for none.

    Attributes:
        bins: Of numeric targets, in the place of classes; None for classes. ``floor``: see `Splits`.
        real_counts: Training images per class before over-sampling.
        oversample_report: What was made, one dict per class; None without over-sampling.
    """

    test_split = "test"  # the split that ``test_dataloader`` serves
    transform: BatchTransform
    class_names: tuple[str, ...]
    bins: TargetBins | None
    floor: NDArray[np.float64] | None
    real_counts: list[int]
    oversample_report: list[dict[str, Any]] | None = None

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
        cutout: int = 0,
        per_image: Sequence[ImageTransform] = (),
        on_device: bool | str = "auto",
        cache: str | None = None,
        cache_limit_gb: float = 20.0,
        draw: Draw = instance,
        second: Second | None = None,
        oversample: OverSampler | None = None,
    ) -> None:
        super().__init__()
        check_on_device(on_device)
        self.splits, self.profile = splits, profile
        self.selection, self.subset_seed = selection, subset_seed
        self.val_size, self.split_seed, self.monitor = val_size, split_seed, monitor
        self.mean, self.std, self.pad, self.flip = mean, std, pad, flip
        self.channels_last = channels_last
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.in_memory, self.memory_limit_gb = num_workers, in_memory, memory_limit_gb
        self.on_bad_image, self.seed = on_bad_image, seed
        self.cutout, self.per_image, self.on_device = cutout, per_image, on_device
        self.draw, self.second, self.oversample = draw, second, oversample
        self.cache = ImageCache(cache, cache_limit_gb)
        self._device = torch.device("cpu")  # where the sets in memory are
        self._sets: dict[str, ImageSet] = {}
        self._lent: LentEmbeddings | None = None

    def setup(self, stage: str | None = None) -> None:
        """Choose, split and decode the images, once; then bring them to the trainer's device where they fit."""
        if not self._sets:
            self._load()
        if self.trainer is not None:
            check_shares(self._sets, self.trainer.world_size)
            self._place(self.trainer.strategy.root_device)

    def _load(self) -> None:
        splits = self.splits()
        self.class_names, self.bins, self.floor = splits.train.class_names, splits.bins, splits.floor
        self.fingerprint, self.content_stamp = splits.fingerprint(), splits.content_stamp()  # before they are read
        choice = self.profile, self.selection, self.subset_seed, self.val_size, self.split_seed
        self._sets = prepare_sets(splits, *training_rows(splits, *choice), bool(self.val_size), self._prepare)
        check_sets(self._sets, self.class_names)
        train = self._sets["train"]  # the real images: mean and std are those without over-sampling
        mean, std = resolve_statistics(self.mean, self.std, train.shape[0], train.level_counts)
        self.transform = BatchTransform(mean, std, self.pad, self.flip, self.channels_last, self.cutout)
        self.real_counts = self.counts("train")
        if self.oversample is not None:
            self._sets["train"], self.oversample_report = over_sample(train, self.oversample, self.class_names)
        self._sets["train"] = with_transforms(self._sets["train"], self.per_image)

    def _prepare(self, source: ImageSource, rows: NDArray[np.int64]) -> ImageSet:
        return prepare(source, rows, self.in_memory, self.memory_limit_gb, self.on_bad_image, self.cache)

    def _place(self, device: torch.device) -> None:
        """Let batches be taken on this device from sets in memory that fit there, else on the CPU."""
        if device == self._device:  # or what is there already would be counted as taken
            return
        target = device if self.fits_on(device) else torch.device("cpu")
        if target != self._device:
            self._device, self._sets = target, {name: images.on(target) for name, images in self._sets.items()}

    def fits_on(self, device: torch.device) -> bool:
        """Whether the sets in memory are kept on this device; not with transforms of single images, slow on a GPU."""
        held = [images.images.nbytes for images in self._sets.values() if images.images is not None]
        return not self.per_image and self._has_room(device, sum(held))

    def _has_room(self, device: torch.device, needed: int) -> bool:
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
        return stays_on_device(self.on_device, device.type, needed, free)

    @property
    def class_counts(self) -> list[int]:
        """Training images per class, known after ``setup``."""
        return self.counts("train")

    @property
    def training_targets(self) -> TargetSample:
        """Numeric targets of the training images."""
        assert self.bins is not None, "asked for where the targets are numeric"
        return TargetSample(self.answers("train").astype(np.float64), self.bins)

    @property
    def synthetic(self) -> int:
        """How many training images are synthetic: the last ones."""
        return sum(self.class_counts) - sum(self.real_counts)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return self._sets["train"].shape

    @property
    def real_inputs(self) -> bool:
        """Whether the inputs are real numbers instead of pictures of bytes."""
        images = self._sets["train"].images
        return images is not None and images.is_floating_point()

    @property
    def in_memory_sets(self) -> bool:
        """Whether the training images are held decoded in memory."""
        return self._sets["train"].images is not None

    @property
    def cached_sets(self) -> bool:
        """Whether the training images in memory are mapped from the cache."""
        return self._sets["train"].cached

    def has(self, split: str) -> bool:
        """Whether there is such a split."""
        return split in self._sets

    def target(self, split: str) -> NDArray[np.int64]:
        """(N,) class indices of a split."""
        return self._sets[split].target.numpy()

    def answers(self, split: str) -> NDArray[Any]:
        """(N,) what the network is to find: float32 numbers where the targets are numeric, else class indices."""
        return self._sets[split].answers.numpy()

    def skipped(self, split: str) -> int:
        """How many images of a split were left out because they cannot be decoded."""
        return self._sets[split].skipped

    def names(self, split: str) -> list[str]:
        """One identifier per image of a split."""
        return self._sets[split].names

    def counts(self, split: str) -> list[int]:
        """Images per class of a split."""
        return [int(n) for n in np.bincount(self.target(split), minlength=len(self.class_names))]

    def lend(self, embeddings: LentEmbeddings) -> None:
        """Train and validate on these embeddings, on the trainer's device where they fit, until ``use_images``."""
        device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
        self._lent = embeddings.on(device) if self._has_room(device, embeddings.nbytes) else embeddings

    def use_images(self) -> None:
        """Train and validate on images again."""
        self._lent = None

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches of images, or groups of batches of the lent embeddings."""
        if self._lent is None:
            return make_loader(self._sets["train"].batches, self._drawn(), self.workers)
        train, lent = self._lent.train, self._lent
        batches = GroupedBatches(self._shuffled(len(train.y), lent.batch_size, lent.steps), lent.steps)
        return make_loader(TensorSteps(train.z, train.y), batches, workers=0)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The monitored set, or its lent embeddings: validation images, or test images where the protocol says so."""
        if self._lent is None:
            return self.ordered_dataloader(self.monitor)
        z, y = self._lent.monitored
        return make_loader(TensorBatches(z, y), self._ordered(len(y), _ROWS_AT_ONCE), workers=0)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Images of ``test_split``, in order."""
        return self.ordered_dataloader(self.test_split)

    def ordered_dataloader(self, split: str) -> DataLoader[Batch]:
        """Images of a split in order, not augmented: this process's share of them, nothing left out nor padded."""
        images = self._sets[split]
        return make_loader(images.batches, self._ordered(len(images.target), self.eval_batch_size), self.workers)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment and normalise images on the device; embeddings pass unchanged."""
        if batch.inputs.ndim == _DIMS_OF_EMBEDDINGS:
            return batch
        return self.transform.to(batch.inputs.device)(batch)

    def _drawn(self) -> ShuffledBatches:
        """Batches of the images that ``draw`` and ``second`` choose."""
        target = self.target("train")
        order = functools.partial(self.draw, target)
        others = None if self.second is None else functools.partial(self.second, target)
        size = len(order(0, np.random.default_rng(self.seed)))  # that of any epoch
        check_share(f"an epoch of sampler.epoch_length has {size} images", size, process(self.trainer)[1])
        return self._shuffled(size, self.batch_size, order=order, others=others)

    def _shuffled(
        self, size: int, batch_size: int, group: int = 1, order: Order | None = None, others: Others | None = None
    ) -> ShuffledBatches:
        epoch, start = next_batch(self.trainer)
        rank, processes = process(self.trainer)
        return ShuffledBatches(size, batch_size, self.seed, epoch, rank, processes, start * group, order, others)

    def _ordered(self, size: int, batch_size: int) -> OrderedBatches:
        return OrderedBatches(size, batch_size, *process(self.trainer))

    @property
    def workers(self) -> int:
        """Worker processes of a loader of images."""
        return worker_count(self.num_workers, self.in_memory_sets)
