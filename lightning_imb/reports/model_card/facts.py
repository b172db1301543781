"""What a card says of the model, its data and its making, in plain words."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from lightning_imb.launches import current_launches, wall_seconds
from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.collect import ABSENT, RunRecord
from lightning_imb.reports.header import SAMPLES, imbalance_ratio
from lightning_imb.reports.html.command import train_again
from lightning_imb.reports.model_card.markdown import plain, table
from lightning_imb.reports.task import PER_CLASS, Task
from lightning_imb.utils.catalogue import entries
from lightning_imb.utils.portable import portable, without_folders

_OWN_DATA = ("image_folder", "csv")  # data sets without a name of their own
_NOTHING = (ABSENT, "none", "instance", "NoMixing", "NoResampling")
_TAKEN_FROM = {"store": "the store", "run": "another run"}  # where a launch found phase 1 done


def task_name(record: RunRecord) -> Task:
    """What the run learned."""
    return "regression" if record.regression else "classification"


def dataset_name(record: RunRecord) -> str:
    """The data set, one of the user's own by the name of its folder too."""
    name, root = str(record.metrics["dataset"]), record.settings.get("dataset.root")
    return f"{name} ({PurePath(str(root)).name})" if name in _OWN_DATA and root else name


def model_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Name and text of each line about the model."""
    settings = record.settings
    rows = [
        *_method(str(record.metrics["method"])),
        ("network", plain(record.label("model"))),
        ("head", plain("one number" if record.regression else _head(settings))),
        ("loss", plain(record.label("loss"))),
        *((name.replace("_", " "), plain(text)) for name, text in _extras(record).items()),
        ("parameters", _number(record.metrics.get("parameters"))),
        ("epochs", plain(_epochs(settings))),
        ("after training", plain(_after(record))),
        ("seed", str(record.seed)),
    ]
    return [(name, text) for name, text in rows if text]


def _method(name: str) -> list[tuple[str, str]]:
    """Its name, and for a method of this package what it is and who wrote of it."""
    known = next((entry for entry in entries() if (entry.group, entry.option) == ("method", name)), None)
    if known is None:
        return [("method", plain(name))]
    return [("method", f"{plain(name)}: {known.title}"), ("paper", known.paper)]


def _head(settings: Mapping[str, Any]) -> str:
    head, experts = str(settings.get("model.head", "")), settings.get("model.experts", 1)
    kind = "as the loss needs it, else linear" if head == "auto" else head
    return kind if experts == 1 else f"{kind}; {experts} experts, mean of their logits"


def _extras(record: RunRecord) -> dict[str, str]:
    """What was done beside a plain training, by the group that asked for it."""
    settings = record.settings
    found = {group: record.label(group) for group in ("oversample", "mix")}
    if settings.get("retrain.enabled") and settings.get("retrain.inputs") == "embeddings":
        found["resampler"] = record.label("resampler")
    found |= {group: str(settings.get(f"{group}.kind", ABSENT)) for group in ("sampler", "reweight")}
    found["target_weights"] = str(settings.get("target_weights.base", ABSENT)) if record.regression else ABSENT
    found["smoothing"] = "FDS" if settings.get("smoothing.enabled") else ABSENT
    found["sharpness"] = f"SAM, rho {settings['sharpness.rho']}" if settings.get("sharpness.rho") else ABSENT
    return {group: text for group, text in found.items() if text not in _NOTHING}


def _epochs(settings: Mapping[str, Any]) -> str:
    epochs = str(settings.get("epochs", ""))
    if not settings.get("retrain.enabled"):
        return epochs
    what = str(settings.get("retrain.trains", "head")).replace("_", " ")
    return f"{epochs}, then {settings['retrain.epochs']} of the {what} on {settings.get('retrain.inputs')}"


def _after(record: RunRecord) -> str:
    report = record.metrics.get("posthoc_report")
    return f"head adjusted by {report['posthoc']}" if report else ""


def counts_rows(record: RunRecord) -> list[list[str]]:
    """A row for each class or bin: its name and its samples in each split."""
    counts: Mapping[str, Sequence[int]] = record.metrics["class_counts"]
    names = record.metrics["class_names"]
    return [[plain(name), *(f"{counts[split][c]:,}" for split in counts)] for c, name in enumerate(names)]


def counts_table(record: RunRecord, shown: Sequence[int]) -> str:
    """Samples of each class or bin in each split, and their sums.

    Args:
        record: The run.
        shown: Which classes.
    """
    rows, counts = counts_rows(record), record.metrics["class_counts"]
    unit = PER_CLASS[task_name(record)].unit
    total = ["**all**", *(f"**{sum(values):,}**" for values in counts.values())]
    return table([unit, *counts], [*(rows[c] for c in shown), total])


def training_data(record: RunRecord, data: Mapping[str, Any]) -> list[str]:
    """Sentences about the training data.

    Args:
        record: The run.
        data: ``data.json``.
    """
    kind, counts = PER_CLASS[task_name(record)], record.train_counts
    sentences = [
        f"{sum(counts):,} training {SAMPLES[kind.unit]} of {plain(dataset_name(record))} "
        f"in {len(counts)} {kind.units}. "
        f"Imbalance ratio (largest over smallest): {imbalance_ratio(counts, kind.unit)}.",
        _selection(record),
    ]
    if synthetic := record.metrics.get("synthetic_images"):
        sentences.append(f"{synthetic:,} synthetic images, made of the real ones, were added; no table counts them.")
    skipped = {split: n for split, n in (data.get("skipped") or {}).items() if n}
    if skipped:
        sentences.append(f"Unreadable and left out: {', '.join(f'{n} of {split}' for split, n in skipped.items())}.")
    sentences.append(f"Fingerprint of files, labels and sizes: `{data['fingerprint']}`.")
    return sentences


def _selection(record: RunRecord) -> str:
    kind = str(record.settings.get("imbalance.name", "natural"))
    if kind == "natural":
        return "The frequencies are those of the data set: nothing was left out to change them."
    if record.regression:
        return f"The training targets follow the law `{kind}`, which was chosen; they need not be as frequent in use."
    seed = record.settings.get("imbalance.seed")
    return (
        f"The imbalance was made: images were left out by the profile `{kind}` "
        f"(selection {record.settings.get('imbalance.selection')}, seed {seed}). It is no property of the data set."
    )


def protocol(record: RunRecord) -> list[str]:
    """How the reported epoch was chosen, in sentences; the first warns where the test set was used."""
    label = f"Protocol: {plain(record.protocol)}."
    chosen_on = record.metrics.get("selected_on")
    if chosen_on == "test":
        return [f"**{WARNING}**", label]
    if chosen_on == "val":
        held_out = sum(record.metrics["class_counts"].get("val", []))
        return [
            f"{label} The epoch was chosen on {held_out:,} validation images that were not trained on; the test images "
            "had no part in any choice of this run. Whether settings were chosen on them before, the run cannot know."
        ]
    return [f"{label} The last epoch is reported: no epoch was chosen."]


def making(record: RunRecord) -> list[tuple[str, str]]:
    """Name and text of each line about how the run was made; without folders of the machine."""
    launches = current_launches(record.path)
    rows = [
        ("trained", str(launches[0]["started"])[:10] if launches else ""),
        ("wall time", _wall_time(launches)),
        ("hardware", _pairs(record.metrics.get("hardware"))),
        ("precision", plain(record.metrics.get("precision", ""))),
        ("versions", _pairs(record.metrics.get("versions"))),
        ("config hash", plain(record.metrics.get("config_hash", ""))),
    ]
    return [(name, text) for name, text in rows if text]


def _wall_time(launches: Sequence[Mapping[str, Any]]) -> str:
    """Of all launches, and what it leaves out."""
    seconds = wall_seconds(launches)
    if not seconds:
        return ""
    killed = any(launch.get("wall_s") is None for launch in launches)
    source = next((launch["phase_1"] for launch in launches if launch.get("phase_1") in _TAKEN_FROM), None)
    taken = f", without phase 1, taken from {_TAKEN_FROM[source]}" if source else ""
    return f"{'at least ' if killed else ''}{seconds:,.0f} s{taken}"


def command(record: RunRecord) -> str:
    """The command that trains the run again, without folders of this machine; a comment where none is known."""
    found = train_again(record)
    return f"# {without_folders(found)}" if found.startswith("not ") else portable(found)


def _pairs(values: Mapping[str, Any] | None) -> str:
    return plain(", ".join(f"{name} {value}" for name, value in (values or {}).items()))


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
