import os
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.case import BenchmarkError, Case, Pair, Settings, Side
from benchmarks.cases.startup import command
from benchmarks.compare import measure, measure_case
from benchmarks.process import as_script

NOTE = "import os; open('notes', 'a').write('{} ' + str(os.getppid()) + chr(10))"


def python(label, code):
    return Side(label, command, {"arguments": ["-c", code]})


def pair(baseline, ours, **changes):
    return Pair("work", python("theirs", baseline), python("ours", ours), **changes)


def silent(line):
    pass


def test_sides_take_turns_in_processes_of_their_own_and_warm_up_first(settings):
    noted = pair(NOTE.format("A"), NOTE.format("B"))
    result = measure("case", noted, settings, warmups=1, report=silent)
    lines = [line.split() for line in (settings.scratch / "notes").read_text().splitlines()]
    assert [name for name, _ in lines] == ["A", "B"] * settings.rounds
    processes = {name: {process for other, process in lines if other == name} for name in "AB"}
    assert all(len(found) == 1 for found in processes.values()), "each side is set up once"
    assert processes["A"] != processes["B"]
    assert len(result.baseline) == len(result.ours) == settings.rounds - 1


def test_processor_time_of_ended_children_is_counted(settings):
    result = measure("case", pair("pass", "pass"), replace(settings, rounds=1), warmups=0, report=silent)
    assert result.ours[0].cpu_s > 0
    assert result.ours[0].wall_s > 0


@pytest.mark.parametrize("codes", [("raise SystemExit(3)", "pass"), ("pass", "raise SystemExit(3)")])
def test_a_side_that_fails_ends_the_measurement_with_its_words(settings, codes):
    with pytest.raises(BenchmarkError, match=r"raise SystemExit\(3\)"):
        measure("case", pair(*codes), settings, warmups=0, report=silent)


def test_a_side_that_dies_is_noticed(settings):
    killed = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    with pytest.raises(BenchmarkError, match="'ours' ended before its work was done"):
        measure("case", pair("pass", killed), settings, warmups=0, report=silent)


def test_repeats_do_not_count_the_warm_up(settings):
    case = Case("a case", lambda given: [pair("pass", "pass")], repeats=2, warmups=1)
    assert len(measure_case("case", case, settings, None, silent)[0].ours) == 2
    assert len(measure_case("case", case, settings, 1, silent)[0].ours) == 1


def test_a_script_gets_the_threads_asked_for(settings, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    as_script(settings)
    assert os.environ["OMP_NUM_THREADS"] == "1"
    as_script(replace(settings, threads=3))
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_nothing_that_a_worker_imports_first_brings_torch_along():
    code = """
import sys
import benchmarks.__main__
from benchmarks.cases import case_names, load_case
for name in case_names():
    load_case(name)
print(sorted({"torch", "pytorch_lightning", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", "thread settings are made before torch is imported"


def test_settings_survive_a_file(settings):
    told = replace(settings, threads=2)
    assert Settings.from_json(told.to_json()) == told
