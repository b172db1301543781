"""What a run is about, printed before it starts."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lightning_imb.reports.style import MANY_LABELS
from lightning_imb.reports.task import PER_CLASS, Task, Unit

SAMPLES: dict[Unit, str] = {"class": "images", "bin": "samples"}
_PLURAL = {per_class.unit: per_class.units for per_class in PER_CLASS.values()}

LINES = (
    "target",
    "imbalance",
    "method",
    "model",
    "head",
    "loss",
    "reweight",
    "target_weights",
    "smoothing",
    "sampler",
    "oversample",
    "mix",
    "sharpness",
    "epochs",
    "posthoc",
    "protocol",
    "accelerator",
    "precision",
    "threads",
    "images",
    "run_folder",
)


def run_header(info: Mapping[str, Any]) -> Panel:
    """Make the panel that opens a run.

    Args:
        info: ``dataset``; ``task``, a classification unless given; ``class_names`` (K,); ``class_counts``, (K,) images
            per class, or samples per bin of a regression, for each split; ``parameters`` with ``total`` and
            ``trainable``; and as texts ``target`` and ``imbalance`` of a regression, ``method``, ``model``, ``head``,
            ``loss``, ``reweight``, ``target_weights``, ``smoothing``, ``sampler``, ``oversample``, ``mix``,
            ``sharpness``, ``epochs``, ``posthoc``, ``protocol``, ``accelerator``, ``precision``, ``threads``,
            ``images`` (where they are kept), ``run_folder``. What is missing is left out.
    """
    body = Table.grid(padding=(0, 2))
    body.add_column(style="bold", no_wrap=True)
    body.add_column()
    for name, text in header_lines(info):
        body.add_row(Text(name), Text(text))
    return Panel(body, title="lightning_imb", title_align="left", border_style="blue", expand=False)


def header_lines(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of every line of the panel; see :func:`run_header`."""
    counts: Mapping[str, Sequence[int]] = info.get("class_counts", {})
    lines = [("dataset", str(info["dataset"]))] if "dataset" in info else []
    names, task = info.get("class_names", []), cast(Task, info.get("task", "classification"))
    unit = PER_CLASS[task].unit
    lines += [(split, counts_text(values, names if split == "train" else (), unit)) for split, values in counts.items()]
    if "train" in counts:
        lines.append(("ratio", imbalance_ratio(counts["train"], unit)))
    for key in LINES:
        if key in info:
            lines.append((key.replace("_", " "), str(info[key])))
        if key == "model" and "parameters" in info:
            size = info["parameters"]
            lines.append(("parameters", f"{size['total']:,} ({size['trainable']:,} trainable)"))
    return lines


def counts_text(counts: Sequence[int], names: Sequence[str] = (), unit: Unit = "class") -> str:
    """Images per class, or samples per bin, in one line: each class while there are few, else the extremes.

    Args:
        counts: (K,) images per class.
        names: (K,) class names, or none to leave them out.
        unit: What is counted in.
    """
    total = f"{sum(counts):,} {SAMPLES[unit]} in {len(counts)} {_PLURAL[unit]}"
    if len(set(counts)) == 1:
        return f"{total}, {counts[0]:,} each"
    if len(counts) <= MANY_LABELS:
        between = " " if unit == "class" else ": "  # bins are named by numbers
        labels = [f"{name}{between}" for name in names] or [""] * len(counts)
        return f"{total}: " + ", ".join(f"{name}{n:,}" for name, n in zip(labels, counts, strict=True))
    median = sorted(counts)[len(counts) // 2]
    return f"{total}: {max(counts):,} in the largest, {median:,} in the median, {min(counts):,} in the smallest"


def imbalance_ratio(counts: Sequence[int], unit: Unit = "class") -> str:
    """Largest over smallest class that has images, as text; classes without images are named as such.

    Args:
        counts: (K,) images per class, or samples per bin.
        unit: What is counted in.
    """
    present = [count for count in counts if count > 0]
    if not present:
        return "n/a"
    ratio = f"{max(present) / min(present):.4g}"
    empty = len(counts) - len(present)
    return ratio if not empty else f"{ratio} ({empty} empty {_PLURAL[unit] if empty > 1 else unit})"
