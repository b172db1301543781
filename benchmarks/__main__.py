"""``python -m benchmarks [case ...]``: measure, print a table, write JSON and markdown."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from benchmarks.case import BenchmarkError, Case, Settings
from benchmarks.cases import case_names, load_case
from benchmarks.compare import Result, measure_case
from benchmarks.data import write_images
from benchmarks.machine import describe_machine, load
from benchmarks.table import Report, screen_table, write_report

QUICK_REPEATS = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input ends it with one sentence and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except BenchmarkError as error:
        sys.exit(f"error: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed against baselines, in ratios.")
    parser.add_argument("cases", nargs="*", metavar="case", help="what to measure; without one, all but those opt-in")
    parser.add_argument("--list", action="store_true", help="show the cases and end")
    parser.add_argument("--repeats", type=int, metavar="N", help="measured rounds; each case has its own default")
    parser.add_argument(
        "--data", type=Path, metavar="ZIP", help="cifar10.zip; default $IMB_DATA/cifar10.zip, else random"
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes: see that everything runs")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of both sides; default: each side's own")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu", help="where both sides train")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), metavar="FOLDER", help="where files go")
    return parser


def _run(options: argparse.Namespace) -> None:
    console = Console()
    if options.list:
        for name in case_names():
            case = load_case(name)
            console.print(f"{name:<20} {case.summary}{' (opt-in)' if case.opt_in else ''}", soft_wrap=True)
        return
    cases = chosen_cases(options.cases)
    for name in ("repeats", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise BenchmarkError(f"--{name} {value} must be at least 1")
    archive = chosen_archive(options.data)
    # sides run in folders of their own and must find this package there
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # or workers and files would stay
    with tempfile.TemporaryDirectory(prefix="imb_benchmarks_") as folder:
        os.environ["IMB_CACHE_ROOT"] = str(Path(folder, "cache"))  # what is decoded here is of no use to anybody's runs
        _measure(options, cases, archive, Path(folder), console)


def chosen_cases(names: Sequence[str]) -> dict[str, Case]:
    """The cases named, or all that are not opt-in.

    Raises:
        BenchmarkError: If there is no such case.
    """
    if names:
        return {name: load_case(name) for name in names}
    every = {name: load_case(name) for name in case_names()}
    return {name: case for name, case in every.items() if not case.opt_in}


def chosen_archive(given: Path | None) -> Path | None:
    """The zip to read images from: the one given, else that of ``$IMB_DATA``, else None for random images.

    Raises:
        BenchmarkError: If the one given is not there.
    """
    if given is not None and not given.is_file():
        raise BenchmarkError(f"--data {given} does not exist: give a cifar10.zip, or leave it out for random images")
    if given is not None or "IMB_DATA" not in os.environ:
        return given
    known = Path(os.environ["IMB_DATA"]) / "cifar10.zip"
    return known if known.is_file() else None


def _measure(
    options: argparse.Namespace, cases: dict[str, Case], archive: Path | None, folder: Path, console: Console
) -> None:
    machine = describe_machine()
    data = write_images(folder / "images", archive, options.quick)
    settings = Settings(folder / "images", folder, options.quick, options.threads, 0, options.accelerator)
    stem = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    # the folders of one machine mean nothing elsewhere
    command = " ".join(
        ["python -m benchmarks", *(Path(word).name if os.sep in word else word for word in sys.argv[1:])]
    )
    results: list[Result] = []
    computed: dict[str, list[str]] = {}
    started = time.monotonic()

    def say(line: str) -> None:
        console.print(f"{time.monotonic() - started:6.0f} s  {line}", style="dim", highlight=False, soft_wrap=True)

    for name, case in cases.items():
        repeats = min(QUICK_REPEATS, options.repeats or QUICK_REPEATS) if options.quick else options.repeats
        found = measure_case(name, case, settings, repeats, say)
        results += found
        if case.derive is not None:
            computed[name] = list(case.derive(found))
        report = Report(machine | {"load_after": load()}, data, command, options.quick, results, computed)
        files = write_report(report, options.out, stem)  # after every case: a long measurement may be cut short
    console.print(screen_table(report))
    for line in (line for lines in computed.values() for line in lines):
        console.print(line)
    console.print(f"written: {files[0]} and {files[1].name}", soft_wrap=True)


if __name__ == "__main__":
    main()
