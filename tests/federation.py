"""Drives the alliance through whole lives of federations, by contract calls alone, so that every event occurs."""

from typing import Any

from life import CREATOR, DELEGATORS, SALT, TRAINERS, VALIDATORS, Life, digest
from network import SKEIN

from protocol.encoding import ballot_commitment, update_commitment

WINDOW = 1_000
TALLY, ATTEST = 7, 8
DATA = (120, digest("schema"), digest("rows"))
FEDERATION: dict[str, Any] = {
    "spec_digest": digest("federation"),
    "model_digest": digest("first model"),
    "bounty": 100 * SKEIN,
    "min_stake": 10 * SKEIN,
    "floor_stake": 995 * SKEIN // 100,
    "rounds": 2,
    "proposers": 3,
    "committee": 3,
    "quorum": 2,
    "min_members": 5,
    "silent_slash": SKEIN // 50,
    "rest_window": 0,
    "commit_window": WINDOW,
    "reveal_window": WINDOW,
    "vote_window": WINDOW,
    "ballot_window": WINDOW,
    "attest_window": WINDOW,
    "invited": False,
}


class Federated:
    """One federation; accounts by their index in the network."""

    def __init__(self, life: Life, **parameters: Any) -> None:
        self.life, self.network = life, life.network
        self.alliance = self.network.deployment.address("Alliance")
        chain = self.network.chain(CREATOR)
        for account in (CREATOR, *DELEGATORS[:1]):
            life.send(account, "SkeinToken", "approve", self.alliance, 10**30)
        life.send(CREATOR, "Alliance", "createFederation", tuple({**FEDERATION, **parameters}.values()))
        self.id = int(chain.call("Alliance", "federationCount"))
        self.round = 0
        self.members: dict[str, int] = {}

    def send(self, account: int, function: str, *args: Any) -> None:
        self.life.send(account, "Alliance", function, self.id, *args)

    def join(self, *accounts: int) -> None:
        for account in accounts:
            self.send(account, "join", 10 * SKEIN, DATA)
            self.members[self.life.address(account)] = account

    def join_again(self) -> None:
        """All who were evicted or left."""
        self.join(*[account for account in self.members.values() if not _seated(self, account)])

    def draw(self, expire: bool = False) -> None:
        self.send(CREATOR, "startRound")
        self.round += 1
        self.network.mine(300 if expire else 2)
        if expire:
            self.send(CREATOR, "renewRoundSeed")
            self.network.mine(2)
        self.network.prove(self.network.chain().call("Alliance", "round", self.id, self.round).seed_ticket)
        self.send(CREATOR, "drawRound")

    def roles(self) -> list[int]:
        """Of all slots, the account."""
        drawn = self.network.chain().call("Alliance", "roles", self.id, self.round)
        return [self.members[address] for address in drawn]

    def salted(self, account: int) -> tuple[int, str, int, int, str]:
        deployment = self.network.deployment
        return deployment.chain_id, self.alliance, self.id, self.round, self.life.address(account)

    def propose(self, digests: dict[int, str]) -> None:
        for account, update in digests.items():
            self.send(account, "commitUpdate", update_commitment(*self.salted(account), update, SALT))
        self.network.sleep(WINDOW)
        for account, update in digests.items():
            self.send(account, "revealUpdate", update, SALT)
        self.network.sleep(WINDOW)

    def vote(self, ballots: dict[int, tuple[int, int]]) -> None:
        for account, ballot in ballots.items():
            self.send(account, "commitBallot", ballot_commitment(*self.salted(account), *ballot, SALT))
        self.network.sleep(WINDOW)
        for account, ballot in ballots.items():
            self.send(account, "revealBallot", *ballot, SALT)
        self.network.sleep(WINDOW)

    def attest(self, voters: list[int], model: str) -> None:
        """Until the model is final."""
        for voter in voters:
            if self.network.chain().call("Alliance", "phase", self.id) in (TALLY, ATTEST):
                self.send(voter, "attest", model)

    def settle(self, *limits: int) -> None:
        for limit in limits or (64,):
            self.send(DELEGATORS[0], "settleRound", limit)


def federate(life: Life) -> Federated:
    """Everything that can happen to a federation, in two paid rounds and one that does not count."""
    f = Federated(life)
    f.send(DELEGATORS[0], "fundFederation", 7 * SKEIN)
    f.send(CREATOR, "invite", life.address(DELEGATORS[0]), True)
    f.join(*TRAINERS[:3], *VALIDATORS)
    f.send(TRAINERS[0], "commitData", (121, *DATA[1:]))
    f.send(TRAINERS[0], "addStake", SKEIN)
    f.send(TRAINERS[2], "leave")
    f.draw(expire=True)
    one, two, three, *voters = f.roles()
    f.propose({one: digest("one"), two: digest("two"), three: digest("one")})
    f.vote(dict.fromkeys(voters, (1, 2)))
    f.send(CREATOR, "tally")
    f.attest(voters, digest("next"))
    f.settle(2, 64)
    f.send(CREATOR, "claim", life.address(one))
    f.join_again()  # the second was evicted
    f.draw()
    f.network.sleep(3 * WINDOW)
    f.settle()
    f.join_again()
    f.draw()
    one, two, three, *voters = f.roles()
    f.propose({one: digest("later"), two: digest("one")})
    f.vote({voters[0]: (1, 0), voters[1]: (0, 1)})
    f.network.sleep(WINDOW)
    f.settle()
    _another_paid_round(f)
    f.send(CREATOR, "endFederation")
    return f


def _seated(f: Federated, account: int) -> bool:
    return bool(f.network.chain().call("Alliance", "member", f.id, f.life.address(account)).seat)


def _another_paid_round(f: Federated) -> None:
    while f.network.chain().call("Alliance", "federation", f.id).rounds_left:
        f.join_again()
        f.draw()
        one, two, three, *voters = f.roles()
        f.propose({account: digest(f"{f.round} {account}") for account in (one, two, three)})
        f.vote(dict.fromkeys(voters, (7, 0)))
        f.attest(voters[:2], digest(f"model {f.round}"))
        f.network.sleep(WINDOW)
        f.settle()
    for address, account in f.members.items():
        if f.network.chain().call("Alliance", "member", f.id, address).earned:
            f.send(CREATOR, "claim", address)
        if _seated(f, account):
            f.send(account, "leave")
