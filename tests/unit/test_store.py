"""Phase 1 out of the store: the same bits, trained once, never a wrong one."""

import json
import shutil
import sys
import time

import pytest
from helpers.runs import config, trained, weights
from helpers.stores import SHORT, begin_function, cell, entries, same_bits, wait_for

from lightning_imb import store
from lightning_imb.launches import launch, launches_of
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.store import StoredPhase1, phase_1_identity, wants_store
from lightning_imb.utils.errors import InputError, NoRoomError
from lightning_imb.workflow import train


def _hold(folder):
    with RunFolder(folder).claimed():
        (folder / "held").touch()
        time.sleep(600)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A first cell and its store."""
    root = tmp_path_factory.mktemp("sweep")
    run, source = cell(root / "eos", root / "store", "method=eos")
    assert source == "trained"
    return run, root / "store"


@pytest.fixture
def shelf(sweep, tmp_path):
    """A copy of that store for one test."""
    return shutil.copytree(sweep[1], tmp_path / "store")


def test_a_cell_that_shares_phase_1_equals_one_that_trained_its_own(tmp_path, shelf):
    shared, source = cell(tmp_path / "shared", shelf, "method=smote")
    alone = trained(tmp_path / "alone", *SHORT, "method=smote")
    assert source == "store"
    same_bits(shared, alone)


def test_the_same_images_are_embedded_once(tmp_path, shelf, monkeypatch):
    from lightning_imb.callbacks import phase_switch

    embedded = []
    real = phase_switch.extract
    monkeypatch.setattr(phase_switch, "extract", lambda *a: embedded.append(a[2]) or real(*a))
    cell(tmp_path / "random", shelf, "method=random")
    assert embedded == []
    shutil.rmtree(entries(shelf)[0] / "embeddings")
    cell(tmp_path / "smote", shelf, "method=smote")
    assert sorted(embedded) == ["train", "val"]


CHANGES = [
    "seed=1",
    "imbalance.ratio=10",
    "loss=focal",
    "epochs=3",
    "optimizer.lr=0.2",
    "reweight=drw",
    "batch_size=32",
]
CHANGES += [
    "model.extractor.width=8",
    "dataset.augment.pad=2",
    "dataset.split_seed=1",
    "protocol=paper",
    "scheduler=constant",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_phase_1_has_another_key(change):
    def key(*overrides):
        cfg = config("/nowhere", *SHORT, *overrides)
        return StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key

    assert key(change) != key()
    later = ("method=smote", "retrain.epochs=7", "protocol.select=last", "threads=2", "num_workers=2")
    assert key(change, *later) == key(change)


def test_other_data_or_another_version_have_another_key(monkeypatch):
    cfg = config("/nowhere")
    first = StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key
    assert StoredPhase1("/nowhere", phase_1_identity(cfg, "other", "stamp")).key != first
    monkeypatch.setattr(store, "installed", lambda packages: {"torch": "9.9"})
    assert StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key != first


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("on", True), ("false", False), ("off", False)])
def test_the_words_of_the_command_line(said, meant):
    assert wants_store(config("/nowhere", f"store={said}").store) is meant


@pytest.mark.parametrize("said", ["maybe", "null", "1", "logs/store"])
def test_other_words_are_refused_before_training(tmp_path, said):
    with pytest.raises(InputError, match=r"store is on or off, not '.*': its folder is paths\.store"):
        train(config(tmp_path / "run", f"store={said}"))


def test_other_code_has_another_key(monkeypatch):
    cfg = config("/nowhere")
    first = StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key
    monkeypatch.setattr(store, "code_digest", lambda _: "other")
    assert StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key != first


@pytest.mark.parametrize(
    "own", ["loss._target_=my_own_losses.Mine", "dataset.augment.per_image=[{_target_: my_own_losses.Mine}]"]
)
def test_changed_code_of_the_user_has_another_key(tmp_path, monkeypatch, own):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "my_own_losses.py"
    keys = set()
    for text in ("class Mine: ...", "class Mine: ...  # changed"):
        file.write_text(text)
        cfg = config("/nowhere", own)
        keys.add(StoredPhase1("/nowhere", phase_1_identity(cfg, "data", "stamp")).key)
    assert len(keys) == 2


def test_a_phase_1_that_changed_hands_between_versions_is_not_published(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    shelf, run = tmp_path / "store", tmp_path / "run"
    monkeypatch.setattr(StoredPhase1, "publish", lambda self, run: sys.exit("killed"))
    with pytest.raises(SystemExit):
        cell(run, shelf, "method=eos")
    monkeypatch.undo()
    monkeypatch.setattr(store, "code_digest", lambda _: "of the next release")
    cell(run, shelf, "method=eos")
    assert entries(shelf) == []
    assert "phase 1 does not go into the store: it was begun" in caplog.text


def test_a_superseded_phase_1_of_the_same_key_is_taken_up_again(tmp_path):
    shelf, folder = tmp_path / "store", tmp_path / "run"
    _, source = cell(folder, shelf, "method=eos")
    assert source == "trained"
    (entry,) = entries(shelf)
    (entry / "phase1.json").unlink()
    shutil.rmtree(entry / "checkpoints")
    RunFolder(folder).supersede()
    _, source = cell(folder, shelf, "method=eos", "resampler.k=3")
    assert source == "resumed"


def test_a_run_that_is_going_on_is_not_inherited_from(tmp_path, sweep, shelf):
    (entry,) = entries(shelf)
    (entry / "phase1.json").unlink()
    holder = begin_function(_hold, sweep[0].path)
    wait_for(lambda: (sweep[0].path / "held").is_file())
    try:
        _, source = cell(tmp_path / "smote", shelf, "method=smote")
    finally:
        holder.kill()
        (sweep[0].path / "held").unlink()
    assert source == "trained"


def test_a_full_store_is_not_the_end_of_a_run(tmp_path, monkeypatch, caplog):
    def full(path, value):
        raise NoRoomError(f"cannot write {path}")

    monkeypatch.setattr(store, "write_json_atomic", lambda p, v: full(p, v) if p.name == "phase1.json" else None)
    run, _ = cell(tmp_path / "run", tmp_path / "store", "method=eos")
    assert run.finished
    assert "phase 1 does not go into the store: cannot write" in caplog.text


def test_a_store_that_cannot_be_used_is_refused_with_the_cure(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"the store .*file cannot be used .*: choose another paths\.store"):
        cell(tmp_path / "run", tmp_path / "file", "method=eos")


def test_store_off_trains_and_leaves_nothing(tmp_path):
    with launch(tmp_path / "run"):
        train(config(tmp_path / "run", *SHORT, "store=off", f"paths.store={tmp_path / 'store'}", "retrain.epochs=1"))
    assert not (tmp_path / "store").exists()
    assert launches_of(tmp_path / "run")[0]["phase_1"] == "trained"


@pytest.mark.parametrize("kind", ["best", "last"])
def test_a_damaged_entry_is_trained_anew(tmp_path, shelf, kind, caplog):
    (entry,) = entries(shelf)
    file = RunFolder(entry).checkpoint(Phase.REPRESENT, kind)
    file.write_bytes(file.read_bytes()[:1000])
    (entry / "owner.json").unlink()
    _, source = cell(tmp_path / "smote", shelf, "method=smote")
    assert source == "trained"
    assert f"{kind}.ckpt is damaged" in caplog.text
    _, source = cell(tmp_path / "random", shelf, "method=random")
    assert source == "store"


def test_the_whole_phase_1_of_a_run_that_died_before_it_published_is_taken(tmp_path, sweep, shelf):
    (entry,) = entries(shelf)
    (entry / "phase1.json").unlink()
    shutil.rmtree(entry / "checkpoints")
    smote, source = cell(tmp_path / "smote", shelf, "method=smote")
    assert source == "resumed"
    first = sweep[0].checkpoint(Phase.REPRESENT, "last").stat()
    assert smote.checkpoint(Phase.REPRESENT, "last").stat().st_ino == first.st_ino


def test_a_folder_that_holds_another_run_by_now_is_not_inherited(tmp_path, shelf):
    (entry,) = entries(shelf)
    (entry / "phase1.json").unlink()
    other, _ = cell(tmp_path / "other", tmp_path / "elsewhere", "method=eos", "optimizer.lr=0.2")
    owner = json.loads((entry / "owner.json").read_text())
    (entry / "owner.json").write_text(json.dumps(owner | {"run": str(other.path)}))
    _, source = cell(tmp_path / "smote", shelf, "method=smote")
    assert source == "trained"


def test_an_entry_without_its_marker_is_not_taken(tmp_path, shelf):
    (entry,) = entries(shelf)
    (entry / "phase1.json").unlink()  # died while it published
    (entry / "owner.json").unlink()
    _, source = cell(tmp_path / "smote", shelf, "method=smote")
    assert source == "trained"


def test_a_taken_run_resumes_in_phase_3_without_the_store(tmp_path, shelf):
    run, _ = cell(tmp_path / "smote", shelf, "method=smote")
    alone = trained(tmp_path / "alone", *SHORT, "method=smote")
    run.metrics_file.unlink()
    shutil.rmtree(shelf)
    cell(run.path, shelf, "method=smote")
    same_bits(run, alone)


def test_the_run_keeps_its_phase_1_when_the_store_is_deleted(tmp_path, shelf):
    run, _ = cell(tmp_path / "smote", shelf, "method=smote")
    shutil.rmtree(shelf)
    assert weights(run, Phase.REPRESENT, "best")
