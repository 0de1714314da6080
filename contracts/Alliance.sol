// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Committees} from "./alliance/Committees.sol";
import {FederationState} from "./alliance/FederationState.sol";
import {Verdicts} from "./alliance/Verdicts.sol";
import {IAlliance} from "./interfaces/IAlliance.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CommitReveal} from "./libraries/CommitReveal.sol";

/// @title Federated training
/// @notice See IAlliance. This file lets members in and out and takes what they commit to; FederationState says where a
///         federation stands, Committees draws, Verdicts counts and pays.
/// @dev Holds reward pools and earned rewards until they are claimed; the stakes themselves stay in the stake ledger.
contract Alliance is IAlliance {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using FederationState for FederationState.State;

    /* CONSTANTS */

    /// @notice Part of a stake that harm, contrary ballots and forged models cost, WAD.
    uint256 public constant SLASH = Verdicts.SLASH;
    /// @notice The part of a slash that goes to the caller of settleRound, WAD.
    uint256 public constant SETTLER_SHARE = Verdicts.SETTLER_SHARE;
    /// @notice The highest silentSlash, WAD.
    uint256 public constant MAX_SILENT_SLASH = 0.1e18;
    uint256 public constant MAX_PROPOSERS = 32;
    uint256 public constant MAX_COMMITTEE = 64;
    uint256 public constant MAX_MEMBERS = 1024;
    /// @notice The most that a member stakes, over the least. Who has more takes several seats.
    uint256 public constant MAX_STAKE_RATIO = 4;
    /// @notice Seconds after which a creator can end a federation in which no round starts.
    uint256 public constant IDLE_WINDOW = 7 days;
    /// @notice Seconds from a round's start in which it can ask for new seeds.
    uint256 public constant SEED_PATIENCE = Committees.SEED_PATIENCE;
    uint256 private constant LONGEST_WINDOW = 365 days;

    /* IMMUTABLES */

    /// @inheritdoc IAlliance
    address public immutable STAKING;
    /// @inheritdoc IAlliance
    address public immutable TOKEN;
    /// @inheritdoc IAlliance
    address public immutable RANDOMNESS;
    /// @inheritdoc IAlliance
    address public immutable EMISSIONS;

    /* STORAGE */

    /// @inheritdoc IAlliance
    uint256 public federationCount;
    mapping(uint256 federationId => FederationState.State) private _state;

    /// @param emissions Zero for an alliance whose federations earn no emission.
    constructor(address staking, address randomness, address emissions) {
        require(staking != address(0) && randomness != address(0), ZeroAddress());
        STAKING = staking;
        RANDOMNESS = randomness;
        EMISSIONS = emissions;
        TOKEN = IStaking(staking).TOKEN();
        // for rewards, which the ledger pulls
        IERC20(TOKEN).forceApprove(staking, type(uint256).max);
    }

    /* CREATORS */

    /// @inheritdoc IAlliance
    function createFederation(Parameters calldata parameters) external returns (uint256 federationId) {
        _check(parameters);
        federationId = ++federationCount;
        Federation storage f = _state[federationId].federation;
        f.parameters = parameters;
        f.creator = msg.sender;
        f.modelDigest = parameters.modelDigest;
        f.pool = parameters.bounty;
        f.roundsLeft = parameters.rounds;
        f.restsUntil = uint64(block.timestamp) + parameters.restWindow;
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), parameters.bounty);
        emit FederationCreated(federationId, msg.sender, parameters.specDigest, parameters);
    }

    function _check(Parameters calldata p) private pure {
        require(p.specDigest != 0, InvalidParameter("specDigest"));
        require(p.modelDigest != 0, InvalidParameter("modelDigest"));
        require(p.minStake > 0, InvalidParameter("minStake"));
        require(p.floorStake <= p.minStake, InvalidParameter("floorStake"));
        require(p.rounds > 0, InvalidParameter("rounds"));
        require(p.proposers > 0 && p.proposers <= MAX_PROPOSERS, InvalidParameter("proposers"));
        require(p.committee > 0 && p.committee <= MAX_COMMITTEE, InvalidParameter("committee"));
        require(p.quorum > 0 && p.quorum <= p.committee, InvalidParameter("quorum"));
        bool enough = p.minMembers >= uint256(p.proposers) + p.quorum && p.minMembers <= MAX_MEMBERS;
        require(enough, InvalidParameter("minMembers"));
        require(p.silentSlash <= MAX_SILENT_SLASH, InvalidParameter("silentSlash"));
        require(p.restWindow <= LONGEST_WINDOW, InvalidParameter("restWindow"));
        _checkWindow(p.commitWindow, "commitWindow");
        _checkWindow(p.revealWindow, "revealWindow");
        _checkWindow(p.voteWindow, "voteWindow");
        _checkWindow(p.ballotWindow, "ballotWindow");
        _checkWindow(p.attestWindow, "attestWindow");
    }

    function _checkWindow(uint256 window, bytes32 name) private pure {
        require(window > 0 && window <= LONGEST_WINDOW, InvalidParameter(name));
    }

    /// @inheritdoc IAlliance
    function fundFederation(uint256 federationId, uint256 assets) external {
        FederationState.State storage self = _state[federationId];
        Federation storage f = self.requireKnown(federationId);
        require(!f.ended, WrongPhase(federationId, Phase.Ended));
        require(assets > 0, ZeroAmount());
        f.pool += assets.toUint128();
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), assets);
        emit FederationFunded(federationId, msg.sender, assets);
    }

    /// @inheritdoc IAlliance
    function invite(uint256 federationId, address account, bool allowed) external {
        FederationState.State storage self = _state[federationId];
        require(msg.sender == self.requireKnown(federationId).creator, Unauthorized(msg.sender));
        require(account != address(0), ZeroAddress());
        self.invited[account] = allowed;
        emit MemberInvited(federationId, account, allowed);
    }

    /// @inheritdoc IAlliance
    function endFederation(uint256 federationId) external returns (uint256 assets) {
        FederationState.State storage self = _state[federationId];
        Federation storage f = self.requireKnown(federationId);
        self.requirePhase(federationId, Phase.Resting);
        if (f.roundsLeft > 0) {
            require(msg.sender == f.creator, Unauthorized(msg.sender));
            uint256 idleUntil = f.restsUntil + IDLE_WINDOW;
            require(block.timestamp >= idleUntil, StillResting(idleUntil));
        }
        f.ended = true;
        assets = f.pool;
        f.pool = 0;
        emit FederationEnded(federationId, f.creator, assets);
        IERC20(TOKEN).safeTransfer(f.creator, assets);
    }

    /* MEMBERS */

    /// @inheritdoc IAlliance
    function join(uint256 federationId, uint256 stake, DataCommitment calldata data) external returns (uint256 number) {
        FederationState.State storage self = _state[federationId];
        Federation storage f = self.requireKnown(federationId);
        require(!f.ended, WrongPhase(federationId, Phase.Ended));
        bool allowed = !f.parameters.invited || self.invited[msg.sender];
        require(allowed, NotInvited(federationId, msg.sender));
        require(f.memberCount < MAX_MEMBERS, FederationFull(federationId));
        require(stake >= f.parameters.minStake, InsufficientStake(f.parameters.minStake, stake));
        _requireSeatable(f, stake);
        number = self.numberOf[msg.sender];
        if (number == 0) {
            number = ++f.joined;
            self.numberOf[msg.sender] = number;
            self.members[number].account = msg.sender;
        }
        Member storage m = self.members[number];
        require(m.seat == 0 && !m.busy, AlreadyJoined(federationId, msg.sender));
        self.active.push(uint32(number));
        f.memberCount += 1;
        m.seat = f.memberCount;
        m.stake = stake.toUint128();
        m.data = data;
        emit MemberJoined(federationId, msg.sender, number, stake, data);
        IStaking(STAKING).lock(msg.sender, stake);
    }

    /// @inheritdoc IAlliance
    function commitData(uint256 federationId, DataCommitment calldata data) external {
        _seated(federationId).data = data;
        emit DataCommitted(federationId, msg.sender, data);
    }

    /// @inheritdoc IAlliance
    function addStake(uint256 federationId, uint256 assets) external {
        Member storage m = _seated(federationId);
        require(_state[federationId].phase() != Phase.Draw, WrongPhase(federationId, Phase.Draw));
        require(!m.busy, MemberBusy(federationId, msg.sender, m.round));
        require(assets > 0, ZeroAmount());
        m.stake += assets.toUint128();
        _requireSeatable(_state[federationId].federation, m.stake);
        emit StakeAdded(federationId, msg.sender, assets);
        IStaking(STAKING).lock(msg.sender, assets);
    }

    /// @inheritdoc IAlliance
    function leave(uint256 federationId) external {
        FederationState.State storage self = _state[federationId];
        Member storage m = _seated(federationId);
        require(self.phase() != Phase.Draw, WrongPhase(federationId, Phase.Draw));
        self.remove(federationId, m, "left");
        if (!m.busy) self.release(federationId, m, STAKING);
    }

    /// @inheritdoc IAlliance
    function claim(uint256 federationId, address account) external returns (uint256 assets) {
        FederationState.State storage self = _state[federationId];
        self.requireKnown(federationId);
        assets = self.pay(federationId, self.knownMember(federationId, account), STAKING);
        require(assets > 0, ZeroAmount());
    }

    /// @dev Seats are drawn alike and weigh by stake: where stakes differ little, a committee is hostile in proportion.
    function _requireSeatable(Federation storage f, uint256 stake) private view {
        uint256 most = f.parameters.minStake * MAX_STAKE_RATIO;
        require(stake <= most, ExcessiveStake(most, stake));
    }

    /// @dev The caller's record, if it can be drawn.
    function _seated(uint256 federationId) private view returns (Member storage m) {
        FederationState.State storage self = _state[federationId];
        self.requireKnown(federationId);
        m = self.knownMember(federationId, msg.sender);
        require(m.seat != 0, UnknownMember(federationId, msg.sender));
    }

    /* ROUNDS */

    /// @inheritdoc IAlliance
    function startRound(uint256 federationId) external returns (uint256) {
        return Committees.start(_state[federationId], RANDOMNESS, federationId);
    }

    /// @inheritdoc IAlliance
    function drawRound(uint256 federationId) external {
        Committees.draw(_state[federationId], RANDOMNESS, EMISSIONS, federationId);
    }

    /// @inheritdoc IAlliance
    function renewRoundSeed(uint256 federationId) external {
        Committees.renew(_state[federationId], RANDOMNESS, federationId);
    }

    /// @inheritdoc IAlliance
    function commitUpdate(uint256 federationId, bytes32 commitment) external {
        (FederationState.State storage self, uint256 roundId) = _during(federationId, Phase.Commit);
        uint256 slot = _proposerSlot(self, federationId, roundId);
        _commit(self, federationId, roundId, slot, commitment);
        self.entries[roundId].words[slot] = ++self.rounds[roundId].commits;
        emit UpdateCommitted(federationId, roundId, msg.sender, commitment);
    }

    /// @inheritdoc IAlliance
    function revealUpdate(uint256 federationId, bytes32 digest, bytes32 salt) external {
        (FederationState.State storage self, uint256 roundId) = _during(federationId, Phase.Reveal);
        uint256 slot = _proposerSlot(self, federationId, roundId);
        FederationState.Entries storage e = self.entries[roundId];
        _open(e, slot, CommitReveal.updateCommitment(federationId, roundId, msg.sender, digest, salt));
        require(digest != 0, InvalidParameter("digest"));
        require(e.digests[slot] == 0, AlreadyRevealed(federationId, roundId, msg.sender));
        e.digests[slot] = digest;
        emit UpdateRevealed(federationId, roundId, msg.sender, digest);
        _place(self, federationId, roundId, slot, digest);
    }

    /// @dev The earliest commit to a digest counts; all others are duplicates.
    function _place(
        FederationState.State storage self,
        uint256 federationId,
        uint256 roundId,
        uint256 slot,
        bytes32 digest
    ) private {
        Round storage r = self.rounds[roundId];
        FederationState.Origin storage origin = self.origins[digest];
        uint256 duplicate = slot;
        if (origin.round == 0) {
            (origin.round, origin.slot) = (uint32(roundId), uint8(slot));
            r.revealed |= uint32(1 << slot);
            return;
        }
        FederationState.Entries storage e = self.entries[roundId];
        if (origin.round == roundId && e.words[slot] < e.words[origin.slot]) {
            duplicate = origin.slot;
            origin.slot = uint8(slot);
            r.revealed = (r.revealed | uint32(1 << slot)) & ~uint32(1 << duplicate);
        }
        r.duplicates |= uint32(1 << duplicate);
        emit UpdateDuplicated(federationId, roundId, self.members[e.seats[duplicate]].account);
    }

    /// @inheritdoc IAlliance
    function commitBallot(uint256 federationId, bytes32 commitment) external {
        (FederationState.State storage self, uint256 roundId) = _during(federationId, Phase.VoteCommit);
        uint256 slot = Verdicts.voterOf(self, federationId, msg.sender).slot;
        _commit(self, federationId, roundId, slot, commitment);
        emit BallotCommitted(federationId, roundId, msg.sender, commitment);
    }

    /// @inheritdoc IAlliance
    function revealBallot(uint256 federationId, uint256 accepts, uint256 harms, bytes32 salt) external {
        (FederationState.State storage self, uint256 roundId) = _during(federationId, Phase.VoteReveal);
        uint256 slot = Verdicts.voterOf(self, federationId, msg.sender).slot;
        FederationState.Entries storage e = self.entries[roundId];
        _open(e, slot, CommitReveal.ballotCommitment(federationId, roundId, msg.sender, accepts, harms, salt));
        Round storage r = self.rounds[roundId];
        bool sound = (accepts | harms) & ~uint256(r.revealed) == 0 && accepts & harms == 0;
        require(sound, InvalidBallot(accepts, harms));
        uint64 bit = uint64(1) << uint64(slot - r.proposerCount);
        require(r.ballots & bit == 0, AlreadyRevealed(federationId, roundId, msg.sender));
        r.ballots |= bit;
        e.words[slot] = uint64(accepts | (harms << 32));
        emit BallotRevealed(federationId, roundId, msg.sender, accepts, harms);
    }

    /// @inheritdoc IAlliance
    function tally(uint256 federationId) external {
        Verdicts.tally(_state[federationId], federationId);
    }

    /// @inheritdoc IAlliance
    function attest(uint256 federationId, bytes32 modelDigest) external {
        Verdicts.attest(_state[federationId], federationId, modelDigest);
    }

    /// @inheritdoc IAlliance
    function settleRound(uint256 federationId, uint256 limit) external {
        Verdicts.settle(_state[federationId], STAKING, EMISSIONS, federationId, limit);
    }

    function _during(
        uint256 federationId,
        Phase expected
    ) private view returns (FederationState.State storage self, uint256 roundId) {
        self = _state[federationId];
        roundId = self.requireKnown(federationId).round;
        self.requirePhase(federationId, expected);
    }

    function _proposerSlot(
        FederationState.State storage self,
        uint256 federationId,
        uint256 roundId
    ) private view returns (uint256) {
        Member storage m = self.members[self.numberOf[msg.sender]];
        bool proposes = m.busy && m.round == roundId && m.slot < self.rounds[roundId].proposerCount;
        require(proposes, NotProposer(federationId, roundId, msg.sender));
        return m.slot;
    }

    function _commit(
        FederationState.State storage self,
        uint256 federationId,
        uint256 roundId,
        uint256 slot,
        bytes32 commitment
    ) private {
        require(commitment != 0, InvalidParameter("commitment"));
        FederationState.Entries storage e = self.entries[roundId];
        require(e.commitments[slot] == 0, AlreadyCommitted(federationId, roundId, msg.sender));
        e.commitments[slot] = commitment;
    }

    function _open(FederationState.Entries storage e, uint256 slot, bytes32 actual) private view {
        bytes32 expected = e.commitments[slot];
        require(actual == expected, CommitmentMismatch(expected, actual));
    }

    /* VIEWS */

    /// @inheritdoc IAlliance
    function federation(uint256 federationId) external view returns (Federation memory) {
        return _state[federationId].federation;
    }

    /// @inheritdoc IAlliance
    function phase(uint256 federationId) external view returns (Phase) {
        return _state[federationId].phase();
    }

    /// @inheritdoc IAlliance
    function isInvited(uint256 federationId, address account) external view returns (bool) {
        return _state[federationId].invited[account];
    }

    /// @inheritdoc IAlliance
    function member(uint256 federationId, address account) external view returns (Member memory) {
        FederationState.State storage self = _state[federationId];
        return self.members[self.numberOf[account]];
    }

    /// @inheritdoc IAlliance
    function memberAt(uint256 federationId, uint256 number) external view returns (address) {
        return _state[federationId].members[number].account;
    }

    /// @inheritdoc IAlliance
    function round(uint256 federationId, uint256 roundId) external view returns (Round memory) {
        return _state[federationId].rounds[roundId];
    }

    /// @inheritdoc IAlliance
    function deadlines(uint256 federationId, uint256 roundId) external view returns (Deadlines memory) {
        return _state[federationId].deadlines(roundId);
    }

    /// @inheritdoc IAlliance
    function roles(uint256 federationId, uint256 roundId) external view returns (address[] memory accounts) {
        FederationState.State storage self = _state[federationId];
        uint32[] storage seats = self.entries[roundId].seats;
        accounts = new address[](seats.length);
        for (uint256 slot; slot < accounts.length; ++slot) accounts[slot] = self.members[seats[slot]].account;
    }

    /// @inheritdoc IAlliance
    function entry(
        uint256 federationId,
        uint256 roundId,
        uint256 slot
    ) external view returns (bytes32 commitment, bytes32 digest) {
        FederationState.Entries storage e = _state[federationId].entries[roundId];
        return (e.commitments[slot], e.digests[slot]);
    }

    /// @inheritdoc IAlliance
    function ballot(
        uint256 federationId,
        uint256 roundId,
        uint256 slot
    ) external view returns (uint256 accepts, uint256 harms) {
        FederationState.State storage self = _state[federationId];
        if (slot < self.rounds[roundId].proposerCount) return (0, 0);
        uint64 word = self.entries[roundId].words[slot];
        return (uint32(word), word >> 32);
    }

    /// @inheritdoc IAlliance
    function updateCommitment(
        uint256 federationId,
        uint256 roundId,
        address proposer,
        bytes32 digest,
        bytes32 salt
    ) external view returns (bytes32) {
        return CommitReveal.updateCommitment(federationId, roundId, proposer, digest, salt);
    }

    /// @inheritdoc IAlliance
    function ballotCommitment(
        uint256 federationId,
        uint256 roundId,
        address voter,
        uint256 accepts,
        uint256 harms,
        bytes32 salt
    ) external view returns (bytes32) {
        return CommitReveal.ballotCommitment(federationId, roundId, voter, accepts, harms, salt);
    }
}
