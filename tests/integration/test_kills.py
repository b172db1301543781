"""Real processes are killed at any moment; what they leave behind, launched again, ends as if nothing had happened.

``make soak`` sets ``IMB_KILLS`` and kills many more; with ``-s`` one sees where the kills hit.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path

import pytest
import torch
from helpers.forks import PATIENCE_S
from helpers.images import truncate
from helpers.kills import SCENARIOS, differences, drafts, survive
from helpers.runs import coloured_classes

from lightning_imb.launches import launches_of
from lightning_imb.phases import Phase

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")

KILLS = int(os.environ.get("IMB_KILLS", "12"))
SEED = int(os.environ.get("IMB_KILLS_SEED", "0"))
SOAK = KILLS > 100
TELLING_SIGNALS = (signal.SIGTERM, signal.SIGINT)
DIGITS, STREAMED, WITH_WORKERS, ON_IMAGES, ALONE = SCENARIOS
TRIED = SCENARIOS if SOAK else SCENARIOS[:4]
# steps whose interruption leaves something different behind; the soak takes every step that there is
TELLING = re.compile(
    r"fsync .*/\.(last|phase1|test|metrics\.json)\b|link run/.*represent/\.previous|replace run/.*represent/last"
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return coloured_classes(tmp_path_factory.mktemp("images"), (30, 20, 14))


@pytest.fixture(scope="module")
def undisturbed(console, images, tmp_path_factory):
    """Working folder and duration of a scenario's run that nobody disturbs, with a record of what it did; made once."""
    made = {}

    def make(scenario):
        if scenario.name not in made:
            folder = tmp_path_factory.mktemp(scenario.name)
            records = [("note_batches", str(folder / "batches")), ("note_file_steps", str(folder / "steps"))]
            end = console(folder, *scenario.arguments(images), accidents=[*scenario.accidents, *records])
            assert end.code == 0, end.out
            made[scenario.name] = folder, end.wall_s
        return made[scenario.name]

    return make


@pytest.fixture
def again(console, images, tmp_path):
    """Launch a scenario in the folder of the test, with accidents."""

    def call(scenario, *accidents):
        return console(tmp_path, *scenario.arguments(images), accidents=[*scenario.accidents, *accidents])

    return call


@pytest.fixture
def assert_finishes_as_ever(again, undisturbed, tmp_path):
    """One more launch succeeds, and its results do not differ from those of an undisturbed run."""

    def call(scenario, *accidents, folder=tmp_path):
        end = again(scenario, *accidents)
        assert end.code == 0, end.out
        assert differences(undisturbed(scenario)[0], folder) == []

    return call


def checkpoint(folder, phase, kind="last"):
    return folder / "run" / "checkpoints" / phase.value / f"{kind}.ckpt"


# --- kills from outside, at random moments


@pytest.mark.slow
@pytest.mark.parametrize("scenario", TRIED, ids=lambda scenario: scenario.name)
def test_a_run_survives_kills_at_random_moments(console, images, undisturbed, tmp_path, scenario):
    expected, moments = undisturbed(scenario)
    wanted, rng, hits = -(-KILLS // len(TRIED)), random.Random(f"{SEED} {scenario.name}"), []
    while len(hits) < wanted:
        folder = tmp_path / str(len(hits))
        folder.mkdir()
        arguments = scenario.arguments(images)
        survived = survive(console, folder, arguments, scenario.accidents, rng, moments, wanted - len(hits))
        where = f"{scenario.name}, seed {SEED}, after {len(hits)} kills: {survived.hits}"
        assert survived.complaints == [], where
        assert differences(expected, folder) == [], where
        assert (folder / "store").is_dir() == ("store=off" not in scenario.overrides)
        hits += survived.hits
        shutil.rmtree(folder)
    print(*(f"\n{scenario.name:<12} {times:>4} x {place}" for place, times in Counter(hits).most_common()))


# --- deaths from inside, at chosen moments


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS if SOAK else [DIGITS], ids=lambda scenario: scenario.name)
def test_a_run_dies_at_every_step_of_its_files_and_in_the_resampler(
    again, undisturbed, assert_finishes_as_ever, tmp_path, scenario
):
    """One run, launched until it has died before each kind of step: with half a file written, before a renaming, ..."""
    steps = list(dict.fromkeys((undisturbed(scenario)[0] / "steps").read_text().splitlines()))
    chosen = [step for step in steps if SOAK or TELLING.match(step)]
    assert any("checkpoints/retrain" in step for step in chosen)
    deaths = [("die_at_file_step", step, 1) for step in chosen]
    balanced = next(i for i, step in enumerate(chosen) if "checkpoints/retrain" in step)
    deaths.insert(balanced, ("die_while_balancing", 1))
    for death in deaths:
        end = again(scenario, death)
        assert end.code == 128 + signal.SIGKILL, f"{death}: {end.code}\n{end.out}"
    assert_finishes_as_ever(scenario)
    assert drafts(tmp_path) == set()  # in the store neither


# --- signals that ask


@pytest.mark.slow
@pytest.mark.parametrize("numbers", permutations(TELLING_SIGNALS) if SOAK else [TELLING_SIGNALS])
def test_a_run_told_to_end_goes_on_with_the_next_batch(again, undisturbed, assert_finishes_as_ever, tmp_path, numbers):
    batches = tmp_path / "batches"
    for number, phase in zip(numbers, Phase, strict=True):
        end = again(DIGITS, ("signal_at", number, phase.value, 1, 2), ("note_batches", str(batches)))
        assert end.code == 128 + number, end.out
        assert str(checkpoint(tmp_path, phase)) in end.out.replace("\n", "")
        assert "Traceback" not in end.out
    assert_finishes_as_ever(DIGITS, ("note_batches", str(batches)))
    assert batches.read_text() == (undisturbed(DIGITS)[0] / "batches").read_text()
    assert [one["state"] for one in launches_of(tmp_path / "run")] == ["interrupted", "interrupted", "done"]


@pytest.mark.slow
def test_a_run_whose_workers_are_interrupted_too(again, assert_finishes_as_ever, tmp_path):
    end = again(WITH_WORKERS, ("signal_all_at", signal.SIGINT, "represent", 1, 2))
    assert end.code == 128 + signal.SIGINT, end.out
    assert str(checkpoint(tmp_path, Phase.REPRESENT)) in end.out.replace("\n", "")
    assert_finishes_as_ever(WITH_WORKERS)


@pytest.mark.slow
def test_a_signal_at_an_awkward_moment_is_not_lost(again, assert_finishes_as_ever):
    for accident, number in (("signal_at_fork", signal.SIGTERM), ("signal_at_shutdown", signal.SIGINT)):
        end = again(WITH_WORKERS, (accident, number))
        assert end.code == 128 + number, f"{accident}: {end.out}"
    assert_finishes_as_ever(WITH_WORKERS)


@pytest.mark.slow
def test_the_true_command_is_terminated_with_its_workers_and_goes_on(images, assert_finishes_as_ever, tmp_path):
    command = [sys.executable, "-m", "lightning_imb.train", *WITH_WORKERS.arguments(images)]
    how = {"env": os.environ | {"OMP_NUM_THREADS": "1"}, "cwd": tmp_path, "start_new_session": True, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how) as process:
        patience = time.monotonic() + PATIENCE_S
        while not checkpoint(tmp_path, Phase.REPRESENT).is_file() and process.poll() is None:
            assert time.monotonic() < patience
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGTERM)  # as a scheduler does it
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM, out
    assert "last.ckpt" in out
    assert_finishes_as_ever(WITH_WORKERS)


# --- damaged checkpoints


DAMAGES = {
    "half": lambda path: truncate(path, path.stat().st_size // 2),
    "empty": lambda path: truncate(path, 0),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * (path.stat().st_size // 256)),
}


@pytest.mark.slow
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(again, assert_finishes_as_ever, tmp_path):
    """Damaged after each of several deaths; the run goes on from ``previous.ckpt``, without that anew, and says so."""
    log = tmp_path / "run" / "train.log"
    said = []
    for kind, kinds, *place in (
        ("half", ("last", "previous"), "represent", 2, 0),
        ("half", ("last",), "represent", 2, 1),
        ("empty", ("last",), "represent", 2, 1),
        ("garbage", ("last",), "retrain", 2, 0),
    ):
        assert again(DIGITS, ("signal_at", signal.SIGKILL, *place)).code == 128 + signal.SIGKILL
        said.append(log.read_text().count("previous.ckpt"))
        for one in kinds:
            DAMAGES[kind](checkpoint(tmp_path, Phase(place[0]), one))
    assert_finishes_as_ever(DIGITS)
    said.append(log.read_text().count("previous.ckpt"))
    assert said == [0, 1, 2, 3, 4]


# --- a full disk


@contextmanager
def small_disk(folder):
    """A file system of 4 MiB at ``folder`` that only one process sees; yields its id."""
    script = 'mount -t tmpfs -o size=4m none "$1" && echo mounted && exec cat'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"mounted\n"
        yield holder.pid  # which ends when its standard input is closed


def can_mount():
    """Whether this user may make such a file system."""
    trial = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/tmp"]
    return shutil.which("unshare") is not None and subprocess.run(trial, capture_output=True).returncode == 0


def fill(folder, leave):
    """Write a file until ``leave`` bytes of the disk are free."""
    disk = os.statvfs(folder)
    ballast = folder / f"ballast-{leave}"
    ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize - leave))
    return ballast


def assert_says_what_is_full(end, folder):
    """Not zero, no traceback, and a last sentence that names a file and the cure."""
    assert end.code == 1, end.out
    assert "Traceback" not in end.out
    sentence = end.out.strip().splitlines()[-1]
    assert sentence.startswith("error: cannot write"), end.out
    assert str(folder) in sentence
    assert "room" in sentence


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no file system may be mounted here")
def test_a_full_disk_stops_a_run_that_goes_on_when_there_is_room(
    console, images, undisturbed, tmp_path, tmp_path_factory
):
    mounted = tmp_path_factory.mktemp("disk")
    with small_disk(mounted) as process:
        seen = Path(f"/proc/{process}/root{mounted}")
        last = checkpoint(seen, Phase.REPRESENT)

        def command(*accidents):
            inside = [("enter", process, str(mounted)), *DIGITS.accidents, *accidents]
            return console(tmp_path, *DIGITS.arguments(images), accidents=inside)

        command(("signal_at", signal.SIGKILL, "represent", 2, 1))
        before, ballast = last.read_bytes(), []
        for leave in (len(before) // 2, 0):
            ballast.append(fill(seen, leave))
            assert_says_what_is_full(command(), mounted)
            assert last.read_bytes() == before
            assert drafts(seen) == set()
        assert torch.load(last, weights_only=True)["epoch"] == 1
        for file in ballast:
            file.unlink()
        assert command().code == 0
        assert differences(undisturbed(DIGITS)[0], seen) == []


@pytest.mark.slow
@pytest.mark.skipif(can_mount() and not SOAK, reason="a disk that is full is tested")
def test_a_quota_stops_a_run_that_goes_on_when_it_is_raised(again, assert_finishes_as_ever, tmp_path):
    again(DIGITS, ("signal_at", signal.SIGKILL, "represent", 2, 1))
    last = checkpoint(tmp_path, Phase.REPRESENT)
    before = last.read_bytes()
    assert_says_what_is_full(again(DIGITS, ("limit_file_size", len(before) // 2)), tmp_path)
    assert last.read_bytes() == before
    assert_finishes_as_ever(DIGITS)
