"""Federations for reading: as JSON documents and as rows of tables."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from node.amounts import format_amount, format_duration, round_amount
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ArtifactError, SpecInvalid
from protocol.federated.spec import MAX_SPEC_BYTES, FederationSpec, read_federation
from protocol.federated.votes import slots_of
from protocol.federated.wire import most_bytes
from protocol.store import ArtifactStore, Limits
from wallet.federations import Federation, phase_ends, words
from wallet.views import exact

ROUND_COLUMNS = (
    "round",
    "proposers",
    "voters",
    "revealed",
    "accepted",
    "harmful",
    "ballots",
    "paid",
    "pot",
    "new model",
)
MEMBER_COLUMNS = ("number", "member", "state", "stake", "to claim", "rows", "last round")

# uint128 and uint256 members: JSON readers that know only doubles would round them
_LARGE = {"bounty", "min_stake", "floor_stake", "silent_slash", "pool", "owed", "stake", "earned", "voting_stake"}
_LARGE |= {"emission", "good_stake", "pot"}


def find_spec(store: ArtifactStore, federation: Federation) -> FederationSpec | None:
    """The federation's specification, if a store has a good one."""
    with TemporaryDirectory(prefix="skein-spec-") as name:
        try:
            digest = federation.record.parameters.spec_digest
            return read_federation(store.get(digest, Path(name) / "spec", Limits(MAX_SPEC_BYTES, 1)))
        except (ArtifactError, SpecInvalid):
            return None


def left(federation: Federation) -> str:
    """How long the present phase lasts."""
    ends = phase_ends(federation)
    return "–" if ends is None else format_duration(max(0, ends - federation.now))


def facts(federation: Federation, spec: FederationSpec | None) -> dict[str, str]:
    """What a person wants to know first."""
    record, terms = federation.record, federation.record.parameters
    told = _spec_facts(spec) if spec else {}
    told |= {
        "specification": terms.spec_digest,
        "model": record.model_digest,
        "creator": record.creator,
        "phase": words(federation.phase),
        "ends in": left(federation),
        "pool": f"{format_amount(record.pool)} SKEIN for {record.rounds_left} more rounds",
        "to be claimed": f"{format_amount(record.owed)} SKEIN",
        "members": f"{record.member_count}, a round needs {terms.min_members}",
        "joins": "who is invited" if terms.invited else "anyone",
        "stake": f"at least {format_amount(terms.min_stake)} SKEIN, out below {format_amount(terms.floor_stake)}",
        "a round": f"{terms.proposers} propose, at most {terms.committee} vote, {terms.quorum} ballots needed",
        "a missed duty": f"costs {100 * terms.silent_slash / 10**18:g} % of the stake",
    }
    return {name: value for name, value in told.items() if value}


def _spec_facts(spec: FederationSpec) -> dict[str, str]:
    model = f"{len(spec.tensors)} tensors" if spec.tensors else f"{len(spec.columns)} columns, {spec.classes} classes"
    rule, privacy, packing = spec.rule, spec.privacy, spec.packing
    before = " after mixing" if rule.mix else ""
    told = {
        "title": spec.title,
        "about": spec.description,
        "model trained": f"{spec.parameters:,} parameters ({model})",
        "rule": f"{rule.name.replace('_', ' ')}{before}, tolerates {rule.tolerated / 10:g} % bad updates",
        "an update": f"at most {most_bytes(packing, spec.parameters):,} bytes on the wire; as float32 it would be "
        f"{4 * spec.parameters:,}",
    }
    if privacy:
        told["privacy"] = (
            f"{privacy.method.replace('_', '-')}, noise {privacy.noise / 1000:g}, "
            f"at most ε = {privacy.budget / 1000:g} at δ = 1e-{privacy.delta}"
        )
    return told


def member_rows(members: Sequence[Record]) -> list[tuple[Any, ...]]:
    """By their numbers."""
    return [
        (
            number,
            member.account,
            _state(member),
            round_amount(member.stake),
            round_amount(member.earned),
            member.data.rows,
            member.round or "–",
        )
        for number, member in enumerate(members, 1)
    ]


def _state(member: Record) -> str:
    if member.busy:
        return "busy" if member.seat else "leaving"
    return "waits" if member.seat else "out"


def rounds(chain: Chain, federation: Federation, limit: int) -> list[tuple[int, Record]]:
    """The newest rounds with their numbers, newest first."""
    last = federation.record.round
    return [
        (each, chain.call("Alliance", "round", federation.id, each)) for each in range(last, max(0, last - limit), -1)
    ]


def round_rows(found: Sequence[tuple[int, Record]]) -> list[tuple[Any, ...]]:
    """Proposers count from 1 here, as their slots do from 0 on the chain."""
    return [
        (
            number,
            round_.proposer_count or "–",
            round_.voter_count or "–",
            _slots(round_.revealed),
            _slots(round_.accepted),
            _slots(round_.harmful),
            round_.ballots.bit_count(),
            ("yes" if round_.counted else "no") if round_.concluded else "–",
            round_amount(round_.pot),
            "yes" if int(round_.model_digest, 16) else "–",
        )
        for number, round_ in found
    ]


def _slots(mask: int) -> str:
    return " ".join(str(slot + 1) for slot in slots_of(mask)) or "–"


def document(
    federation: Federation,
    spec: FederationSpec | None = None,
    members: Sequence[Record] | None = None,
    found: Sequence[tuple[int, Record]] = (),
) -> dict[str, Any]:
    """The whole record as JSON; amounts as decimal strings."""
    made: dict[str, Any] = {"federation": federation.id, "phase": words(federation.phase)}
    made |= exact(federation.record.to_dict(), _LARGE)
    if spec:
        made["specification"] = spec.model_dump(mode="json")
        made["update_bytes"] = most_bytes(spec.packing, spec.parameters)
    if members is not None:
        made["members"] = [
            {"number": number, **exact(each.to_dict(), _LARGE)} for number, each in enumerate(members, 1)
        ]
        made["rounds"] = [{"round": number, **exact(each.to_dict(), _LARGE)} for number, each in found]
    return made
