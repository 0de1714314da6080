"""How a member comes into its federation, with which stake, and how it gets out again."""

import logging
from functools import partial

from node.amounts import format_amount
from node.history import events_of
from protocol.calls import Record
from protocol.encoding import ascii32
from protocol.errors import ConfigInvalid
from protocol.federated.phases import Phase
from trainer.federated.opening import Opened
from trainer.federated.privacy import BudgetExceeded

logger = logging.getLogger(__name__)


class Membership(Opened):
    """Joins, tops the pool up, claims, leaves: once each, whatever happens between."""

    is_over = False

    def _join_or_end(self, federation: Record, phase: Phase, member: Record) -> None:
        if member.earned:
            self._send(f"claim:{federation.round}:{member.earned}", "claim", self.chain.address)
        if phase == Phase.ENDED or not federation.rounds_left:
            self.is_over = True
            return
        left = self._times_out() if int(member.account, 16) else 0
        if left and not self._joins_again():
            return
        self._check_time(federation)
        work = self.work(federation)
        if work is None:
            return
        try:
            work.check_affordable()
        except BudgetExceeded as error:
            raise ConfigInvalid(f"Federation {self.id} is not joined: {error}") from None
        stake = self._stake(federation)
        data = (work.facts.rows, work.spec.schema_hash, work.facts.root)
        self._send(f"join:{left}" if left else "join", "join", stake, data)
        self._again = False
        logger.info("Joined federation=%s stake=%s rows=%s", self.id, format_amount(stake), work.facts.rows)

    def _check_time(self, federation: Record) -> None:
        names = ("commit", "reveal", "vote", "ballot", "attest")
        haste = self.settings.haste(*(federation.parameters[f"{name}_window"] for name in names))
        if haste is not None:
            raise ConfigInvalid(f"Federation {self.id} is not joined: {haste}")

    def _times_out(self) -> int:
        """How often this account has left or was put out."""
        removed = events_of(self.chain, "Alliance.MemberRemoved", federation_id=self.id, member=self.chain.address)
        self._why_out = ascii32(removed[-1].args["reason"]) if removed else ""
        return len(removed)

    def _joins_again(self) -> bool:
        if self._again:
            return True
        self.is_over = True
        if self._why_out == "evicted":
            raise ConfigInvalid(
                f"This account is out of federation {self.id}: its stake fell too low. Join again with --again."
            )
        logger.info("This account has left federation=%s; --again joins once more", self.id)
        return False

    def _leave(self, name: str) -> None:
        """Be drawn no more; a role that there is goes on to its settlement."""
        self._send(name, "leave")

    # --- stake

    def _stake(self, federation: Record) -> int:
        least = int(federation.parameters.min_stake)
        most = least * int(self.chain.call("Alliance", "MAX_STAKE_RATIO"))
        wanted, limit = min(max(least, self.settings.stake), most), self.settings.max_stake
        if wanted > limit:
            raise ConfigInvalid(
                f"Federation {self.id} asks for {format_amount(least)} SKEIN of stake, the limit is "
                f"{format_amount(limit)} (--max-stake)."
            )
        free = int(self.chain.call("Staking", "lockable", self.chain.address))
        if free < wanted:
            self._top_up(wanted - free)
        return wanted

    def _top_up(self, missing: int) -> None:
        own, needs = int(self.chain.pool(self.chain.address).own.assets), format_amount(missing)
        if own + missing > self.settings.auto_stake:
            raise ConfigInvalid(
                f"Federation {self.id} needs {needs} SKEIN more than the pool has free: `skein stake deposit {needs}`, "
                "or allow deposits with --auto-stake."
            )
        if self.chain.token_balance(self.chain.address) < missing:
            raise ConfigInvalid(f"Federation {self.id} needs {needs} SKEIN more than {self.chain.address} has.")
        name = partial("{}:{}:{}".format, self._key("stake"), own)
        staking = self.chain.deployment.address("Staking")
        self.sender.send(name("approve"), "SkeinToken", "approve", staking, missing)
        self.sender.send(name("deposit"), "Staking", "deposit", self.chain.address, missing, self.chain.address)
        logger.info("Deposited %s SKEIN of stake for federation=%s", needs, self.id)
