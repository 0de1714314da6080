import threading
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from node.jobs import Jobs
from protocol.errors import ArtifactMissing, SpecInvalid


def settled(jobs: Jobs) -> Jobs:
    jobs.wait(10)
    return jobs


def test_a_result_is_there_once_the_work_is_done() -> None:
    jobs, gate = Jobs(workers=1), threading.Event()
    assert jobs.result("a", lambda: gate.wait(10)) is None
    assert jobs.busy
    gate.set()
    assert settled(jobs).result("a", lambda: pytest.fail("started twice")) is True
    assert not jobs.busy


def test_no_more_workers_than_told_run_at_once() -> None:
    jobs, running, most = Jobs(workers=2), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1

    for key in range(6):
        jobs.result(key, work)
    jobs.wait(10)
    assert most == 2


def test_a_failure_is_raised_once_where_the_result_is_asked_for() -> None:
    def fail() -> None:
        gate.wait(10)
        raise SpecInvalid("no good")

    jobs, gate = Jobs(workers=1), threading.Event()
    assert jobs.result("a", fail) is None
    gate.set()
    with pytest.raises(SpecInvalid, match="no good"):
        settled(jobs).result("a", fail)
    assert jobs.result("a", fail) is None
    assert not jobs.busy


def test_what_failed_is_tried_again_after_a_pause_that_grows() -> None:
    tries = []

    def fail() -> None:
        tries.append(time.monotonic())
        raise ArtifactMissing("not yet")

    jobs = Jobs(workers=1, first_pause=0.1, longest_pause=0.3)
    while len(tries) < 4:
        try:
            jobs.result("a", fail)
        except ArtifactMissing as error:
            assert "not yet" in str(error)
        time.sleep(0.005)
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.3


def test_success_forgets_the_failures_before_it() -> None:
    outcomes = iter([ArtifactMissing("not yet"), 42])

    def work() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, ArtifactMissing):
            raise outcome
        return int(outcome)

    jobs, found = Jobs(workers=1, first_pause=0.01), None
    while found is None:
        with suppress(ArtifactMissing):
            found = jobs.result("a", work)
    assert found == 42
    assert not jobs._failures
