"""Five three-phase methods compared: five published scripts, each with its own phase 1, against one sweep.

The cells of the sweep share phase 1 through the store, as they do by default.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.case import BenchmarkError, Case, Pair, Settings, Side, Turn

METHODS = ("retrain", "random", "smote", "borderline_smote", "eos")
EPOCHS = 2  # of phase 1; two, so that an epoch can be told from a start
PUBLISHED_EPOCHS = 200
RETRAIN_EPOCHS = 10


def peers(turn: Turn, settings: Settings) -> None:
    """Five scripts one after the other."""
    told = settings.scratch / "settings.json"
    told.write_text(settings.to_json(), encoding="utf-8")
    script = ["-m", "benchmarks.peer_script", str(told)]
    while True:
        turn.begin()
        stages = {method: json.loads(_command(settings, [*script, method, str(EPOCHS)])) for method in METHODS}
        epochs = [seconds["phase 1, training"] + seconds["phase 1, validation"] for seconds in stages.values()]
        turn.end(stages=stages, epoch_s=sum(epochs) / len(epochs) / EPOCHS, phase_1_epochs=EPOCHS * len(METHODS))


def ours(turn: Turn, settings: Settings) -> None:
    """``imb-train -m method=...``, in a folder with an empty store."""
    from benchmarks.product import image_overrides
    from benchmarks.stamps import epoch_seconds
    from lightning_imb.launches import launches_of

    words = [*image_overrides(settings), f"epochs={EPOCHS}", f"retrain.epochs={RETRAIN_EPOCHS}", "logger=csv"]
    number = 0
    while True:
        number += 1
        root = settings.scratch / f"comparison{number}"
        stamps = root.with_suffix(".stamps")
        sweep = [f"hydra.sweep.dir={root}", "hydra.sweep.subdir=${hydra:runtime.choices.method}"]
        clock = f"+logger.stamps={{_target_:benchmarks.stamps.StampLogger,path:'{stamps}'}}"
        turn.begin()
        methods = f"method={','.join(METHODS)}"
        store = f"paths.store={root / 'store'}"
        _command(settings, ["-m", "lightning_imb.train", "-m", *words, methods, store, *sweep, clock])
        launches = {method: launches_of(root / method)[0] for method in METHODS}
        walls = {method: [one["wall_s"], one["phase_1"]] for method, one in launches.items()}
        turn.end(fits_s=walls, epoch_s=epoch_seconds(stamps, "train/loss")[-1], phase_1_epochs=EPOCHS)


def _command(settings: Settings, arguments: list[str]) -> str:
    """Run Python with these arguments; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=settings.scratch, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def extrapolate(results: Sequence[Any]) -> list[str]:
    """The ratio at the published number of epochs, computed from the seconds of the last epoch measured."""
    (result,) = results
    hours = []
    for sample in (result.baseline[-1], result.ours[-1]):
        facts = sample.facts
        trained = facts["phase_1_epochs"] * PUBLISHED_EPOCHS // EPOCHS
        hours.append((sample.wall_s + (trained - facts["phase_1_epochs"]) * facts["epoch_s"]) / 3600)
    return [
        f"computed, not measured: with {PUBLISHED_EPOCHS} epochs of phase 1, {hours[0]:.2g} h against "
        f"{hours[1]:.2g} h, {hours[0] / hours[1]:.1f} x (measured total + further epochs x seconds of a measured epoch)"
    ]


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair."""
    return [
        Pair(
            f"comparison of {len(METHODS)} methods, {EPOCHS} epochs of phase 1, {RETRAIN_EPOCHS} of phase 3",
            Side("five published scripts", peers),
            Side("imb-train -m, phase 1 shared", ours),
            target=5.0,
        )
    ]


CASE = Case(
    "a five-method comparison, whole runs, against five published scripts (about a quarter of an hour a round)",
    pairs,
    repeats=1,
    warmups=0,
    derive=extrapolate,
)
