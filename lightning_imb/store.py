"""Phase 1 trained once for all runs that share it: a content-addressed store, safe under concurrent jobs."""

import hashlib
import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.fit import read_checkpoint
from lightning_imb.launches import current_launches
from lightning_imb.phases import Phase
from lightning_imb.reuse import KINDS, copy_phase_1, shapes_phase_1
from lightning_imb.runs import CheckpointKind, RunFolder
from lightning_imb.settings import flat_settings, matters, targets
from lightning_imb.utils.atomic import remove_drafts, write_json_atomic
from lightning_imb.utils.code import code_digest, own_code
from lightning_imb.utils.environment import installed
from lightning_imb.utils.errors import InputError, NoRoomError
from lightning_imb.utils.lock import locked

log = logging.getLogger(__name__)

_PACKAGES = (
    *("imbalanced-learn", "lightning-imb", "numpy", "pillow", "pytorch-lightning", "scikit-learn"),
    *("timm", "torch", "torchvision"),
)
_PARTS = ("callbacks", "data", "losses", "metrics", "mixing", "models", "resampling", "utils")
_CODE = ("build.py", "fit.py", "networks.py", *(f"{part}/**/*.py" for part in _PARTS))
_BEGUN_OTHERWISE = (
    "phase 1 does not go into the store: it was begun without it, with other versions of the packages, or on images "
    "that were changed or copied since"
)


def wants_store(value: object) -> bool:
    """What ``store=`` says; Hydra's command line knows true and false, and leaves the words on and off as they are.

    Raises:
        InputError: If it is none of these.
    """
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise InputError(f"store is on or off, not '{value}': its folder is paths.store")
    return value == "on"


def phase_1_identity(cfg: DictConfig, fingerprint: str, content_stamp: str) -> dict[str, Any]:
    """All that phase 1 is a function of: settings, data and the code that reads them.

    Args:
        cfg: The composed training config, ``auto`` settled.
        fingerprint: That of the data.
        content_stamp: That of the data, which tells also of images that others of equal size took the place of.
    """
    every = flat_settings(cfg)
    settings = {k: v for k, v in every.items() if matters(k) and shapes_phase_1(k)}
    if cfg.callbacks.diagnostics_every:  # they change no result, but their curves come with phase 1
        settings |= {k: v for k, v in every.items() if k.startswith("callbacks.diagnostics_")}
    code: dict[str, Any] = {"code": code_digest(_CODE)}
    if own := own_code(name for key, name in targets(cfg) if matters(key) and shapes_phase_1(key)):
        code["own_code"] = own
    data = {"fingerprint": fingerprint, "content_stamp": content_stamp}
    return {"settings": settings, **data, "versions": installed(_PACKAGES)} | code


class StoredPhase1:
    """One phase 1 in the store: a folder named after the hash of everything that it depends on.

    ``phase1.json`` is written last: its presence means that the entry is complete. Checkpoints are hard links where the
    file system has them, so an entry costs no space beside the run that trained it.

    Args:
        root: The store.
        identity: What :func:`phase_1_identity` returns.
    """

    def __init__(self, root: str | Path, identity: dict[str, Any]) -> None:
        text = json.dumps(identity, sort_keys=True)
        self.identity = identity
        self.key = hashlib.sha256(text.encode()).hexdigest()[:20]
        self.path = Path(root).expanduser() / self.key
        self.run = RunFolder(self.path)  # the same layout, so that one function copies from either

    @property
    def complete(self) -> bool:
        """Whether there is a whole phase 1 to take."""
        return self._marker.is_file()

    @property
    def _marker(self) -> Path:
        return self.path / "phase1.json"

    @property
    def _owner(self) -> Path:
        return self.path / "owner.json"

    @contextmanager
    def claimed(self, run: RunFolder) -> Iterator[bool]:
        """Take phase 1 from the store into a run, or be the one process that trains it.

        Of several processes one trains and the others wait for it. When it dies, the next one takes over, beginning
        with the last checkpoint that the dead one left in its run folder.

        Args:
            run: Gets the checkpoints and the metrics of phase 1, whole or begun.

        Yields:
            Whether phase 1 came out of the store. If not, whoever asked trains it and calls :meth:`publish`.

        Raises:
            InputError: If the store cannot be used.
        """
        with ExitStack() as lock:
            yield self._take_or_lock(run, lock)

    def publish(self, run: RunFolder) -> None:
        """Put a phase 1 that is over into the store; a store that takes no more is not the end of the run."""
        if not self._trained_all_of(run):
            log.info(_BEGUN_OTHERWISE)
            return
        try:
            copy_phase_1(run, self.run)
            write_json_atomic(self._marker, {"trained_in": str(run.path.absolute()), **self.identity})
        except OSError as error:
            log.warning("phase 1 does not go into the store: %s", error)
        else:
            log.info("phase 1 is in the store as %s", self.key)

    @property
    def embeddings(self) -> KeptEmbeddings:
        """What extractors of this phase 1 made of the images."""
        return KeptEmbeddings(self.path / "embeddings")

    def _take_or_lock(self, run: RunFolder, lock: ExitStack) -> bool:
        """Take phase 1 if it is there; else hold the lock and get what a dead owner left."""
        try:
            if self._taken_by(run):
                return True
            held = lock.enter_context(locked(self.path / "lock", self._say_who_trains))
            if held:
                self._clear_away()
            if self._taken_by(run):
                return True
            if held:
                self._marker.unlink(missing_ok=True)  # of an entry that cannot be read
                self._inherit(run)
                self._sign(run)
        except NoRoomError:
            raise
        except OSError as error:
            raise InputError(
                f"the store {self.path.parent} cannot be used ({error.strerror}): "
                "choose another paths.store, or store=off"
            ) from error
        return False

    def _taken_by(self, run: RunFolder) -> bool:
        if not (self.complete and _intact(self.run, KINDS)):
            return False
        copy_phase_1(self.run, run)
        return True

    def _clear_away(self) -> None:
        """Delete the drafts of an owner that was killed; those of embeddings may belong to a run that is alive."""
        remove_drafts(self.path, "*")
        for part in (self.run.checkpoints, self.run.metrics_csv.parent):
            remove_drafts(part)

    def _inherit(self, run: RunFolder) -> None:
        """Go on from what a dead owner left behind, unless the run has a beginning of its own."""
        left_in = self._read_owner().get("run")
        if left_in is None or run.has_begun(Phase.REPRESENT) or not Path(left_in).is_dir():
            return
        dead = RunFolder(left_in)
        with ExitStack() as lock:
            try:
                if not dead.path.samefile(run.path):  # which is claimed already
                    lock.enter_context(dead.claimed())
                for other in (dead, *dead.superseded()):
                    if not run.has_begun(Phase.REPRESENT) and self._is_of(other) and self._usable(other):
                        copy_phase_1(other, run, ("previous", *KINDS))
                        log.info("taking over the phase 1 that %s began and did not finish", other.path)
            except (InputError, OSError, KeyError) as error:
                log.info("nothing is taken over from %s: %s", dead.path, error)

    def _is_of(self, other: RunFolder) -> bool:
        """Whether a run has this very phase 1: its folder may hold another one by now."""
        if not (other.config_file.is_file() and other.data_file.is_file() and self._trained_all_of(other)):
            return False
        known = other.read_data()
        stamp = known.get("content_stamp", "")  # absent from a run of an earlier version
        identity = phase_1_identity(other.read_config(), known["fingerprint"], stamp)
        return json.dumps(identity, sort_keys=True) == json.dumps(self.identity, sort_keys=True)

    def _usable(self, other: RunFolder) -> bool:
        """Whether its phase 1 has something to go on from, and the best epoch, if there is one, is not damaged."""
        best = other.checkpoint(Phase.REPRESENT, "best").is_file()
        return other.has_begun(Phase.REPRESENT) and _intact(other, ["best"] if best else [])

    def _trained_all_of(self, run: RunFolder) -> bool:
        """Whether every launch that trained phase 1 trained this one.

        The packages or the images may have changed in between; of a launch without the store nobody knows.
        """
        return {one.get("phase_1_key") for one in current_launches(run.path) if "phase_1" in one} <= {self.key}

    def _sign(self, run: RunFolder) -> None:
        owner = {"run": str(run.path.absolute()), "host": socket.gethostname(), "pid": os.getpid()}
        write_json_atomic(self._owner, owner)

    def _read_owner(self) -> dict[str, Any]:
        try:
            owner: dict[str, Any] = json.loads(self._owner.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return owner

    def _say_who_trains(self) -> None:
        owner = self._read_owner()
        who = f"{owner['run']} (process {owner['pid']} on {owner['host']})" if owner else "another run"
        log.info("waiting for the phase 1 that %s is training", who)


def _intact(run: RunFolder, kinds: Iterable[CheckpointKind]) -> bool:
    """Whether these checkpoints of phase 1 can be read; says which one cannot."""
    try:
        for kind in kinds:
            read_checkpoint(run.checkpoint(Phase.REPRESENT, kind))
    except InputError as error:
        log.warning("%s: not taken over", str(error).partition(":")[0])
        return False
    return True
