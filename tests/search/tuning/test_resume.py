from __future__ import annotations

import json
import logging
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess as Process
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from search.encoders.compact.heads import save_heads
from search.errors import InvalidWeights
from search.tuning.checkpoints import (
    FILE,
    CheckpointSettings,
    CheckpointStore,
    pack_state,
    unpack_state,
)
from search.tuning.fit import fit
from search.tuning.provenance import read_record, to_metadata
from search.tuning.trainer import Trainer
from tests.search.tuning.toy import RECIPE, same_weights, toy_pairs

KILLED = replace(RECIPE, epochs=40, patience=40, batch=200, hard_negatives=2, hard_every=3)

CLEAN = get_context("forkserver")
"""Forks from a process that has loaded the libraries but never used them: a fork of this one
could inherit a lock."""
CLEAN.set_forkserver_preload([__name__])


def train(folder: Path | None, out: Path) -> None:
    torch.set_num_threads(1)
    fitted = fit(
        toy_pairs(),
        KILLED,
        checkpoint=folder and CheckpointSettings(folder, every_epochs=2, every_seconds=0),
    )
    save_heads(out, fitted.picture, fitted.text, to_metadata(fitted.record))


def started(folder: Path, out: Path) -> Process:
    """Another process at work."""
    process = CLEAN.Process(target=train, args=(folder, out))
    process.start()
    return process


def killed(process: Process, checkpoint: Path, seconds: float) -> bool:
    """Wait for the process's first checkpoint, then this long, and kill. False when it was done
    before."""
    before = written(checkpoint)
    while written(checkpoint) == before and process.is_alive():
        time.sleep(0.001)
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_killed_at_random_moments_gives_the_same_bytes(tmp_path: Path) -> None:
    folder, out, whole = tmp_path / "checkpoint", tmp_path / "resumed", tmp_path / "whole"
    train(None, whole)
    reached = []
    for _ in range(3):
        assert killed(started(folder, out), folder / FILE, random.uniform(0, 0.04)), (
            "done too soon to be killed"
        )
        reached.append(epochs_of(folder / FILE))
    last = started(folder, out)
    last.join()
    assert last.exitcode == 0
    assert reached == sorted(set(reached)) and reached[0] > 0 and reached[-1] < KILLED.epochs
    assert out.read_bytes() == whole.read_bytes()
    assert not any(folder.iterdir()), "a checkpoint is removed after success"


def written(checkpoint: Path) -> int:
    return checkpoint.stat().st_mtime_ns if checkpoint.is_file() else 0


def epochs_of(checkpoint: Path) -> int:
    with safe_open(checkpoint, "pt") as file:
        names = {name: name for name in file.keys()}  # noqa: SIM118
        state = unpack_state(json.loads(file.metadata()["state"]), names)
    return len(state["losses"])


class Interrupted(Exception):
    """Stands for a kill, at an exact moment."""


@pytest.mark.parametrize("epoch", [1, 5])
@pytest.mark.parametrize("hard", [0, 2])
def test_resumed_weights_are_equal_bit_by_bit(
    tmp_path: Path, epoch: int, hard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(
        RECIPE, epochs=6, objectives={"info_nce": 1.0, "sigmoid": 0.1}, hard_negatives=hard
    )
    whole = fit(toy_pairs(), recipe)
    checkpoints = CheckpointSettings(tmp_path, every_seconds=0)
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Trainer, "run_epoch", stopping_after(epoch))
        fit(toy_pairs(), recipe, checkpoint=checkpoints)
    torch.manual_seed(99)
    resumed = fit(toy_pairs(), recipe, checkpoint=checkpoints)
    assert resumed.losses == whole.losses and resumed.precisions == whole.precisions
    assert same_weights(whole.picture, resumed.picture) and same_weights(whole.text, resumed.text)


def stopping_after(epoch: int) -> Callable[[Trainer], None]:
    original = Trainer.run_epoch

    def run_epoch(trainer: Trainer) -> None:
        if len(trainer.losses) == epoch:
            raise Interrupted
        original(trainer)

    return run_epoch


def interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint after two epochs."""
    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Trainer, "run_epoch", stopping_after(2))
        fit(toy_pairs(), RECIPE, checkpoint=CheckpointSettings(folder, every_seconds=0))
    return folder / FILE


def test_a_checkpoint_of_another_recipe_or_other_data_is_logged_and_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path, monkeypatch)
    short = replace(RECIPE, epochs=1)
    with caplog.at_level(logging.WARNING):
        found = fit(toy_pairs(), short, checkpoint=CheckpointSettings(tmp_path, every_epochs=5))
    assert "another recipe or other data" in caplog.text
    assert same_weights(found.picture, fit(toy_pairs(), short).picture)
    interrupted(tmp_path, monkeypatch)
    caplog.clear()
    fit(toy_pairs(seed=1), replace(RECIPE, epochs=1), checkpoint=tmp_path)
    assert "another recipe or other data" in caplog.text


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = interrupted(tmp_path, monkeypatch)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InvalidWeights, match="Delete it"):
        fit(toy_pairs(), RECIPE, checkpoint=tmp_path)


def test_a_half_written_checkpoint_is_ignored_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = interrupted(tmp_path, monkeypatch)
    path.with_name(f".{FILE}.killed.part").write_bytes(path.read_bytes()[:1000])
    fit(toy_pairs(), RECIPE, checkpoint=tmp_path)
    assert not list(tmp_path.iterdir())


def test_checkpoints_are_saved_when_epochs_and_seconds_have_passed(tmp_path: Path) -> None:
    store = CheckpointStore(CheckpointSettings(tmp_path, every_epochs=3, every_seconds=0), "digest")
    found = []
    for number in range(7):
        store.save_if_due({"number": number})
        state = store.read()
        found.append(state and state["number"])
    assert found == [None, None, 2, 2, 2, 5, 5]
    patient = CheckpointStore(
        CheckpointSettings(tmp_path / "patient", every_seconds=3600), "digest"
    )
    patient.save_if_due({"number": 1})
    assert patient.read() is None


def test_states_are_packed_without_loss() -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    state = {
        "a": {0: shared, 1: shared.T},
        "b": (0.1, -1e-300, 2**127, None, True),
        "c": [shared[0], "text"],
    }
    tensors: dict[str, torch.Tensor] = {}
    found = unpack_state(json.loads(json.dumps(pack_state(state, tensors))), tensors)
    assert found["b"] == state["b"] and found["c"][1] == "text"
    assert torch.equal(found["a"][1], shared.T) and torch.equal(found["c"][0], shared[0])


def test_record_is_read_back_and_weights_without_one_are_refused(tmp_path: Path) -> None:
    fitted = fit(toy_pairs(), replace(RECIPE, epochs=1))
    save_heads(tmp_path / "with", fitted.picture, fitted.text, to_metadata(fitted.record))
    save_heads(tmp_path / "without", fitted.picture, fitted.text)
    assert read_record(tmp_path / "with") == fitted.record
    with pytest.raises(InvalidWeights, match="without a configuration record"):
        read_record(tmp_path / "without")
