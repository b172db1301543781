"""A model card out of a run folder alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_imb.reports.cells import shown_classes
from lightning_imb.reports.collect import RunRecord, collect
from lightning_imb.reports.model_card import facts
from lightning_imb.reports.model_card.class_limits import class_limits
from lightning_imb.reports.model_card.class_scores import class_scores, class_table, overall_table, shift_table
from lightning_imb.reports.model_card.front_matter import front_matter
from lightning_imb.reports.model_card.markdown import plain, render, table
from lightning_imb.reports.model_card.regression import bins_table, errors_table, further_table, number_limits
from lightning_imb.reports.task import PER_CLASS
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import write_text_atomic

FILE = "model_card.md"
MODELS = ("model.onnx", "model.pt2")
_UNKNOWN = "compared with the network when it was written; `imb-export` said then on which images"
_ALL = 100  # classes up to which every one has its row


def write_card(run: Path, out: Path, checks: Mapping[str, str]) -> Path:
    """Write ``model_card.md``.

    Args:
        run: The folder of a finished run.
        out: Where the card goes; it tells how to use the exported files that are there already.
        checks: For each of these files that was just written, how far it is from the network and on which images.

    Returns:
        The file.

    Raises:
        InputError: The run has not finished, or a file of it is damaged.
    """
    record = collect(run)[0]  # what lies below a run comes after it
    path = out / FILE
    files = tuple(name for name in MODELS if (out / name).is_file())
    write_text_atomic(path, model_card(record, {name: checks.get(name, _UNKNOWN) for name in files}))
    return path


def model_card(record: RunRecord, files: Mapping[str, str]) -> str:
    """The text of a card.

    Args:
        record: A finished run; its folder is read again for ``data.json``, the launches and the predictions.
        files: Exported files that lie beside the card, and how each was checked.

    Source:
        Mitchell et al. 2019, "Model cards for model reporting" (arXiv 1810.03993).
    """
    data = RunFolder(record.path).read_data()
    counts = record.train_counts
    shown = list(range(len(counts))) if len(counts) <= _ALL else shown_classes(counts)
    values = _of_numbers(record, shown) if record.regression else _of_classes(record, shown)
    values |= {
        "front_matter": front_matter(record),
        "title": f"{plain(record.metrics['method'])} on {plain(facts.dataset_name(record))}",
        "regression": record.regression,
        "unit": PER_CLASS[facts.task_name(record)],
        "classes": len(counts),
        "left_out": len(counts) - len(shown),
        "target": plain(data.get("target") or "a number"),
        "image_size": data["image_size"],
        "real_inputs": bool(data.get("real_inputs")),
        "model": table(["", ""], facts.model_rows(record), words=2),
        "training_data": facts.training_data(record, data),
        "counts": facts.counts_table(record, shown),
        "protocol": facts.protocol(record),
        "test_images": sum(record.metrics["class_counts"]["test"]),
        "making": table(["", ""], facts.making(record), words=2),
        "command": facts.command(record),
        "precision": str(record.metrics.get("precision", "32-true")),
        "files": files,
    }
    return render("model_card.md.j2", values)


def _of_classes(record: RunRecord, shown: list[int]) -> dict[str, Any]:
    scores = class_scores(record)
    return {
        "overall": overall_table(record),
        "per_unit": class_table(scores, shown),
        "shifts": shift_table(record),
        "limits": class_limits(record, scores),
    }


def _of_numbers(record: RunRecord, shown: list[int]) -> dict[str, Any]:
    return {
        "overall": f"{errors_table(record)}\n\n{further_table(record)}",
        "per_unit": bins_table(record, shown),
        "shifts": "",
        "limits": number_limits(record),
    }
