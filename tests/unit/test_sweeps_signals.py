"""One signal for each cell, however a sweep is told to end."""

import os
import signal
import subprocess
import sys

import pytest

CHILD = """
import signal, time
seen = []
for signum in (signal.SIGINT, signal.SIGTERM):
    signal.signal(signum, lambda signum, frame: seen.append(signal.Signals(signum).name))
print("ready", flush=True)
while not seen:
    time.sleep(0.01)
time.sleep(0.5)
print(*seen, flush=True)
"""
PARENT = """
import signal, socket, subprocess, sys
from pathlib import Path
from lightning_imb.sweeps import SweepOfRuns
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.jobs import Cell
cell, watch = Cell("a", Path(sys.argv[1])), SweepOfRuns()
watch.begin([cell])
signal.signal(signal.SIGINT, lambda signum, frame: watch.stop(signum, [cell]))
child = subprocess.Popen([sys.executable, "-c", sys.argv[2]], stdout=subprocess.PIPE, text=True)
assert child.stdout.readline() == "ready\\n"
entry = {"state": "running", "pid": child.pid, "host": socket.gethostname()}
write_json_atomic(cell.folder / "launches.json", {"launches": [entry]})
print("ready", flush=True)
print(child.stdout.read().strip(), flush=True)
"""


@pytest.mark.parametrize(("terminal", "seen"), [(True, "SIGINT"), (False, "SIGTERM")])
def test_a_cell_gets_one_signal_whether_the_terminal_tells_it_or_not(tmp_path, terminal, seen):
    """A second one would end it before it has written its checkpoint."""
    master, slave = os.openpty()
    command = [sys.executable, "-c", PARENT, str(tmp_path / "a"), CHILD]
    attach = (lambda: os.login_tty(os.dup(slave))) if terminal else None
    plain = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, preexec_fn=attach, **({} if terminal else plain))
    output = master if terminal else process.stdout.fileno()
    try:
        assert os.read(output, 100).split() == [b"ready"]
        if terminal:
            os.write(master, b"\x03")  # Ctrl-C
        else:
            process.send_signal(signal.SIGINT)
        text = os.read(output, 100)
        while seen.encode() not in text or not text.endswith(b"\n"):
            text += os.read(output, 100)
        assert text.replace(b"^C", b"").split() == [seen.encode()]
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
