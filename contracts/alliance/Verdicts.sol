// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IAlliance} from "../interfaces/IAlliance.sol";
import {IEmissions} from "../interfaces/IEmissions.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {FederationState} from "./FederationState.sol";

/// @title What a round comes to: the count of the ballots, the next model, rewards and slashes
/// @notice A library linked to the alliance, like Committees.
/// @dev Verdicts, the pot and the stake that shares it are fixed before the first slot is settled, and a stake changes
///      only in the settlement of its own slot: the order of settlements changes nobody's money.
library Verdicts {
    using SafeERC20 for IERC20;
    using FederationState for FederationState.State;

    uint256 internal constant WAD = 1e18;
    uint256 internal constant SLASH = 0.1e18;
    uint256 internal constant SETTLER_SHARE = 0.1e18;

    /// @dev Stake for and against one proposal.
    struct Count {
        uint256 accepts;
        uint256 harms;
    }

    /* TALLY */

    /// @notice See IAlliance.tally.
    function tally(FederationState.State storage self, uint256 federationId) external {
        self.requireKnown(federationId);
        self.requirePhase(federationId, IAlliance.Phase.Tally);
        _tally(self, federationId);
    }

    function _tally(FederationState.State storage self, uint256 federationId) private {
        uint256 roundId = self.federation.round;
        IAlliance.Round storage r = self.rounds[roundId];
        r.tallied = true;
        Count[] memory counts = new Count[](r.proposerCount);
        (uint256 votingStake, uint256 ballots) = _count(self, roundId, counts);
        r.votingStake = uint128(votingStake);
        r.counted = ballots >= self.federation.parameters.quorum;
        if (r.counted) _judge(r, counts);
        emit IAlliance.RoundTallied(federationId, roundId, votingStake, r.accepted, r.approved, r.harmful, r.refused);
    }

    function _count(
        FederationState.State storage self,
        uint256 roundId,
        Count[] memory counts
    ) private view returns (uint256 votingStake, uint256 ballots) {
        IAlliance.Round storage r = self.rounds[roundId];
        FederationState.Entries storage e = self.entries[roundId];
        uint256 revealed = r.ballots;
        for (uint256 voter; revealed != 0; (++voter, revealed >>= 1)) {
            if (revealed & 1 == 0) continue;
            uint256 slot = counts.length + voter;
            uint256 stake = self.members[e.seats[slot]].stake;
            uint256 word = e.words[slot];
            for (uint256 k; k < counts.length; ++k) {
                if ((word >> k) & 1 == 1) counts[k].accepts += stake;
                else if ((word >> (32 + k)) & 1 == 1) counts[k].harms += stake;
            }
            votingStake += stake;
            ++ballots;
        }
    }

    function _judge(IAlliance.Round storage r, Count[] memory counts) private {
        uint256 total = r.votingStake;
        (uint256 accepted, uint256 approved, uint256 harmful, uint256 refused) = (0, 0, 0, 0);
        for (uint256 k; k < counts.length; ++k) {
            if (2 * counts[k].accepts > total) accepted |= 1 << k;
            if (3 * counts[k].accepts >= 2 * total) approved |= 1 << k;
            if (3 * counts[k].harms >= 2 * total) harmful |= 1 << k;
            if (3 * counts[k].accepts <= total) refused |= 1 << k;
        }
        (r.accepted, r.approved, r.harmful) = (uint32(accepted), uint32(approved), uint32(harmful));
        r.refused = uint32(refused & r.revealed);
    }

    /* THE NEXT MODEL */

    /// @notice See IAlliance.attest.
    function attest(FederationState.State storage self, uint256 federationId, bytes32 modelDigest) external {
        IAlliance.Federation storage f = self.requireKnown(federationId);
        if (self.phase() == IAlliance.Phase.Tally) _tally(self, federationId);
        self.requirePhase(federationId, IAlliance.Phase.Attest);
        require(modelDigest != 0, IAlliance.InvalidParameter("modelDigest"));
        IAlliance.Round storage r = self.rounds[f.round];
        FederationState.Entries storage e = self.entries[f.round];
        IAlliance.Member storage m = voterOf(self, federationId, msg.sender);
        bool voted = (r.ballots >> (m.slot - r.proposerCount)) & 1 == 1;
        require(voted, IAlliance.NotVoter(federationId, f.round, msg.sender));
        require(e.digests[m.slot] == 0, IAlliance.AlreadyAttested(federationId, f.round, msg.sender));
        e.digests[m.slot] = modelDigest;
        uint256 stake = e.attested[modelDigest] + m.stake;
        e.attested[modelDigest] = stake;
        emit IAlliance.ModelAttested(federationId, f.round, msg.sender, modelDigest);
        if (3 * stake <= 2 * uint256(r.votingStake)) return;
        r.modelDigest = modelDigest;
        f.modelDigest = modelDigest;
        emit IAlliance.ModelFinalized(federationId, f.round, modelDigest);
    }

    /// @notice The member of that account, which is a voter of the newest round.
    function voterOf(
        FederationState.State storage self,
        uint256 federationId,
        address account
    ) internal view returns (IAlliance.Member storage m) {
        uint256 roundId = self.federation.round;
        m = self.members[self.numberOf[account]];
        bool votes = m.busy && m.round == roundId && m.slot >= self.rounds[roundId].proposerCount;
        require(votes, IAlliance.NotVoter(federationId, roundId, account));
    }

    /* SETTLEMENT */

    /// @notice See IAlliance.settleRound.
    function settle(
        FederationState.State storage self,
        address staking,
        address emissions,
        uint256 federationId,
        uint256 limit
    ) external {
        IAlliance.Federation storage f = self.requireKnown(federationId);
        if (self.phase() == IAlliance.Phase.Tally) _tally(self, federationId);
        self.requirePhase(federationId, IAlliance.Phase.Settle);
        uint256 roundId = f.round;
        IAlliance.Round storage r = self.rounds[roundId];
        if (!r.concluded) _conclude(self, emissions, federationId, roundId);
        uint256 slots = uint256(r.proposerCount) + r.voterCount;
        uint256 first = r.settled;
        uint256 last = limit < slots - first ? first + limit : slots;
        uint256 paid;
        for (uint256 slot = first; slot < last; ++slot) paid += _settleSlot(self, staking, federationId, slot);
        r.settled = uint8(last);
        if (paid > 0) {
            IERC20(IStaking(staking).TOKEN()).safeTransfer(msg.sender, paid);
            emit IAlliance.RoundSettlerPaid(federationId, roundId, msg.sender, paid);
        }
        if (last == slots) _close(f, federationId, roundId, r.counted);
    }

    /// @dev Takes what the round has earned by schedule; fixes the pot and the stake that shares it.
    function _conclude(
        FederationState.State storage self,
        address emissions,
        uint256 federationId,
        uint256 roundId
    ) private {
        IAlliance.Round storage r = self.rounds[roundId];
        IAlliance.Federation storage f = self.federation;
        r.concluded = true;
        if (emissions != address(0)) {
            r.emission = uint128(IEmissions(emissions).draw(bytes32(federationId), address(this)));
            IEmissions(emissions).setWeight(bytes32(federationId), 0);
            f.pool += r.emission;
        }
        if (r.counted) {
            FederationState.Entries storage e = self.entries[roundId];
            uint256 slots = uint256(r.proposerCount) + r.voterCount;
            uint256 goodStake;
            for (uint256 slot; slot < slots; ++slot) {
                (bool good, , ) = judge(r, e, slot, 0);
                if (good) goodStake += self.members[e.seats[slot]].stake;
            }
            r.goodStake = uint128(goodStake);
            r.pot = f.pool / f.roundsLeft;
        }
        emit IAlliance.RoundConcluded(federationId, roundId, r.counted, r.pot, r.goodStake, r.emission);
    }

    /// @notice What a slot's duty comes to.
    /// @return good Whether it is paid.
    /// @return rate The part of its stake that it loses, WAD.
    /// @return reason Why, as left-aligned ASCII.
    function judge(
        IAlliance.Round storage r,
        FederationState.Entries storage e,
        uint256 slot,
        uint256 silentSlash
    ) internal view returns (bool good, uint256 rate, bytes32 reason) {
        if (slot >= r.proposerCount) return _judgeVoter(r, e, slot, silentSlash);
        uint256 bit = 1 << slot;
        if ((r.revealed | r.duplicates) & bit == 0) return (false, silentSlash, "silent");
        if (r.harmful & bit != 0) return (false, SLASH, "harmful");
        return (r.accepted & bit != 0, 0, 0);
    }

    /// @dev Nobody could vote where no update was revealed. A voter is contrary if it was on the other side in more
    ///      than half of the cases that two thirds agree on. It is paid if it was in none, accepted nothing that two
    ///      thirds refuse, at most half of what is not accepted, and at least half of what two thirds approve of: who
    ///      did not look is found out, even where more than a third did not.
    function _judgeVoter(
        IAlliance.Round storage r,
        FederationState.Entries storage e,
        uint256 slot,
        uint256 silentSlash
    ) private view returns (bool, uint256, bytes32) {
        if (r.revealed == 0) return (false, 0, 0);
        if ((r.ballots >> (slot - r.proposerCount)) & 1 == 0) return (false, silentSlash, "silent");
        bytes32 digest = e.digests[slot];
        if (r.modelDigest == 0 && r.accepted != 0 && digest == 0) return (false, silentSlash, "silent");
        if (r.modelDigest != 0 && digest != 0 && digest != r.modelDigest) return (false, SLASH, "forged");
        uint256 word = e.words[slot];
        uint256 contrary = _bits(word & r.harmful) + _bits((word >> 32) & r.approved);
        if (2 * contrary > _bits(r.harmful | r.approved)) return (false, SLASH, "contrary");
        return (contrary == 0 && _looked(r, word), 0, 0);
    }

    function _looked(IAlliance.Round storage r, uint256 word) private view returns (bool) {
        uint256 declined = r.revealed & ~r.accepted;
        bool refuses = word & r.refused == 0 && 2 * _bits(word & declined) <= _bits(declined);
        return refuses && 2 * _bits(word & r.approved) >= _bits(r.approved);
    }

    function _bits(uint256 mask) private pure returns (uint256 count) {
        for (; mask != 0; mask &= mask - 1) ++count;
    }

    /// @return paid The settler's part.
    function _settleSlot(
        FederationState.State storage self,
        address staking,
        uint256 federationId,
        uint256 slot
    ) private returns (uint256 paid) {
        IAlliance.Federation storage f = self.federation;
        IAlliance.Round storage r = self.rounds[f.round];
        FederationState.Entries storage e = self.entries[f.round];
        IAlliance.Member storage m = self.members[e.seats[slot]];
        m.busy = false;
        (bool good, uint256 rate, bytes32 reason) = judge(r, e, slot, f.parameters.silentSlash);
        if (good && r.counted) _reward(f, r, federationId, m);
        if (rate > 0) paid = _slash(f, staking, federationId, m, rate, reason);
        _letGo(self, staking, federationId, m);
    }

    /// @dev Whoever has left is free now; whoever has too little stake has to leave.
    function _letGo(
        FederationState.State storage self,
        address staking,
        uint256 federationId,
        IAlliance.Member storage m
    ) private {
        bool evicted = m.seat != 0 && m.stake < self.federation.parameters.floorStake;
        if (evicted) self.remove(federationId, m, "evicted");
        if (m.seat == 0) self.release(federationId, m, staking);
    }

    function _reward(
        IAlliance.Federation storage f,
        IAlliance.Round storage r,
        uint256 federationId,
        IAlliance.Member storage m
    ) private {
        uint256 assets = (uint256(r.pot) * m.stake) / r.goodStake;
        m.earned += uint128(assets);
        f.pool -= uint128(assets);
        f.owed += uint128(assets);
        emit IAlliance.MemberRewarded(federationId, f.round, m.account, assets);
    }

    function _slash(
        IAlliance.Federation storage f,
        address staking,
        uint256 federationId,
        IAlliance.Member storage m,
        uint256 rate,
        bytes32 reason
    ) private returns (uint256 paid) {
        uint256 assets = (uint256(m.stake) * rate) / WAD;
        paid = (assets * SETTLER_SHARE) / WAD;
        m.stake -= uint128(assets);
        f.pool += uint128(assets - paid);
        emit IAlliance.MemberSlashed(federationId, f.round, m.account, assets, reason);
        IStaking(staking).slash(m.account, assets, address(this));
    }

    function _close(IAlliance.Federation storage f, uint256 federationId, uint256 roundId, bool counted) private {
        f.open = false;
        f.restsUntil = uint64(block.timestamp) + f.parameters.restWindow;
        if (counted) f.roundsLeft -= 1;
        emit IAlliance.RoundClosed(federationId, roundId, f.pool, f.roundsLeft);
    }
}
