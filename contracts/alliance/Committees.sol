// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAlliance} from "../interfaces/IAlliance.sol";
import {IEmissions} from "../interfaces/IEmissions.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {FederationState} from "./FederationState.sol";

/// @title Who proposes and who votes: the start of a round and its draw
/// @notice A library linked to the alliance: it runs on the alliance's storage, and its events are the alliance's.
/// @dev Every member is alike likely. Ballots weigh by stake, so that a party's expected weight is its part of the
///      stake, whether it holds it at one address or at many.
library Committees {
    using FederationState for FederationState.State;

    /// @dev How long a round waits for its seed. Then it is given up, so that not even a source of randomness that
    ///      fails for ever locks anything for ever.
    uint64 internal constant SEED_PATIENCE = 7 days;

    /// @notice See IAlliance.startRound.
    function start(
        FederationState.State storage self,
        address randomness,
        uint256 federationId
    ) external returns (uint256 roundId) {
        IAlliance.Federation storage f = self.requireKnown(federationId);
        self.requirePhase(federationId, IAlliance.Phase.Resting);
        require(f.roundsLeft > 0, IAlliance.WrongPhase(federationId, IAlliance.Phase.Ended));
        require(block.timestamp >= f.restsUntil, IAlliance.StillResting(f.restsUntil));
        uint256 required = f.parameters.minMembers;
        require(f.memberCount >= required, IAlliance.TooFewMembers(required, f.memberCount));
        roundId = ++f.round;
        f.open = true;
        f.restsUntil = uint64(block.timestamp) + SEED_PATIENCE;
        IAlliance.Round storage r = self.rounds[roundId];
        r.memberCount = f.memberCount;
        r.seedTicket = uint64(IRandomness(randomness).request());
        emit IAlliance.RoundStarted(federationId, roundId, r.seedTicket, r.memberCount);
    }

    /// @notice See IAlliance.renewRoundSeed.
    function renew(FederationState.State storage self, address randomness, uint256 federationId) external {
        IAlliance.Federation storage f = self.requireKnown(federationId);
        self.requirePhase(federationId, IAlliance.Phase.Draw);
        IAlliance.Round storage r = self.rounds[f.round];
        require(IRandomness(randomness).expired(r.seedTicket), IAlliance.SeedStillValid(r.seedTicket));
        if (block.timestamp >= f.restsUntil) return _giveUp(f, federationId);
        r.seedTicket = uint64(IRandomness(randomness).request());
        emit IAlliance.RoundSeedRequested(federationId, f.round, r.seedTicket);
    }

    /// @dev The rest is longer by what was waited: everybody can leave before another round could start.
    function _giveUp(IAlliance.Federation storage f, uint256 federationId) private {
        f.open = false;
        f.restsUntil = uint64(block.timestamp) + f.parameters.restWindow + SEED_PATIENCE;
        emit IAlliance.RoundClosed(federationId, f.round, f.pool, f.roundsLeft);
    }

    /// @notice See IAlliance.drawRound.
    function draw(
        FederationState.State storage self,
        address randomness,
        address emissions,
        uint256 federationId
    ) external {
        IAlliance.Federation storage f = self.requireKnown(federationId);
        self.requirePhase(federationId, IAlliance.Phase.Draw);
        uint256 roundId = f.round;
        IAlliance.Round storage r = self.rounds[roundId];
        bytes32 raw = IRandomness(randomness).seed(r.seedTicket);
        r.seed = keccak256(abi.encode(raw, federationId, roundId, uint256(r.memberCount)));
        r.drawnAt = uint64(block.timestamp);
        uint256 members = r.memberCount;
        uint256 proposers = f.parameters.proposers;
        uint256 voters = members - proposers;
        if (voters > f.parameters.committee) voters = f.parameters.committee;
        (r.proposerCount, r.voterCount) = (uint8(proposers), uint8(voters));
        _announce(self, federationId, roundId, _seat(self, roundId, order(r.seed, members, proposers + voters)));
        _setToWork(self, emissions, federationId, roundId);
    }

    /// @dev From the draw on the stake of those who were drawn is at work: its emission begins. An alliance that may
    ///      not raise weights any more leads its rounds to their end without.
    function _setToWork(
        FederationState.State storage self,
        address emissions,
        uint256 federationId,
        uint256 roundId
    ) private {
        if (emissions == address(0) || !IEmissions(emissions).isModule(address(this))) return;
        uint32[] storage seats = self.entries[roundId].seats;
        uint256 stake;
        for (uint256 slot; slot < seats.length; ++slot) stake += self.members[seats[slot]].stake;
        IEmissions(emissions).setWeight(bytes32(federationId), stake);
    }

    function _announce(
        FederationState.State storage self,
        uint256 federationId,
        uint256 roundId,
        address[] memory drawn
    ) private {
        IAlliance.Round storage r = self.rounds[roundId];
        address[] memory proposers = _part(drawn, 0, r.proposerCount);
        address[] memory voters = _part(drawn, r.proposerCount, drawn.length);
        emit IAlliance.RoundDrawn(federationId, roundId, r.seed, proposers, voters, self.deadlines(roundId));
    }

    /// @notice The first `places` of a random order of 0 to count - 1.
    /// @dev Place i is swapped with place i + keccak256(abi.encode(seed, i)) % (count - i), for every i in turn.
    function order(bytes32 seed, uint256 count, uint256 places) internal pure returns (uint256[] memory drawn) {
        drawn = new uint256[](places);
        uint256[] memory moved = new uint256[](count); // what stands at a place, plus 1; 0 for the place itself
        for (uint256 i; i < places; ++i) {
            uint256 other = i + (uint256(keccak256(abi.encode(seed, i))) % (count - i));
            drawn[i] = moved[other] == 0 ? other : moved[other] - 1;
            moved[other] = moved[i] == 0 ? i + 1 : moved[i];
        }
    }

    function _seat(
        FederationState.State storage self,
        uint256 roundId,
        uint256[] memory places
    ) private returns (address[] memory drawn) {
        uint32[] memory seats = new uint32[](places.length);
        drawn = new address[](places.length);
        for (uint256 slot; slot < places.length; ++slot) {
            seats[slot] = self.active[places[slot]];
            IAlliance.Member storage m = self.members[seats[slot]];
            (m.round, m.slot, m.busy) = (uint32(roundId), uint8(slot), true);
            drawn[slot] = m.account;
        }
        self.entries[roundId].seats = seats;
    }

    function _part(address[] memory all, uint256 from, uint256 to) private pure returns (address[] memory part) {
        part = new address[](to - from);
        for (uint256 i = from; i < to; ++i) part[i - from] = all[i];
    }
}
