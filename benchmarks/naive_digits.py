"""The shortest Lightning script on digits; ends at its first step: ``python -m benchmarks.naive_digits``."""

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.stamps import EndAtFirstStep


class Digits(pl.LightningModule):
    """One linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Linear(64, 10)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch."""
        return F.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD that ends the process."""
        return EndAtFirstStep(self.parameters(), lr=0.1)


def main() -> None:
    """Train until the first step."""
    images, labels = load_digits(return_X_y=True)
    rows = TensorDataset(torch.from_numpy(images).float() / 16, torch.from_numpy(labels))
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Digits(), DataLoader(rows, batch_size=128, shuffle=True))


if __name__ == "__main__":
    main()
