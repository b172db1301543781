"""imb-report as people call it."""

import subprocess
import sys


def call(*arguments, cwd):
    command = [sys.executable, "-c", "from lightning_imb.report import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_the_table_comes_out_and_nothing_is_left_behind(make_run, tmp_path):
    for seed, bacc in enumerate((0.5, 0.6)):
        make_run(f"erm/seed={seed}", seed=seed, bacc=bacc)
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    for key in ("sweep", "folder"):
        result = call(f"{key}={tmp_path / 'sweep'}", "metrics=[test/bacc]", cwd=cwd)
        assert result.returncode == 0, result.stderr
        assert "0.550 ± 0.071" in result.stdout
        assert "2 finished runs" in result.stdout
    assert list(cwd.iterdir()) == []


def test_bad_input_is_one_sentence(tmp_path):
    result = call(f"sweep={tmp_path / 'nowhere'}", cwd=tmp_path)
    assert result.returncode == 1
    assert "There is no folder" in result.stderr
    assert "Traceback" not in result.stderr
