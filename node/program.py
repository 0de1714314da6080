"""From settings to a running client: key, lock, chain, journal, stores, loop."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from node.freshness import Freshness
from node.journal import Journal
from node.locks import lock_account
from node.loop import Loop
from node.metrics import Watch, endpoint
from node.participant import Means, Participant
from node.rehearsal import RehearsingSender, RehearsingStore
from node.sender import Sender
from node.settings import ClientSettings
from protocol.store import open_store

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount

logger = logging.getLogger(__name__)


def means_of(settings: ClientSettings, account: "LocalAccount", dry_run: bool = False, *, alone: bool = True) -> Means:
    """What a client of `account` works with; `alone` as in `Sender`. ConfigInvalid, ChainUnavailable."""
    chain = settings.chain(account)
    journal = Journal.open(settings.home, chain)
    sender_kind, store = (RehearsingSender if dry_run else Sender), open_store(settings.store)
    if dry_run:
        store = RehearsingStore(store.stores)
    sender = sender_kind(chain, journal, settings.confirmations, settings.bump_seconds, alone=alone)
    return Means(chain, sender, journal, store, journal.folder, settings.confirmations)


def open_means(
    settings: ClientSettings, account: "LocalAccount", name: str, dry_run: bool, *, patient: bool, alone: bool = True
) -> Means | None:
    """The same. Who is `patient` waits for a chain that does not answer and for a disk that is full, and gets None when
    told to stop meanwhile; others get StorageFailed, ChainUnavailable.
    """

    def make() -> Means:
        return means_of(settings, account, dry_run, alone=alone)

    return Loop(lambda: None, settings.poll_seconds, name).patiently(make) if patient else make()


def serve(
    settings: ClientSettings,
    make: Callable[[Means], Participant],
    name: str,
    once: bool = False,
    until: Callable[[Participant], bool] = lambda _: False,
    dry_run: bool = False,
) -> None:
    """Run a client until it is told to stop, or `until` holds; with `once` or `dry_run` until nothing is to do now.

    Who runs `once` does not wait for chain or disk. ConfigInvalid if another client runs with the key; with `once`,
    StorageFailed if the disk kept it from anything.
    """
    account = settings.account()
    if (means := open_means(settings, account, name, dry_run, patient=not (once or dry_run))) is None:
        return
    with means.journal, lock_account(means.chain, account.address, settings.home):
        participant = make(means)
        logger.info("Working as %s in %s", means.chain.address, means.work)
        try:
            if once or dry_run:
                settle_down(participant)
                if participant.hindrance is not None:
                    raise participant.hindrance
            else:
                with endpoint(settings.metrics_host, settings.metrics_port):
                    _loop(participant, means, settings.poll_seconds, name, until)
        finally:
            participant.close()


def _loop(
    participant: Participant, means: Means, poll_seconds: float, name: str, until: Callable[[Participant], bool]
) -> None:
    watch, freshness = Watch(participant, means, name), Freshness(means.chain, means.confirmations)

    def tick() -> None:
        with watch.tick():
            freshness.look()
            participant.tick()
        if participant.has_left:
            logger.info("Left: nothing is staked any more, and no task is looked after")
        if participant.has_left or until(participant):
            loop.stop()

    loop = Loop(tick, poll_seconds, name)
    loop.run()


def settle_down(participant: Participant) -> None:
    """Tick until nothing runs beside the loop and nothing is left that a tick would do."""
    while True:
        finished = participant.jobs.finished
        participant.tick()
        if not participant.busy and participant.jobs.finished == finished:
            return
        participant.jobs.wait()
