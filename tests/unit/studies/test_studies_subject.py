"""A finished run, opened to look inside."""

import shutil

import numpy as np
import pytest
import torch
from helpers.studies import opened

from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.runs import RunFolder
from lightning_imb.studies import subject as module
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.errors import InputError


@pytest.fixture(scope="module")
def eos(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("run"), "method=eos")


def test_both_stages_say_what_the_run_recorded(eos):
    assert eos.stages == ("before", "after")
    for stage, name in (("before", "represent_test"), ("after", "test")):
        kept = eos.run.read_predictions(name)
        assert np.allclose(eos.logits("test", stage), kept.logits, atol=1e-5)
        assert (eos.labels("test") == kept.targets).all()
        assert (eos.predicted("test", stage) == kept.logits.argmax(1)).all()


def test_weights_of_the_head_give_its_logits(eos):
    for stage in eos.stages:
        head = eos.head(stage)
        logits = eos.embeddings("test", stage) @ head.weight.T + head.bias
        assert np.allclose(logits, eos.logits("test", stage), atol=1e-5)


def test_the_balanced_set_is_that_of_phase_3(eos):
    counts = np.bincount(eos.balanced.y)
    assert (counts == max(eos.train_counts)).all()
    assert eos.balanced.n_real == sum(eos.train_counts)
    assert (eos.balanced.z[: eos.balanced.n_real] == eos.embeddings("train")).all()
    recorded = eos.run.read_metrics()["resampler_report"]
    assert eos.balanced.report == recorded


def test_embeddings_are_made_once_and_kept(eos, monkeypatch):
    before = eos.embeddings("val")
    monkeypatch.setattr(module, "extract", lambda *_: pytest.fail("embedded again"))
    again = Subject(eos.run, quiet=True)
    assert (again.embeddings("val") == before).all()
    assert (again.embeddings("val", "before") == before).all()  # the extractor is the same


def test_stages_of_one_extractor_share_their_embeddings(eos):
    assert np.shares_memory(eos.embeddings("test", "before"), eos.embeddings("test", "after"))


def test_a_run_of_an_earlier_version_is_refused_in_one_sentence(eos, tmp_path):
    shutil.copytree(eos.run.path, tmp_path / "old")
    cfg = eos.run.read_config()
    del cfg.model["experts"]
    RunFolder(tmp_path / "old").write_config(cfg)
    with pytest.raises(InputError, match="of an earlier lightning_imb"):
        Subject.open(tmp_path / "old")


def test_images_come_in_order_and_as_the_network_reads_them(eos):
    small = Subject(eos.run, batch_size=7, quiet=True)
    batches = list(small.image_batches("test"))
    assert np.concatenate([batch.rows for batch in batches]).tolist() == list(range(len(eos.labels("test"))))
    assert all(batch.images.dtype == torch.uint8 for batch in batches)
    model = small.model()
    with torch.no_grad():
        logits = torch.cat([model(batch.inputs) for batch in batches]).numpy()
    assert np.allclose(logits, eos.logits("test"), atol=1e-4)


def test_what_is_forgotten_is_made_again(eos):
    run = Subject(eos.run, quiet=True)
    before, model = run.logits("test"), run.model()
    run.forget()
    assert run.model() is not model
    assert (run.logits("test") == before).all()


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True), (True, False)])
def test_a_bar_is_drawn_on_a_terminal_alone(eos, monkeypatch, capsys, terminal, quiet):
    monkeypatch.setattr(module.Console, "is_terminal", terminal)
    run = Subject(eos.run, quiet=quiet)
    assert list(run.track(iter("abc"), "looking")) == ["a", "b", "c"]
    shown = capsys.readouterr().out
    assert ("looking" in shown) if terminal and not quiet else shown == ""


def test_parameters_want_no_gradient(eos):
    assert not any(p.requires_grad for p in eos.model().parameters())
    assert not eos.model().training


def test_digits_mark_no_regions(eos):
    assert not eos.has_regions
    assert eos.region("test", 0) is None


def test_a_run_of_one_phase_has_one_stage(tmp_path):
    run = opened(tmp_path, "method=erm")
    assert run.stages == ("after",)
    assert run.balanced is None
    assert (run.label, run.row, run.seed) == ("erm, seed 0", "erm", 0)


def test_a_post_hoc_method_makes_two_stages_of_one_phase(tmp_path):
    run = opened(tmp_path, "method=tau_norm", "posthoc.tau=1.0")
    assert run.stages == ("before", "after")
    assert np.allclose(np.linalg.norm(run.head("after").weight, axis=1), 1, atol=1e-5)
    assert not np.allclose(np.linalg.norm(run.head("before").weight, axis=1), 1, atol=1e-2)


def test_what_stands_between_extractor_and_head_is_applied(tmp_path):
    run = opened(tmp_path, "method=eos", "retrain.normalize=true")
    z = run.embeddings("test")
    assert np.allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    raw = extract(run.model("before"), run.data, "test")[0].numpy()
    assert np.allclose(run.embeddings("test", "before"), raw, atol=1e-5)


def test_experts_have_no_weights_per_class(tmp_path):
    run = opened(tmp_path, "method=ride")
    assert run.head() is None
    assert (run.predicted("test") == run.run.read_predictions("test").logits.argmax(1)).all()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a run folder"):
        Subject.open(tmp_path)
