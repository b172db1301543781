"""Launches of ``imb-train`` as processes of their own, without waiting for imports each time.

Importing torch and Lightning takes seconds, and a test that kills processes needs many of them. ``python -m
helpers.forks`` imports everything once, starts no thread and no parallel computation, and forks a child per launch.
The child leads a process group of its own, writes to a file, and runs the console script, so that exit codes, handlers
and what a process does when it exits are the real ones.
"""

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
PATIENCE_S = 120  # for a launch that nobody kills


class Kill(NamedTuple):
    """A signal that a launch gets.

    Attributes:
        after: Seconds after the start.
        number: Which signal.
        group: Whether its worker processes get it too, as a scheduler or Ctrl-C in a terminal does it.
    """

    after: float
    number: int = signal.SIGKILL
    group: bool = False


class Launch(NamedTuple):
    """How a launch ended.

    Attributes:
        code: The exit code as a shell shows it: 128 + the signal where one ended the process.
        out: Standard output and standard error.
        wall_s: How long it took.
        cpu_s: Processor time of it and of the worker processes that it waited for.
        hit: Whether it was killed from outside before its end.
        stuck: Whether it had to be killed because it did not end.
    """

    code: int
    out: str
    wall_s: float
    cpu_s: float
    hit: bool
    stuck: bool


class Launcher:
    """The client of the forking process; also a context.

    Args:
        module: What the process runs.
    """

    def __init__(self, module="helpers.forks"):
        path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        self._server = subprocess.Popen(
            [sys.executable, "-m", module],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C for pytest shall not leave a child without parent
        )

    def __call__(self, folder, *arguments, accidents=(), kill=None, patience=PATIENCE_S):
        """``imb-train`` with these arguments in this folder.

        Args:
            folder: The working folder; ``launch.log`` in it takes the output.
            arguments: The command line.
            accidents: Functions of ``helpers.accidents`` by name, each with its arguments, called before the start.
            kill: What happens to the process from outside.
            patience: Seconds until it has to be over, counted anew after a signal.
        """
        log = Path(folder) / "launch.log"
        order = {"folder": str(folder), "log": str(log), "argv": arguments, "accidents": list(accidents)}
        self._server.stdin.write(json.dumps(order | {"kill": kill, "patience": patience}) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, f"the forking process is gone: {self._server.poll()}"
        return Launch(out=log.read_text(), **json.loads(answer))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._server.stdin.close()
        self._server.wait(PATIENCE_S)
        self._server.stdout.close()


def serve():
    """Fork a child per line of standard input; returns the order in the child, None when the client is gone."""
    for line in sys.stdin:
        order = json.loads(line)
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            return order
        with contextlib.suppress(ProcessLookupError):  # the child does it too: whoever comes first
            os.setpgid(child, child)
        ending = _watch(child, order["kill"] and Kill(*order["kill"]), order["patience"])
        print(json.dumps(ending | {"wall_s": time.monotonic() - start}), flush=True)
    return None


def _watch(child, kill, patience):
    handle = os.pidfd_open(child)
    over = select.poll()
    over.register(handle, select.POLLIN)
    # only this process can reap the child, so its number cannot belong to another one yet
    hit = kill is not None and not over.poll(kill.after * 1000)
    if hit:
        (os.killpg if kill.group else os.kill)(child, kill.number)
    stuck = not over.poll(patience * 1000)
    os.killpg(child, signal.SIGKILL)  # workers that are left
    _, status, used = os.wait4(child, 0)
    os.close(handle)
    code = os.waitstatus_to_exitcode(status)
    return {
        "code": code if code >= 0 else 128 - code,
        "hit": hit,
        "stuck": stuck,
        "cpu_s": used.ru_utime + used.ru_stime,
    }


def become(order):
    """Turn a fresh child into the launch that was ordered."""
    from helpers import accidents

    os.setpgid(0, 0)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(order["folder"])
    for name, *arguments in order["accidents"]:
        getattr(accidents, name)(*arguments)
    sys.argv[1:] = order["argv"]


def _warm_up():
    """Import what a run imports, and leave a process that may be forked."""
    import lightning_imb.train
    import lightning_imb.workflow

    gc.freeze()  # or every child copies the pages of all objects at its first collection
    # threads of C libraries do not count: an allocator, for one, makes its own thread anew in a child
    assert threading.enumerate() == [threading.main_thread()], "a child would inherit locks that nobody opens"
    sys.argv[0] = lightning_imb.train.__file__  # as python -m lightning_imb.train has it


def _run_and_leave():
    """Run the console script and end as the interpreter does, but for taking apart all that was ever imported.

    That takes as long as a small run, because each object that is touched costs the child a copy of its page.
    """
    from lightning_imb.train import main

    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run_server(turn_into):
    """Serve until the client is gone; a child turns into the launch that was ordered, and runs it.

    Args:
        turn_into: Takes the order.
    """
    _warm_up()
    ordered = serve()
    if ordered is None:
        gc.unfreeze()
    else:
        turn_into(ordered)
        _run_and_leave()


if __name__ == "__main__":
    run_server(become)
