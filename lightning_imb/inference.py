"""What ``imb-predict`` does: classes and probabilities of images without labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from torch import Tensor

from lightning_imb.build import check_accelerator
from lightning_imb.data.datasets.unlabelled import unlabelled_images
from lightning_imb.data.sources import load_all
from lightning_imb.restore import pick_device, restore_classifier, restore_transform
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import write_text_atomic


def classify(cfg: DictConfig) -> pd.DataFrame:
    """Classify every image of a folder or zip and write one csv row per image.

    Args:
        cfg: The composed config of ``conf/predict.yaml``.

    Returns:
        Columns ``name``, ``class`` and ``p_<class name>``, in the order of the names.

    Raises:
        InputError: If the run, its checkpoint or an image is unusable.
    """
    check_accelerator(cfg.accelerator)
    run = RunFolder.open_finished(cfg.run)
    names, probabilities = _probabilities(cfg, run)
    classes = run.read_data()["class_names"]
    table = pd.DataFrame(probabilities.numpy(), columns=[f"p_{name}" for name in classes])
    table.insert(0, "name", names)
    table.insert(1, "class", [classes[i] for i in probabilities.argmax(1).tolist()])
    write_text_atomic(Path(cfg.output), table.to_csv(index=False, float_format="%.6f"))
    Console().print(f"{len(table)} images classified, written to {cfg.output}", soft_wrap=True)
    return table


@torch.no_grad()  # not inference mode: images are decoded into one tensor by several threads
def _probabilities(cfg: DictConfig, run: RunFolder) -> tuple[list[str], Tensor]:
    device = pick_device(cfg.accelerator.accelerator)
    model = restore_classifier(run, cfg.phase, cfg.checkpoint).to(device)
    transform = restore_transform(run, cfg.accelerator.channels_last).to(device)
    channels, height, width = run.read_data()["image_size"]
    source = unlabelled_images(cfg.input, image_size=(height, width), channels=channels)
    names, rows = [], []
    for start in track(range(0, len(source), cfg.batch_size), description="classifying", transient=True):
        wanted = np.arange(start, min(start + cfg.batch_size, len(source)))
        images, kept = load_all(source, wanted, on_bad_image=cfg.on_bad_image)
        rows.append(model(transform.normalise(images)).float().softmax(1).cpu())
        names += [source.names[i] for i in kept.tolist()]
    return names, torch.cat(rows)
