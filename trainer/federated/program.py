"""From settings to a running member of a federation: what `skein trainer join` does."""

import logging

from node.freshness import Freshness
from node.locks import lock_account
from node.loop import Loop
from node.program import open_means
from node.rehearsal import Rehearsed
from protocol.errors import ConfigInvalid
from trainer.federated.local import open_local
from trainer.federated.member import FederationMember
from trainer.federated.settings import MemberSettings
from trainer.settings import TrainerClient

logger = logging.getLogger(__name__)

_MOST_TICKS = 25  # of `--once`: what is refused again and again must not keep it here


def take_part(
    client: TrainerClient, settings: MemberSettings, federation: int, once: bool, dry_run: bool = False
) -> None:
    """Be a member until the federation is over, or told to stop; with `dry_run` say what would be sent first.

    ConfigInvalid for what a member must change.
    """
    if not settings.data:
        raise ConfigInvalid("Say where the data are with --data: a CSV or Parquet file, a folder, sql:… or python:….")
    account = client.account()
    if (means := open_means(client, account, "member", dry_run, patient=not (once or dry_run))) is None:
        return
    with means.journal, lock_account(means.chain, account.address, client.home):
        member = FederationMember(
            means, federation, settings, lambda spec: open_local(settings.data, spec, settings.effort())
        )
        logger.info("Working as %s in %s", means.chain.address, member.folder)
        try:
            if once or dry_run:
                settle_down(member)
            else:
                _loop(member, client.poll_seconds)
        except Rehearsed as told:
            logger.info("%s", told)
        finally:
            member.close()


def settle_down(member: FederationMember) -> None:
    """Tick until nothing runs beside the loop and nothing is left that a tick would do, but not for ever."""
    for _ in range(_MOST_TICKS):
        if member.is_over:
            return
        finished = member.jobs.finished
        member.tick()
        if not member.busy and member.jobs.finished == finished:
            return
        member.jobs.wait()


def _loop(member: FederationMember, poll_seconds: float) -> None:
    freshness = Freshness(member.chain, member.means.confirmations)

    def tick() -> None:
        freshness.look()
        member.tick()
        if member.is_over:
            logger.info("Federation %s is over for this account", member.id)
            loop.stop()

    loop = Loop(tick, poll_seconds, "member")
    loop.run()
