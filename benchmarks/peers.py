"""The published pipeline that most long-tail repositories share, at its fastest setting on this machine.

Written from the description of LDAM-DRW's loop (Cao et al. 2019, arXiv 1906.07413): images become PIL images and are
transformed one by one in a ``DataLoader``; float32; loss and accuracy are read with ``.item()`` in every step.
"""

import copy
import itertools
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.case import Settings
from benchmarks.data import Images, Labels, long_tail, read_images
from benchmarks.peer_network import PeerNet, peer_device

BATCH, EVAL_BATCH = 128, 100
WORKERS = (0, 2)  # the fastest of these is taken; four are slower than two on two cores
_PROBE_BATCHES = 25
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


class PeerImages(Dataset[tuple[Tensor, int]]):
    """Arrays that become one PIL image per access, as torchvision's CIFAR-10 does it.

    Args:
        images: uint8 (N, 32, 32, 3).
        labels: (N,).
        train: Whether images are cropped and mirrored at random.
    """

    def __init__(self, images: Images, labels: Labels, train: bool) -> None:
        random = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if train else []
        self.images, self.labels = images, labels.tolist()
        self.transform = transforms.Compose([*random, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


class AverageMeter:
    """Running mean of a number per step."""

    def __init__(self) -> None:
        self.sum, self.count, self.avg = 0.0, 0, 0.0

    def update(self, value: float, n: int) -> None:
        """Take in the mean of ``n`` samples."""
        self.sum += value * n
        self.count += n
        self.avg = self.sum / self.count


class Peer:
    """Network, optimizer and loaders of a published script.

    Args:
        settings: Where the images are, and how large a network is wanted.
    """

    def __init__(self, settings: Settings) -> None:
        self.device = peer_device(settings.accelerator)
        images, labels = read_images(settings.data, "train")
        rows = long_tail(settings, labels)
        self.train_set = PeerImages(images[rows], labels[rows], train=True)
        self.plain_train_set = PeerImages(images[rows], labels[rows], train=False)
        self.test_set = PeerImages(*read_images(settings.data, "test"), train=False)
        self.net = PeerNet(settings.size(32, 8)).to(self.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1, momentum=0.9, weight_decay=2e-4)

    def train_loader(self, workers: int | None = None) -> DataLoader[Any]:
        """Shuffled, augmented batches."""
        return self._loader(self.train_set, BATCH, True, workers)

    def test_loader(self, workers: int | None = None) -> DataLoader[Any]:
        """Test images in order."""
        return self._loader(self.test_set, EVAL_BATCH, False, workers)

    def _loader(self, images: PeerImages, batch_size: int, shuffle: bool, workers: int | None) -> DataLoader[Any]:
        """A loader with this number of workers; None tries which feeds the network best here."""
        tried = WORKERS if workers is None else (workers,)
        loaders = [DataLoader(images, batch_size, shuffle=shuffle, num_workers=number) for number in tried]
        if len(images) < 2 * _PROBE_BATCHES * batch_size:  # too small a set to tell
            return loaders[0]
        return min(loaders, key=self._probe)

    def _probe(self, loader: DataLoader[Any]) -> float:
        """Seconds of some batches with the work that each gets, without the first one, which starts the workers."""
        net, training = copy.deepcopy(self.net), loader.dataset is self.train_set
        batches = itertools.islice(loader, _PROBE_BATCHES + 1)
        with torch.set_grad_enabled(training):
            net(next(batches)[0].to(self.device))
            start = time.perf_counter()
            for images, _ in batches:
                output = net(images.to(self.device))
                if training:
                    output.sum().backward()
        return time.perf_counter() - start

    def train_epoch(self, loader: Iterable[Any]) -> float:
        """One epoch; returns the mean loss."""
        self.net.train()
        losses, top1, top5 = AverageMeter(), AverageMeter(), AverageMeter()
        for images, target in loader:
            images, target = images.to(self.device), target.to(self.device)
            output = self.net(images)
            loss = self.criterion(output, target)
            _record(output, target, loss, losses, top1, top5)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return losses.avg

    def validate(self, loader: Iterable[Any]) -> float:
        """Score the test images, with accuracy per class from lists of predictions; returns top-1 in percent."""
        self.net.eval()
        losses, top1, top5 = AverageMeter(), AverageMeter(), AverageMeter()
        predicted: list[int] = []
        targets: list[int] = []
        with torch.no_grad():
            for images, target in loader:
                images, target = images.to(self.device), target.to(self.device)
                output = self.net(images)
                _record(output, target, self.criterion(output, target), losses, top1, top5)
                predicted.extend(output.max(1)[1].cpu().numpy())
                targets.extend(target.cpu().numpy())
        confusion = np.zeros((10, 10))
        np.add.at(confusion, (np.array(targets), np.array(predicted)), 1)
        assert confusion.sum() == len(targets)
        return top1.avg

    def embed(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Embeddings of the training images (N, 64), not augmented, and their labels."""
        self.net.eval()
        rows, labels = [], []
        with torch.no_grad():
            for images, target in DataLoader(self.plain_train_set, EVAL_BATCH):
                rows.append(self.net.features(images.to(self.device)).cpu().numpy())
                labels.append(target.numpy())
        return np.concatenate(rows), np.concatenate(labels)


def accuracy(output: Tensor, target: Tensor, topk: tuple[int, ...]) -> list[Tensor]:
    """Accuracy in percent among the k best logits, for each k."""
    _, best = output.topk(max(topk), 1, True, True)
    correct = best.t().eq(target.view(1, -1).expand(max(topk), -1))
    return [correct[:k].reshape(-1).float().sum(0) * (100.0 / len(target)) for k in topk]


def _record(output: Tensor, target: Tensor, loss: Tensor, *meters: AverageMeter) -> None:
    values = (loss, *accuracy(output, target, topk=(1, 5)))
    for meter, value in zip(meters, values, strict=True):
        meter.update(value.item(), len(target))
