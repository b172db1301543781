"""Phase 1 trained once for all runs that share it: a content-addressed store, safe under concurrent jobs."""

import hashlib
import json
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.fit import read_checkpoint
from lightning_imb.phases import Phase
from lightning_imb.reuse import AFTER_PHASE_1, KINDS, copy_phase_1
from lightning_imb.runs import CheckpointKind, RunFolder
from lightning_imb.settings import flat_settings, matters
from lightning_imb.utils.atomic import remove_drafts, write_json_atomic
from lightning_imb.utils.environment import versions
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.lock import locked

log = logging.getLogger(__name__)

_VERSIONS = ("lightning-imb", "torch")


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


def phase_1_identity(cfg: DictConfig, fingerprint: str) -> dict[str, Any]:
    """All that phase 1 is a function of: settings, data and the code that reads them.

    Args:
        cfg: The composed training config, ``auto`` settled.
        fingerprint: That of the data.
    """
    settings = {key: value for key, value in flat_settings(cfg).items() if matters(key)}
    settings = {key: value for key, value in settings.items() if key.split(".")[0] not in AFTER_PHASE_1}
    code = {name: version for name, version in versions().items() if name in _VERSIONS}
    return {"settings": settings, "fingerprint": fingerprint, "versions": code}


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
            InputError: If the store cannot be written to.
        """
        if self._taken_by(run):
            yield True
            return
        try:
            with locked(self.path / "lock", self._say_who_trains):
                remove_drafts(self.path / "checkpoints")  # of an owner that was killed
                taken = self._taken_by(run)
                if not taken:
                    self._inherit(run)
                    self._sign(run)
                yield taken
        except PermissionError as error:
            raise InputError(
                f"the store {self.path.parent} cannot be written to ({error.strerror}): "
                "choose another paths.store, or store=off"
            ) from error

    def publish(self, run: RunFolder) -> None:
        """Put a phase 1 that is over into the store."""
        copy_phase_1(run, self.run)
        write_json_atomic(self._marker, {"trained_in": str(run.path.absolute()), **self.identity})
        log.info("phase 1 is in the store as %s", self.key)

    def embeddings(self, kind: str) -> KeptEmbeddings:
        """What one of the checkpoints, ``best`` or ``last``, makes of the images."""
        return KeptEmbeddings(self.path / "embeddings" / kind)

    def _taken_by(self, run: RunFolder) -> bool:
        if not self.complete:
            return False
        if not _intact(self.run, KINDS):
            self._marker.unlink(missing_ok=True)
            return False
        copy_phase_1(self.run, run)
        return True

    def _inherit(self, run: RunFolder) -> None:
        """Go on from what a dead owner left behind, unless the run has a beginning of its own."""
        dead = RunFolder(self._read_owner().get("run", ""))
        if run.has_begun(Phase.REPRESENT) or not (dead.has_begun(Phase.REPRESENT) and self._is_of(dead)):
            return
        if not _intact(dead, [kind for kind in KINDS if dead.checkpoint(Phase.REPRESENT, kind).is_file()]):
            return
        copy_phase_1(dead, run)
        log.info("taking over the phase 1 that %s began and did not finish", dead.path)

    def _is_of(self, other: RunFolder) -> bool:
        """Whether a run has this very phase 1: its folder may hold another one by now."""
        if not (other.config_file.is_file() and other.data_file.is_file()):
            return False
        identity = phase_1_identity(other.read_config(), other.read_data()["fingerprint"])
        return json.dumps(identity, sort_keys=True) == json.dumps(self.identity, sort_keys=True)

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
