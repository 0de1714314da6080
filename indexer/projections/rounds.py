"""Alliance, a round after its draw: updates, ballots, verdicts, the next model, rewards and slashes."""

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.projections.alliance import pay
from indexer.projections.texts import word_text
from indexer.rows import Rows
from indexer.twins import Federation, FederationRound, Lock, Member, Role, Slash


@on("Alliance.UpdateCommitted")
def update_committed(rows: Rows, at: At, *, federation_id: int, round: int, proposer: str, commitment: str) -> None:
    """A proposer binds itself to an update that nobody can see."""
    rows.edit(Role, federation_id, round, proposer).commitment = commitment


@on("Alliance.UpdateRevealed")
def update_revealed(rows: Rows, at: At, *, federation_id: int, round: int, proposer: str, digest: str) -> None:
    """The update can be fetched."""
    rows.edit(Role, federation_id, round, proposer).digest = digest
    totals(rows).updates += 1


@on("Alliance.UpdateDuplicated")
def update_duplicated(rows: Rows, at: At, *, federation_id: int, round: int, proposer: str) -> None:
    """It is not the first with this update."""
    rows.edit(Role, federation_id, round, proposer).duplicate = True


@on("Alliance.BallotCommitted")
def ballot_committed(rows: Rows, at: At, *, federation_id: int, round: int, voter: str, commitment: str) -> None:
    """A voter binds itself to a ballot that nobody can see."""
    rows.edit(Role, federation_id, round, voter).commitment = commitment


@on("Alliance.BallotRevealed")
def ballot_revealed(
    rows: Rows, at: At, *, federation_id: int, round: int, voter: str, accepts: int, harms: int
) -> None:
    """What it accepts, and what it found harmful."""
    role = rows.edit(Role, federation_id, round, voter)
    role.accepts, role.harms = accepts, harms


@on("Alliance.RoundTallied")
def round_tallied(
    rows: Rows,
    at: At,
    *,
    federation_id: int,
    round: int,
    voting_stake: int,
    accepted: int,
    approved: int,
    harmful: int,
    refused: int,
) -> None:
    """The verdicts."""
    row = rows.edit(FederationRound, federation_id, round)
    row.state, row.voting_stake = "tallied", voting_stake
    row.accepted, row.approved, row.harmful, row.refused = accepted, approved, harmful, refused


@on("Alliance.ModelAttested")
def model_attested(rows: Rows, at: At, *, federation_id: int, round: int, voter: str, digest: str) -> None:
    """A voter says what the accepted updates aggregate to."""
    rows.edit(Role, federation_id, round, voter).digest = digest


@on("Alliance.ModelFinalized")
def model_finalized(rows: Rows, at: At, *, federation_id: int, round: int, digest: str) -> None:
    """More than two thirds say the same: the next round starts from it."""
    rows.edit(FederationRound, federation_id, round).model_digest = digest
    rows.edit(Federation, federation_id).model_digest = digest


@on("Alliance.RoundConcluded")
def round_concluded(
    rows: Rows, at: At, *, federation_id: int, round: int, counted: bool, pot: int, good_stake: int, emission: int
) -> None:
    """Who is paid and who is slashed is fixed; what the round earned by schedule goes to the pool."""
    rows.edit(Federation, federation_id).pool += emission
    row = rows.edit(FederationRound, federation_id, round)
    row.state, row.counted, row.pot, row.good_stake, row.emission = "concluded", counted, pot, good_stake, emission


@on("Alliance.MemberRewarded")
def member_rewarded(rows: Rows, at: At, *, federation_id: int, round: int, member: str, assets: int) -> None:
    """Its part of the pot waits to be claimed."""
    federation = rows.edit(Federation, federation_id)
    federation.pool -= assets
    federation.owed += assets
    rows.edit(Member, federation_id, member).earned += assets
    rows.edit(Role, federation_id, round, member).reward = assets


@on("Alliance.MemberSlashed")
def member_slashed(
    rows: Rows, at: At, *, federation_id: int, round: int, member: str, assets: int, reason: str
) -> None:
    """What it lost went to the pool, but for the settler's part, which an event of its own takes out."""
    federation = rows.edit(Federation, federation_id)
    federation.pool += assets
    federation.slashed += assets
    row = rows.edit(Member, federation_id, member)
    row.stake -= assets
    row.slashed += assets
    role = rows.edit(Role, federation_id, round, member)
    role.slashed, role.reason = assets, word_text(rows, reason)
    rows.add(
        Slash,
        position=at.position,
        operator=member,
        module=at.address,
        assets=assets,
        federation_id=federation_id,
        round=round,
        role="proposer" if role.proposes else "voter",
        reason=role.reason,
    )
    # The ledger's event, which follows, adds from which parts of the pool it was taken.
    rows.ensure(Lock, member, at.address).announced_slash = at.position


@on("Alliance.RoundSettlerPaid")
def round_settler_paid(rows: Rows, at: At, *, federation_id: int, round: int, settler: str, assets: int) -> None:
    """Its part of the slashes that it carried out."""
    rows.edit(Federation, federation_id).pool -= assets
    rows.edit(FederationRound, federation_id, round).settler_paid += assets
    account(rows, settler).earned += assets
    pay(rows, at, federation_id, settler, "settler", assets, round)


@on("Alliance.RoundClosed")
def round_closed(rows: Rows, at: At, *, federation_id: int, round: int, pool: int, rounds_left: int) -> None:
    """All are settled; the event names what the pool holds now."""
    federation = rows.edit(Federation, federation_id)
    federation.open, federation.pool, federation.rounds_left = False, pool, rounds_left
    row = rows.edit(FederationRound, federation_id, round)
    row.state, row.pool, row.closed_at = "closed", pool, at.timestamp
    totals(rows).rounds += 1
