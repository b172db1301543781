"""What a run is about, printed before it starts."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lightning_imb.reports.style import MANY_LABELS

LINES = (
    "method",
    "model",
    "head",
    "loss",
    "reweight",
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
        info: ``dataset``; ``class_names`` (K,); ``class_counts``, (K,) images per class for each split;
            ``parameters`` with ``total`` and ``trainable``; and as texts ``method``, ``model``, ``head``,
            ``loss``, ``reweight``, ``sampler``, ``oversample``, ``mix``, ``sharpness``, ``epochs``, ``posthoc``,
            ``protocol``, ``accelerator``, ``precision``, ``threads``, ``images`` (where they are kept), ``run_folder``.
            What is missing is left out.
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
    names = info.get("class_names", [])
    lines += [(split, counts_text(values, names if split == "train" else ())) for split, values in counts.items()]
    if "train" in counts:
        lines.append(("ratio", imbalance_ratio(counts["train"])))
    for key in LINES:
        if key in info:
            lines.append((key.replace("_", " "), str(info[key])))
        if key == "model" and "parameters" in info:
            size = info["parameters"]
            lines.append(("parameters", f"{size['total']:,} ({size['trainable']:,} trainable)"))
    return lines


def counts_text(counts: Sequence[int], names: Sequence[str] = ()) -> str:
    """Images per class in one line: each class while there are few, else the extremes.

    Args:
        counts: (K,) images per class.
        names: (K,) class names, or none to leave them out.
    """
    total = f"{sum(counts):,} images in {len(counts)} classes"
    if len(set(counts)) == 1:
        return f"{total}, {counts[0]:,} each"
    if len(counts) <= MANY_LABELS:
        labels = [f"{name} " for name in names] or [""] * len(counts)
        return f"{total}: " + ", ".join(f"{name}{n:,}" for name, n in zip(labels, counts, strict=True))
    median = sorted(counts)[len(counts) // 2]
    return f"{total}: {max(counts):,} in the largest, {median:,} in the median, {min(counts):,} in the smallest"


def imbalance_ratio(counts: Sequence[int]) -> str:
    """Largest over smallest class that has images, as text; classes without images are named as such.

    Args:
        counts: (K,) images per class.
    """
    present = [count for count in counts if count > 0]
    if not present:
        return "n/a"
    ratio = f"{max(present) / min(present):.4g}"
    empty = len(counts) - len(present)
    return ratio if not empty else f"{ratio} ({empty} empty class{'es' if empty > 1 else ''})"
