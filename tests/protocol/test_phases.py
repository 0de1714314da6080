"""Phases as Python sees them and as the arena does, through the lives of tasks that end in every way."""

import re
from collections.abc import Callable, Iterator

import play
from network import ROOT, Network

from protocol.phases import Phase, SubmissionState, deadline, phase


def tasks_of_every_kind(network: Network) -> dict[str, int]:
    """Staked and committed, nothing revealed yet."""
    ids = {name: play.create_task(network) for name in ("empty", "cancelled", "lonely", "silent", "late")}
    ids["whole"] = play.create_task(network, challenge_window=100, appeal_panel_size=4, appeal_bond=1)
    network.chain(1).send("Arena", "cancelTask", ids["cancelled"])
    for trainer, name in enumerate(("lonely", "silent", "late", "whole"), 2):
        play.commit(network, ids[name], trainer)
        play.register(network, ids[name], 10)
        if name != "lonely":  # the quorum is two
            play.register(network, ids[name], 11)
    return ids


def milestones(network: Network, ids: dict[str, int]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each window, and what is done once it is over."""

    def reveal() -> None:
        for trainer, name in ((4, "late"), (5, "whole")):
            play.reveal(network, ids[name], 1, trainer)

    def release() -> None:
        network.chain(1).send("Arena", "releaseKey", ids["whole"], play.KEY)
        network.decide(ids["whole"])
        network.chain(1).send("Arena", "drawPanel", ids["whole"], 1)

    def settle() -> None:  # nobody scored: a second attempt follows
        network.chain(1).send("Arena", "settle", ids["whole"], 1)
        network.chain(1).send("Arena", "redraw", ids["whole"])

    yield "commit", reveal
    yield "reveal", release
    yield "score_commit", lambda: None
    yield "score_reveal", lambda: None
    yield "challenge", settle
    yield "key", lambda: None


def seen(network: Network, ids: dict[str, int]) -> set[Phase]:
    """The phases of all tasks at the newest block, which both sides must agree on."""
    chain, head = network.chain(), network.chain().head()
    both = []
    for task_id in [*ids.values(), 77]:
        task = chain.task(task_id)
        both.append((phase(task, head.timestamp), Phase(chain.call("Arena", "phase", task_id))))
        check_deadline(phase(task, head.timestamp), deadline(task, head.timestamp), head.timestamp)
    assert [mine for mine, _ in both] == [theirs for _, theirs in both]
    return {mine for mine, _ in both}


def check_deadline(now: Phase, ends: int | None, timestamp: int) -> None:
    timed = {Phase.COMMIT, Phase.REVEAL, Phase.KEY, Phase.SCORE_COMMIT, Phase.SCORE_REVEAL, Phase.CHALLENGE}
    assert (ends is not None) == (now in timed)
    assert ends is None or ends > timestamp


def test_phases_are_the_arenas(network: Network) -> None:
    ids = tasks_of_every_kind(network)
    phases = seen(network, ids)
    for window, act in milestones(network, ids):
        last = max(network.chain().task(task_id)[f"{window}_ends"] for task_id in ids.values())
        for at in (network.chain().task(ids["whole"])[f"{window}_ends"] - 1, last):
            if at > network.chain().head().timestamp:
                network.set_time(at)
            phases |= seen(network, ids)
        act()
        phases |= seen(network, ids)
    for name in ("empty", "late"):
        network.chain(1).send("Arena", "finalize", ids[name])
        phases |= seen(network, ids)
    assert phases == set(Phase)


def test_a_deadline_is_the_first_second_of_the_next_phase(network: Network) -> None:
    task = network.chain().task(play.create_task(network))
    assert deadline(task, task.commit_ends - 1) == task.commit_ends
    assert phase(task, task.commit_ends - 1) == Phase.COMMIT
    assert phase(task, task.commit_ends) == Phase.ABANDONED
    assert deadline(task, task.commit_ends) is None


def test_names_are_those_of_the_interface() -> None:
    source = (ROOT / "contracts" / "interfaces" / "IArena.sol").read_text()
    for name, ours in (("Phase", Phase), ("SubmissionState", SubmissionState)):
        body = re.search(rf"enum {name} {{(.*?)}}", source, re.DOTALL)
        assert body is not None
        theirs = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper() for word in re.findall(r"\w+", body[1])]
        assert theirs == [member.name for member in ours]
