// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAlliance} from "../interfaces/IAlliance.sol";
import {IStaking} from "../interfaces/IStaking.sol";

/// @title What the alliance stores of a federation, and where it stands
/// @dev As in the arena, all of a federation is one struct, which the alliance hands to the linked libraries Committees
///      and Verdicts; this one is compiled into all three.
library FederationState {
    /// @dev What the slots of a round did.
    /// @param seats Numbers of the members by slot.
    /// @param commitments By slot.
    /// @param digests By slot: the revealed update, or the model attested to.
    /// @param words By slot: of a proposer the place of its commit, from 1; of a voter accepts | harms << 32.
    /// @param attested Stake by model.
    struct Entries {
        uint32[] seats;
        mapping(uint256 slot => bytes32) commitments;
        mapping(uint256 slot => bytes32) digests;
        mapping(uint256 slot => uint64) words;
        mapping(bytes32 digest => uint256 stake) attested;
    }

    /// @dev Where an update was revealed first.
    struct Origin {
        uint32 round;
        uint8 slot;
    }

    /// @dev All of one federation.
    /// @param members By number.
    /// @param active Numbers of those who can be drawn, by seat - 1.
    /// @param origins Of updates by digest.
    struct State {
        IAlliance.Federation federation;
        mapping(address account => uint256 number) numberOf;
        mapping(uint256 number => IAlliance.Member) members;
        mapping(address account => bool) invited;
        uint32[] active;
        mapping(uint256 roundId => IAlliance.Round) rounds;
        mapping(uint256 roundId => Entries) entries;
        mapping(bytes32 digest => Origin) origins;
    }

    /* RECORDS */

    function requireKnown(
        State storage self,
        uint256 federationId
    ) internal view returns (IAlliance.Federation storage f) {
        f = self.federation;
        require(f.creator != address(0), IAlliance.UnknownFederation(federationId));
    }

    function knownMember(
        State storage self,
        uint256 federationId,
        address account
    ) internal view returns (IAlliance.Member storage m) {
        uint256 number = self.numberOf[account];
        require(number != 0, IAlliance.UnknownMember(federationId, account));
        return self.members[number];
    }

    /* PHASES */

    function requirePhase(State storage self, uint256 federationId, IAlliance.Phase expected) internal view {
        IAlliance.Phase actual = phase(self);
        require(actual == expected, IAlliance.WrongPhase(federationId, actual));
    }

    function phase(State storage self) internal view returns (IAlliance.Phase) {
        IAlliance.Federation storage f = self.federation;
        if (f.creator == address(0)) return IAlliance.Phase.None;
        if (f.ended) return IAlliance.Phase.Ended;
        if (!f.open) return IAlliance.Phase.Resting;
        IAlliance.Round storage r = self.rounds[f.round];
        if (r.drawnAt == 0) return IAlliance.Phase.Draw;
        if (r.concluded) return IAlliance.Phase.Settle;
        IAlliance.Deadlines memory ends = deadlines(self, f.round);
        if (block.timestamp < ends.commitEnds) return IAlliance.Phase.Commit;
        if (block.timestamp < ends.revealEnds) return IAlliance.Phase.Reveal;
        if (r.revealed == 0) return IAlliance.Phase.Settle;
        if (block.timestamp < ends.voteEnds) return IAlliance.Phase.VoteCommit;
        if (block.timestamp < ends.ballotEnds) return IAlliance.Phase.VoteReveal;
        if (!r.tallied) return IAlliance.Phase.Tally;
        bool open = r.accepted != 0 && r.modelDigest == 0 && block.timestamp < ends.attestEnds;
        return open ? IAlliance.Phase.Attest : IAlliance.Phase.Settle;
    }

    function deadlines(State storage self, uint256 roundId) internal view returns (IAlliance.Deadlines memory ends) {
        IAlliance.Parameters storage p = self.federation.parameters;
        uint64 drawnAt = self.rounds[roundId].drawnAt;
        if (drawnAt == 0) return ends;
        ends.commitEnds = drawnAt + p.commitWindow;
        ends.revealEnds = ends.commitEnds + p.revealWindow;
        ends.voteEnds = ends.revealEnds + p.voteWindow;
        ends.ballotEnds = ends.voteEnds + p.ballotWindow;
        ends.attestEnds = ends.ballotEnds + p.attestWindow;
    }

    /* MEMBERSHIP */

    /// @notice Takes a member out of those who can be drawn.
    function remove(State storage self, uint256 federationId, IAlliance.Member storage m, bytes32 reason) internal {
        uint256 last = self.active.length;
        uint32 moved = self.active[last - 1];
        self.active[m.seat - 1] = moved;
        self.members[moved].seat = m.seat;
        self.active.pop();
        m.seat = 0;
        self.federation.memberCount = uint32(last - 1);
        emit IAlliance.MemberRemoved(federationId, m.account, reason);
    }

    /// @notice Pays what a member has earned into its pool in the ledger.
    function pay(
        State storage self,
        uint256 federationId,
        IAlliance.Member storage m,
        address staking
    ) internal returns (uint256 assets) {
        assets = m.earned;
        if (assets == 0) return 0;
        m.earned = 0;
        self.federation.owed -= uint128(assets);
        emit IAlliance.MemberClaimed(federationId, m.account, assets);
        IStaking(staking).distribute(m.account, assets);
    }

    /// @notice Unlocks what is left of the stake of a member that cannot be drawn.
    /// @dev What it earned is paid before: once the pool has no locks, stake that is delegated only for it would count.
    function release(State storage self, uint256 federationId, IAlliance.Member storage m, address staking) internal {
        uint256 stake = m.stake;
        m.stake = 0;
        emit IAlliance.MemberReleased(federationId, m.account, stake);
        pay(self, federationId, m, staking);
        IStaking(staking).unlock(m.account, stake);
    }
}
