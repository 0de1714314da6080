"""`skein validator audit`: reports of honest validators hold, and every way of inventing one is found."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile.models import MODELS
from operators import operator_shell
from shell import Shell
from world import World

from node.output import NotFound
from protocol.encoding import ScoreEntry
from protocol.errors import ConfigInvalid
from protocol.reports import Evaluation, read_report, write_report, write_verdict
from protocol.tasks.runs import MODEL_FILE
from validator.arena import ArenaValidator
from validator.evaluation import Case, Finding, read_finding


class Liar(ArenaValidator):
    """Publishes something else than what it found."""

    _lied: set[Path]

    def find(self, *args: Any) -> Finding | None:
        finding = super().find(*args)
        if finding is None:
            return None
        self._lied = getattr(self, "_lied", set())
        if finding.report not in self._lied:
            self._lied.add(finding.report)
            told = read_report(finding.report)
            if isinstance(told, Evaluation):
                self.lie(finding.report, told)
        return read_finding(finding.report)

    def lie(self, folder: Path, told: Evaluation) -> None:
        raise NotImplementedError


def rewrite(folder: Path, told: Evaluation, **changes: Any) -> None:
    words = {"spec": told.report.spec, "model": told.report.model, "metric": told.report.metric}
    words |= {"losses": told.losses, "values": told.values} | changes
    shutil.rmtree(folder)
    write_report(folder, **words)


class Shuffler(Liar):
    """The right score, and samples that were never evaluated."""

    def lie(self, folder: Path, told: Evaluation) -> None:
        order = np.random.default_rng(1).permutation(len(told.losses))
        rewrite(folder, told, losses=told.losses[order], values=told.values[order])


class Shortener(Liar):
    """Evaluates nine samples of ten."""

    def lie(self, folder: Path, told: Evaluation) -> None:
        part = len(told.losses) * 9 // 10
        rewrite(folder, told, losses=told.losses[:part], values=told.values[:part])


class Borrower(Liar):
    """A report on another model."""

    def lie(self, folder: Path, told: Evaluation) -> None:
        rewrite(folder, told, model="0x" + "12" * 32)


class Slanderer(Liar):
    """A verdict on a good model."""

    def lie(self, folder: Path, told: Evaluation) -> None:
        shutil.rmtree(folder)
        write_verdict(folder, spec=told.report.spec, model=told.report.model, verdict="invalid", reason="so it is")


class Withholder(Liar):
    """Reveals the digest of a report that nobody gets to see."""

    def lie(self, folder: Path, told: Evaluation) -> None:
        rewrite(folder, told, losses=told.losses + 1)

    def _publish(self, task_id: int, case: Case, entries: Sequence[ScoreEntry]) -> bool:
        return True


CHEATS: dict[int, tuple[type[ArenaValidator], str]] = {
    4: (Shuffler, "samples come out differently"),
    5: (Shortener, "the held-out set has 171"),
    6: (Borrower, "about another specification or model"),
    7: (Slanderer, "it says invalid, but it is scored"),
    8: (Withholder, "does not have"),
}


@pytest.fixture
def auditor(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return operator_shell(world.network, tmp_path, monkeypatch, 2)


def test_honest_reports_hold_and_invented_ones_are_found(world: World, auditor: Shell) -> None:
    task = world.task(panel_size=6, quorum=2)
    world.entrant(2, task)
    world.entrant(10, task, {MODEL_FILE: MODELS["NaN"][0]()})
    world.validator(3)
    for account, (kind, _) in CHEATS.items():
        world.validator(account, kind)
    world.work()
    world.pass_to(task, "commit_ends")
    world.pass_to(task, "reveal_ends")
    with pytest.raises(ConfigInvalid, match="still sealed"):
        auditor.run("validator", "audit", str(task))
    world.release(task)
    world.score(task)
    found = json.loads(auditor.run("validator", "audit", str(task), "--samples", "60", "--json", code=6).stdout)
    said = {(each["submission"], each["validator"]): each for each in found}
    assert len(said) == 12
    assert said[1, auditor.address(3)]["holds"] and said[1, auditor.address(3)]["appeal"] is None
    assert said[1, auditor.address(3)]["samples"] == 60
    for account, (_, told) in CHEATS.items():
        assert told in said[1, auditor.address(account)]["fault"]
        assert "cannot be appealed" in said[1, auditor.address(account)]["appeal"]
    honest = [
        each["holds"] for (submission, who), each in said.items() if submission == 2 and who != auditor.address(8)
    ]
    assert honest == [True] * 5  # all saw NaN in the second model
    assert_for_people(auditor, task)


def assert_for_people(auditor: Shell, task: int) -> None:
    words = ("validator", "audit", str(task), "--submission", "1", "--validator")
    told = auditor.run(*words, auditor.address(3), "--seed", "7").stdout
    assert "holds (20 samples)" in told and "1 of 1 reports hold" in told
    told = auditor.run(*words, auditor.address(5), code=6).stdout
    assert "FAILS: it tells of 153 samples" in told and "skein validator score 0x" in told
    assert "The result of submission 1 cannot be appealed" in told
    with pytest.raises(NotFound, match="No score of task 1 was revealed"):
        auditor.run(*words, auditor.address(9))
    with pytest.raises(ConfigInvalid, match="must lie between 1 and 400"):
        auditor.run("validator", "audit", str(task), "--samples", "500")
