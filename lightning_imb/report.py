"""imb-report: tables out of all finished runs of a sweep."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_imb.reports.request import Request
from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.checked import checked_flag
from lightning_imb.utils.cli import hydra_entry, sweep_is_a_folder
from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from lightning_imb.reports.collect import RunRecord
    from lightning_imb.reports.document import Document
    from lightning_imb.reports.unfinished import Unfinished

MAX_PLACES = 25  # run folders that are listed


def main() -> None:
    """Console script: compose ``conf/report.yaml`` and print the report."""
    sweep_is_a_folder()
    _main()


@hydra_entry("report")
def _main(cfg: "DictConfig") -> None:
    if not isinstance(cfg.compare, bool):
        raise InputError(f"compare={cfg.compare} is neither true nor false: rows= says what is compared.")
    report(
        Request(
            folder=Path(cfg.folder),
            rows=_names(cfg.rows),
            cols=_names(cfg.cols),
            metrics=_names(cfg.metric) or _names(cfg.metrics),
            compare=cfg.compare,
            blocks=None if cfg.blocks == "auto" else _names(cfg.blocks),
            control=None if cfg.control is None else str(cfg.control),
            interval=str(cfg.interval),
            order=_names(cfg.order),
            form=cfg.format,
            per_class=checked_flag("per_class", cfg.per_class),
            bold=cfg.bold,
            figures=cfg.figures and Path(cfg.figures),
            out=cfg.out and Path(cfg.out),
            keep=cfg.keep and Path(cfg.keep),
            only=_wanted(cfg.only),
            metrics_of={task: _names(names) for task, names in cfg.metrics_of.items()},
        )
    )


def _names(value: Any) -> tuple[str, ...]:
    """One name, several, or none."""
    if value is None:
        return ()
    return (str(value),) if isinstance(value, str | int | float) else tuple(str(name) for name in value)


def _wanted(only: Any) -> dict[str, tuple[str, ...]]:
    if only is None:
        return {}
    if not hasattr(only, "items"):
        raise InputError(f"only={only} names no key: write for example 'only={{method:[erm,eos]}}'.")
    return {str(key): _names(values) for key, values in only.items()}


def report(request: Request) -> None:
    """Print or write the report of all finished runs below a folder.

    Args:
        request: What is asked.

    Raises:
        InputError: The request makes no sense, there is no finished run, the runs cannot be compared or are about
            different things, or the file cannot be written.
    """
    request.check()
    # here and not above: the entry point answers --help without loading rich, numpy and scipy
    from lightning_imb.reports.collect import chosen, collect
    from lightning_imb.reports.kept import check_no_cells, is_study, keep
    from lightning_imb.reports.task import task_of

    if is_study(request.folder):
        _show_study(request)
        return
    check_no_cells(request.folder)
    records = chosen(collect(request.folder), request.only)
    request = request.settled(task_of(records))
    if request.form == "html":
        _print_html(request, records)
    elif request.form == "rich":
        _show(request, records)
    elif request.out:
        _write(request.out, _text(request, records))
    else:
        print(_text(request, records), end="")
    if request.keep:  # only now that the report refused nothing
        kept = keep(records, request.rows, request.keep)
        print(f"kept in {request.keep}: {', '.join(path.name for path in kept)}", file=sys.stderr)


def _show_study(request: Request) -> None:
    """The tables of kept results; on the terminal as they are, else as markdown."""
    from lightning_imb.reports.grid import to_rich, wide_console
    from lightning_imb.reports.kept.parts import study_grids, study_markdown
    from lightning_imb.reports.kept.study import read_study

    request.check_study()
    study = read_study(request.folder)
    if request.form == "rich":
        console = wide_console()
        for grid in study_grids(study):
            console.print(to_rich(grid))
    elif request.out:
        _write(request.out, f"{study_markdown(study)}\n")
    else:
        print(study_markdown(study))


def _print_html(request: Request, records: "Sequence[RunRecord]") -> None:
    from lightning_imb.reports.html import write_html

    out = request.out or request.folder / "report.html"
    settings = (request.rows, request.metrics, request.order, request.control)
    print(write_html(request.folder, out, *settings, records, request.only))


def _text(request: Request, records: "Sequence[RunRecord]") -> str:
    from lightning_imb.reports.document import latex, make_csv, markdown

    if request.form == "csv":
        _warn_of_unfinished(request)
        return make_csv(records, request)
    return (latex if request.form == "latex" else markdown)(_document(request, records))


def _warn_of_unfinished(request: Request) -> None:
    """Beside the file and not in it: a line of words is no csv."""
    left_out = _left_out(request)
    if left_out.total:
        print(f"not in the csv: {left_out.sentence()}", file=sys.stderr)


def _left_out(request: Request) -> "Unfinished":
    from lightning_imb.reports.unfinished import unfinished_rows

    return unfinished_rows(request.folder, (*request.rows, *request.cols), request.only)


def _document(request: Request, records: "Sequence[RunRecord]") -> "Document":
    """The tables, and below them how many runs they are made of and how many are not in them."""
    from lightning_imb.reports.document import Document, make_document

    made = make_document(records, request)
    summary = f"{len(records)} finished runs below {request.folder}, {_left_out(request).sentence()}"
    return Document(made.grids, (*made.remarks, summary))


def _show(request: Request, records: "Sequence[RunRecord]") -> None:
    from lightning_imb.reports.grid import to_rich, wide_console

    document = _document(request, records)
    console = wide_console()
    for grid in document.grids:
        console.print(to_rich(grid))
    print("\n".join(document.remarks))
    _print_places(request.folder, [record.path for record in records])


def _print_places(folder: Path, runs: "Sequence[Path]") -> None:
    """Where to look next: run folders, their figures, the dashboard."""
    print("\nrun folder, figures in figures/ below each:")
    for run in runs[:MAX_PLACES]:
        print(f"  {run}")
    if len(runs) > MAX_PLACES:
        print(f"  and {len(runs) - MAX_PLACES} more")
    print(f"\ndashboard:\n  {Path(sys.executable).with_name('tensorboard')} --logdir {folder}")


def _write(path: Path, text: str) -> None:
    try:
        write_text_atomic(path, text)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another file as out=.") from error
    print(path)


if __name__ == "__main__":
    main()
