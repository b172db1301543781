"""Files of networks with each kind of head, made in memory and opened again."""

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
import torch
import torch.nn.functional as F
from helpers.exported import MEAN, SIZE, STD, describing, pixels, seen_extractor, transform
from helpers.runs import assert_refused
from torch import nn

import lightning_imb
from lightning_imb.exporting.onnx_file import onnx_bytes, open_onnx, require_onnx
from lightning_imb.exporting.opened import open_exported
from lightning_imb.exporting.program import Nearest, Program
from lightning_imb.exporting.torch_file import open_torch, torch_bytes, traced
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.experts import ExpertExtractor, ExpertHead
from lightning_imb.models.heads import CosineHead, RegressionHead
from lightning_imb.posthoc.heads import AffineLogits, CentroidHead

ONNX, PT2 = Path("model.onnx"), Path("model.pt2")
HERE = str(Path(lightning_imb.__file__).parents[1]).encode()


class Network(nn.Module):
    """What a program reads of a trained network."""

    def __init__(self, extractor, after, head):
        super().__init__()
        self.extractor_module, self.after, self.head = extractor, after, head


def nearest():
    """Two experts, and of their transformed embeddings the nearest centroid."""
    extractor = ExpertExtractor(nn.Identity(), [seen_extractor(seed) for seed in (0, 1)], 16)
    head = CentroidHead(torch.rand(3, 32), torch.rand(32), normalise=True)
    return Network(extractor, EmbeddingTransform(normalize=True, tukey=0.5), head).eval()


def normalised(images):
    return (images.float() / 255 - MEAN) / STD


def expected_of_nearest(network, images):
    """The same, written out."""
    z = torch.cat([branch(normalised(images)) for branch in network.extractor_module.branches], dim=1)
    z = F.normalize(z, dim=1)
    z = F.normalize(z.sign() * z.abs() ** 0.5 - network.head.centre, dim=1)
    return torch.stack([-((z - centroid) ** 2).sum(1) for centroid in network.head.centroids], dim=1)


def recorded(network, description):
    with torch.no_grad():
        return traced(Program(network, transform(), description).eval(), description)


@pytest.fixture(scope="module")
def files():
    """Network, and the content of both files of it."""
    network, description = nearest(), describing()
    exported = recorded(network, description)
    return network, onnx_bytes(exported, description, 18), torch_bytes(exported, description)


@pytest.fixture(scope="module")
def opened(files):
    return open_onnx(files[1], ONNX), open_torch(files[2], PT2)


@pytest.mark.parametrize("images", [1, 2, 3, 7])
def test_both_files_say_what_the_network_says_of_any_number_of_images(files, opened, images):
    with torch.no_grad():
        expected = expected_of_nearest(files[0], pixels(images))
    for predictor in opened:
        assert predictor.description == describing()
        torch.testing.assert_close(predictor.answer(pixels(images)), expected, atol=1e-4, rtol=1e-4)


def test_images_in_any_layout_are_read(opened):
    images = pixels(2).contiguous(memory_format=torch.channels_last)
    for predictor in opened:
        assert torch.equal(predictor.answer(images), predictor.answer(images.contiguous()))


def test_the_onnx_file_names_its_ends(files):
    model = onnx.load_from_string(files[1])
    onnx.checker.check_model(model)
    (given,), (answer,) = model.graph.input, model.graph.output
    assert (given.name, answer.name) == ("images", "logits")
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert answer.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    dims = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (given, answer)]
    assert dims == [["batch", *SIZE], ["batch", 3]]
    assert [entry.version for entry in model.opset_import if not entry.domain] == [18]


def test_no_file_tells_where_it_was_made(files):
    _, as_onnx, as_torch = files
    assert HERE not in as_onnx
    with zipfile.ZipFile(io.BytesIO(as_torch)) as archive:
        assert not [name for name in archive.namelist() if HERE in archive.read(name)]


def test_nearest_centroids_are_those_of_the_head():
    generator = torch.Generator().manual_seed(0)
    z, centroids, centre = (torch.randn(*shape, generator=generator) for shape in ((5, 6), (3, 6), (6,)))
    for normalise in (False, True):
        found = Nearest(CentroidHead(centroids, centre, normalise))(z)
        for n in range(5):
            row = (z[n] - centre) / ((z[n] - centre).norm() if normalise else 1)
            expected = [-float(((row - centroids[c]) ** 2).sum()) for c in range(3)]
            assert found[n].tolist() == pytest.approx(expected, rel=1e-4)


def test_experts_with_cosine_heads_adjusted_after_training_are_recorded_whole():
    heads = [CosineHead(16, 3, 30.0) for _ in range(2)]
    scale, shift = torch.tensor(0.5), torch.tensor([1.0, 2.0, 3.0])
    extractor = ExpertExtractor(nn.Identity(), [seen_extractor(seed) for seed in (0, 1)], 16)
    network = Network(extractor, nn.Identity(), AffineLogits(ExpertHead(heads), scale, shift)).eval()
    predictor = open_torch(torch_bytes(recorded(network, describing()), describing()), PT2)
    images = pixels(4)
    with torch.no_grad():
        parts = [branch(normalised(images)) for branch in extractor.branches]
        cosines = [F.normalize(z, dim=1) @ F.normalize(h.weight, dim=0) for z, h in zip(parts, heads, strict=True)]
        expected = 30 * (cosines[0] + cosines[1]) / 2 * scale + shift
    torch.testing.assert_close(predictor.answer(images), expected, atol=1e-4, rtol=1e-4)


def test_a_regression_answers_one_number_per_image():
    head = RegressionHead(16, bias=True, centre=40.0, spread=10.0)
    description = describing(task="regression", target="age", pixels="float32")
    network = Network(seen_extractor(), nn.Identity(), head).eval()
    predictor = open_torch(torch_bytes(recorded(network, description), description), PT2)
    images = torch.rand(4, *SIZE)
    with torch.no_grad():
        z = network.extractor_module((images - MEAN) / STD)
        expected = 40 + 10 * (z @ head.weight[0] + head.bias)
    assert predictor.answer(images).shape == (4,)
    torch.testing.assert_close(predictor.answer(images), expected, atol=1e-4, rtol=1e-5)


class ByContent(nn.Module):
    """Does something else for bright images, which no recording holds."""

    def forward(self, images):
        return images.mean((2, 3)) if images.mean() > 0 else images.sum((2, 3))


def test_a_network_that_cannot_be_recorded_is_refused_in_a_sentence():
    network = Network(ByContent(), nn.Identity(), nn.Linear(1, 3)).eval()
    assert_refused(lambda: recorded(network, describing()), "torch.export", "formats=[card]")


def test_operators_that_onnx_lacks_are_refused_in_a_sentence(monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("advice\nto developers") from ValueError("no function for aten.cdist")

    exported = recorded(Network(nn.Flatten(), nn.Identity(), nn.Linear(64, 3)).eval(), describing())
    monkeypatch.setattr(torch.onnx, "export", refuse)
    assert_refused(lambda: onnx_bytes(exported, describing(), 18), "cannot become ONNX", "aten.cdist", "formats")


def test_another_opset_than_asked_for_is_refused(monkeypatch, files):
    program = SimpleNamespace(model_proto=onnx.load_from_string(files[1]))
    exported = recorded(Network(nn.Flatten(), nn.Identity(), nn.Linear(64, 3)).eval(), describing())
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **kwargs: program)
    assert_refused(lambda: onnx_bytes(exported, describing(), 99), "opset=99", "use opset=18")


def test_a_missing_package_is_named_with_its_cure(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert_refused(require_onnx, "onnx and onnxscript and onnxruntime", "pip install", "[onnx]")


def damaged(content):
    """Cut short, and with bytes of the weights changed."""
    changed = bytearray(content)
    middle = len(changed) // 2
    changed[middle : middle + 64] = bytes(byte ^ 255 for byte in changed[middle : middle + 64])
    return {"empty": b"", "text": b"no model at all", "cut": content[: len(content) // 2], "changed": bytes(changed)}


@pytest.mark.parametrize("how", ["empty", "text", "cut", "changed"])
def test_damaged_torch_files_are_refused(files, how):
    assert_refused(lambda: open_torch(damaged(files[2])[how], PT2), "model.pt2", "damaged", "export the run again")


@pytest.mark.parametrize("how", ["empty", "text", "cut"])
def test_damaged_onnx_files_are_refused(files, how):
    assert_refused(lambda: open_onnx(damaged(files[1])[how], ONNX), "model.onnx", "damaged", "export the run again")


def packed(flag=0, method=0):
    """A zip that says of its members that they are encrypted or packed in some way."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("model/lightning_imb.json", describing().to_json())
    content = bytearray(memory.getvalue())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # of a member, and of its entry in the list
        place = content.index(mark) + offset
        content[place], content[place + 2] = flag, method
    return bytes(content)


@pytest.mark.parametrize("how", [{"flag": 1}, {"method": 99}, {"method": 8}, {"method": 12}, {"method": 14}])
def test_zips_that_cannot_be_unpacked_are_refused(how):
    assert_refused(lambda: open_torch(packed(**how), PT2), "model.pt2", "damaged", "export the run again")


def renamed(content, given="images", answer="logits", **changes):
    """An .onnx file whose ends are called otherwise, or whose description says something else."""
    model = onnx.load_from_string(content)
    names = {model.graph.input[0].name: given, model.graph.output[0].name: answer}
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
    model.graph.input[0].name, model.graph.output[0].name = given, answer
    model.metadata_props[0].value = describing(**changes).to_json()
    return model.SerializeToString()


@pytest.mark.parametrize("names", [{"given": "x"}, {"answer": "y"}])
def test_an_onnx_file_with_other_ends_is_refused(files, names):
    content = renamed(files[1], **names)
    assert_refused(lambda: open_onnx(content, ONNX), "damaged", *names.values(), "images, logits")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ("a", "b")}, ("float32 (2, 3)", "float32 (2, 2)", "damaged")),
        ({"image_size": (1, 4, 4)}, ("cannot take 2 images of (1, 8, 8)",)),
        ({"pixels": "float32"}, ("cannot take 2 images",)),
    ],
)
@pytest.mark.parametrize("form", [ONNX, PT2])
def test_answers_that_are_not_as_described_are_refused(files, tmp_path, form, changes, words):
    """What a file says of itself is believed of the images that go in, not of what comes out."""
    description = describing(**changes)
    if form == ONNX:
        content = renamed(files[1], **changes)
    else:
        content = torch_bytes(recorded(nearest(), describing()), description)
    (tmp_path / form).write_bytes(content)
    predictor = open_exported(tmp_path / form)
    assert predictor.description == description
    images = torch.zeros(2, *description.image_size, dtype=getattr(torch, description.pixels))
    words = [word.replace("(1, 8, 8)", str(description.image_size)) for word in words]
    assert_refused(lambda: predictor.answer(images), form.name, *words, "export the run again")


def test_files_of_others_are_refused(files, tmp_path):
    model = onnx.load_from_string(files[1])
    del model.metadata_props[:]
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt2")
    for name in ("other.onnx", "other.pt2"):
        assert_refused(lambda name=name: open_exported(tmp_path / name), name, "not written by imb-export")


def test_a_file_is_opened_by_its_ending(files, tmp_path):
    for name, content in (("a.ONNX", files[1]), ("b.pt2", files[2])):
        (tmp_path / name).write_bytes(content)
        assert open_exported(tmp_path / name).description == describing()
    assert_refused(lambda: open_exported(tmp_path / "run.ckpt"), "run.ckpt", ".onnx or .pt2")
    assert_refused(lambda: open_exported(tmp_path / "no.onnx"), "no.onnx", "cannot be read")
