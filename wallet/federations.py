"""Federations on the chain: what a creator, a member, or anyone, can do with them. Functions here build actions."""

from dataclasses import dataclass

from node.amounts import format_amount, format_duration
from node.output import NotFound
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from protocol.federated.phases import Phase, deadlines
from protocol.federated.phases import phase as phase_of
from protocol.seeds import seed_proof
from wallet.actions import Action, Call, Figure, with_approval
from wallet.stakes import require, wallet_figure

_SETTLED_AT_ONCE = 24


@dataclass(frozen=True)
class Federation:
    """A federation at one moment: its record on chain, its phase at the chain's time `now`, its newest round."""

    id: int
    record: Record
    phase: Phase
    now: int
    round: Record | None


def words(phase: Phase) -> str:
    """VOTE_COMMIT is "vote commit" to people."""
    return phase.name.lower().replace("_", " ")


def read(chain: Chain, number: int) -> Federation:
    """The federation; NotFound when there is none with this number."""
    count = int(chain.call("Alliance", "federationCount"))
    if not 1 <= number <= count:
        raise NotFound(f"Federation {number} does not exist: there are {count} federations.")
    return _read(chain, number)


def _read(chain: Chain, number: int) -> Federation:
    block = chain.head().number
    record = chain.call("Alliance", "federation", number, block=block)
    newest = chain.call("Alliance", "round", number, record.round, block=block) if record.round else None
    now = chain.now()
    return Federation(number, record, phase_of(record, newest, now), now, newest)


def newest(chain: Chain, limit: int) -> list[Federation]:
    """The newest federations, newest first."""
    count = int(chain.call("Alliance", "federationCount"))
    return [_read(chain, number) for number in range(count, max(0, count - limit), -1)]


def members(chain: Chain, federation: Federation) -> list[Record]:
    """The records of all who ever joined; the first has number 1."""
    addresses = [chain.call("Alliance", "memberAt", federation.id, n) for n in range(1, federation.record.joined + 1)]
    return [chain.call("Alliance", "member", federation.id, address) for address in addresses]


def phase_ends(federation: Federation) -> int | None:
    """When the present phase ends by itself, timestamp; None where somebody must act."""
    if federation.phase is Phase.RESTING:
        return int(federation.record.rests_until)
    return deadlines(federation.record, federation.round).get(federation.phase) if federation.round else None


# --- what is sent


def fund(chain: Chain, funder: str, federation: Federation, assets: int) -> Action:
    """Add to the pool of rewards."""
    if federation.phase is Phase.ENDED:
        raise ConfigInvalid(f"Federation {federation.id} has ended.")
    require(chain, funder, assets)
    call = Call(f"add {format_amount(assets)} SKEIN to the pool", "Alliance", "fundFederation", (federation.id, assets))
    pool = Figure("pool", "Alliance", "federation", (federation.id,), lambda record: int(record.pool))
    return Action(with_approval(chain, funder, "Alliance", assets, call), (wallet_figure(funder), pool))


def invite(federation: Federation, creator: str, account: str, allowed: bool) -> Action:
    """Let an account join, or no longer."""
    if federation.record.creator != creator:
        raise ConfigInvalid(f"Only its creator {federation.record.creator} can invite to federation {federation.id}.")
    if not federation.record.parameters.invited:
        raise ConfigInvalid(f"Federation {federation.id} is open: everybody can join without an invitation.")
    what = f"invite {account}" if allowed else f"take back the invitation of {account}"
    return Action((Call(what, "Alliance", "invite", (federation.id, account, allowed)),))


def add_stake(chain: Chain, federation: Federation, account: str, assets: int) -> Action:
    """Lock more of the member's own pool for its seat: ballots weigh by stake."""
    member = _member(chain, federation, account)
    if not member.seat:
        raise ConfigInvalid(f"{account} is no member of federation {federation.id} any more.")
    if federation.phase is Phase.DRAW:
        raise ConfigInvalid(f"Stakes of federation {federation.id} are fixed while a round is being drawn.")
    free = int(chain.call("Staking", "lockable", account))
    if not 0 < assets <= free:
        raise ConfigInvalid(f"Between 0 and {format_amount(free)} SKEIN of your stake are free of locks.")
    most = int(federation.record.parameters.min_stake) * int(chain.call("Alliance", "MAX_STAKE_RATIO"))
    if member.stake + assets > most:
        raise ConfigInvalid(
            f"A seat of federation {federation.id} takes at most {format_amount(most)} SKEIN, and yours has "
            f"{format_amount(member.stake)}: join with another account for more."
        )
    call = Call(f"lock {format_amount(assets)} SKEIN more", "Alliance", "addStake", (federation.id, assets))
    seat = Figure("stake of the seat", "Alliance", "member", (federation.id, account), lambda record: int(record.stake))
    return Action((call,), (seat, Figure("free of locks", "Staking", "lockable", (account,))))


def leave(chain: Chain, federation: Federation, account: str) -> Action:
    """Never be drawn again; what was earned is paid with the stake: now, or by the settlement of a role."""
    member = _member(chain, federation, account)
    if not member.seat:
        raise ConfigInvalid(f"{account} is no member of federation {federation.id} any more.")
    if federation.phase is Phase.DRAW:
        raise ConfigInvalid(
            f"Nobody can leave federation {federation.id} while a round is being drawn: try again once it is, or draw "
            f"it with `skein federation push {federation.id}`."
        )
    return Action(
        (Call(f"leave federation {federation.id}", "Alliance", "leave", (federation.id,)),), _figures(account)
    )


def claim(chain: Chain, federation: Federation, account: str) -> Action:
    """What a member has earned, into its pool of the stake ledger."""
    member = _member(chain, federation, account)
    if not member.earned:
        raise ConfigInvalid(f"{account} has nothing to claim from federation {federation.id}.")
    what = f"claim {format_amount(member.earned)} SKEIN"
    call = Call(what, "Alliance", "claim", (federation.id, member.account), done_if="ZeroAmount")
    return Action((call,), _figures(account))


def _member(chain: Chain, federation: Federation, account: str) -> Record:
    member: Record = chain.call("Alliance", "member", federation.id, account)
    if not int(member.account, 16):
        raise ConfigInvalid(f"{account} never joined federation {federation.id}.")
    return member


def _figures(account: str) -> tuple[Figure, ...]:
    return (
        Figure("own stake", "Staking", "assetsOf", (account, account)),
        Figure("free of locks", "Staking", "lockable", (account,)),
    )


def end(chain: Chain, federation: Federation, caller: str) -> Action:
    """End it: what is left of the pool goes back to the creator."""
    record, number = federation.record, federation.id
    if federation.phase is not Phase.RESTING:
        raise ConfigInvalid(f"Federation {number} cannot be ended now: it is in the phase {words(federation.phase)}.")
    if record.rounds_left:
        idle_window = int(chain.call("Alliance", "IDLE_WINDOW"))
        idle = int(record.rests_until) + idle_window
        if record.creator != caller:
            raise ConfigInvalid(
                f"Federation {number} has {record.rounds_left} paid rounds left; until they are over only its creator "
                "can end it."
            )
        if federation.now < idle:
            raise ConfigInvalid(
                f"Federation {number} has {record.rounds_left} paid rounds left, and can be ended when no round has "
                f"started for {format_duration(idle_window)}: in {format_duration(idle - federation.now)}."
            )
    figure = wallet_figure(record.creator)
    return Action((Call(f"end federation {number}", "Alliance", "endFederation", (number,)),), (figure,))


def push(chain: Chain, federation: Federation, caller: str) -> Action:
    """What anyone may do now to bring the round on; ConfigInvalid says for what else it waits."""
    number, record, round_ = federation.id, federation.record, federation.round
    calls: list[Call] = []
    if federation.phase is Phase.RESTING:
        _may_start(federation)
        calls.append(Call("start a round", "Alliance", "startRound", (number,)))
    elif federation.phase is Phase.DRAW and round_ is not None:
        calls.extend(_draw(chain, number, int(round_.seed_ticket)))
    elif federation.phase is Phase.TALLY:
        calls.append(Call("count the ballots", "Alliance", "tally", (number,)))
    elif federation.phase is Phase.SETTLE and round_ is not None:
        left = round_.proposer_count + round_.voter_count - round_.settled
        for _ in range(-(-left // _SETTLED_AT_ONCE)):
            calls.append(Call(f"settle round {record.round}", "Alliance", "settleRound", (number, _SETTLED_AT_ONCE)))
    if not calls:
        raise ConfigInvalid(
            f"Federation {number} is in the phase {words(federation.phase)}, which only its members or time can end."
        )
    return Action(tuple(calls), (wallet_figure(caller),))


def _may_start(federation: Federation) -> None:
    record, number = federation.record, federation.id
    if not record.rounds_left:
        raise ConfigInvalid(f"All rounds of federation {number} are over: `skein federation end {number}`.")
    least = record.parameters.min_members
    if record.member_count < least:
        raise ConfigInvalid(f"Federation {number} has {record.member_count} members, a round needs {least}.")
    if federation.now < record.rests_until:
        waits = format_duration(int(record.rests_until) - federation.now)
        raise ConfigInvalid(f"Federation {number} rests for another {waits}.")


def _draw(chain: Chain, number: int, ticket: int) -> list[Call]:
    if chain.call("Randomness", "expired", ticket):
        return [Call("ask for a new seed", "Alliance", "renewRoundSeed", (number,))]
    calls = [Call("draw the round", "Alliance", "drawRound", (number,))]
    if (proof := seed_proof(chain, ticket)) is not None:
        calls.insert(0, Call("prove the seed", "Randomness", "prove", (ticket, proof)))
    return calls
