// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Appeals} from "./arena/Appeals.sol";
import {Evaluation} from "./arena/Evaluation.sol";
import {Parameters} from "./arena/Parameters.sol";
import {Payout} from "./arena/Payout.sol";
import {Settlement} from "./arena/Settlement.sol";
import {TaskState} from "./arena/TaskState.sol";
import {IArena} from "./interfaces/IArena.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {CommitReveal} from "./libraries/CommitReveal.sol";
import {Ranking} from "./libraries/Ranking.sol";
import {RewardMath} from "./libraries/RewardMath.sol";
import {Sortition} from "./libraries/Sortition.sol";

/// @title Competitive training
/// @notice See IArena. This file lets people in and takes their models; TaskState says where a task stands, Evaluation
///         draws panels and takes scores, Settlement and Payout say what it comes to.
/// @dev Holds bounties, bonds and slashed stake until they are claimed; the stakes themselves stay in the stake ledger.
contract Arena is IArena {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Ranking for uint96[];
    using TaskState for TaskState.State;

    /* CONSTANTS */

    /// @notice Parts of a stake that a slash takes, WAD.
    uint256 public constant UNREVEALED_SLASH = Settlement.UNREVEALED_SLASH;
    uint256 public constant DUPLICATE_SLASH = Settlement.DUPLICATE_SLASH;
    uint256 public constant INVALID_SLASH = Settlement.INVALID_SLASH;
    uint256 public constant UNAVAILABLE_SLASH = Settlement.UNAVAILABLE_SLASH;
    uint256 public constant SILENT_SLASH = Settlement.SILENT_SLASH;
    uint256 public constant DEVIATING_SLASH = Settlement.DEVIATING_SLASH;
    /// @notice The part of all slashes that goes to the callers of settle, WAD.
    uint256 public constant SETTLER_SHARE = Settlement.SETTLER_SHARE;
    /// @notice Seconds after an attempt's first deadlines from which submissions can be settled without a seed.
    uint256 public constant SEED_PATIENCE = TaskState.SEED_PATIENCE;
    /// @notice The part of what its settlement takes from the first panel that an upheld appeal earns, WAD.
    uint256 public constant APPELLANT_SHARE = Settlement.APPELLANT_SHARE;
    /// @notice The least bond over the bounty, WAD.
    uint256 public constant MIN_BOND_RATE = Parameters.MIN_BOND_RATE;
    /// @notice See RewardMath, WAD.
    uint256 public constant LAMBDA = RewardMath.LAMBDA;
    uint256 public constant GAMMA = RewardMath.GAMMA;
    uint256 public constant Q = RewardMath.Q;
    /// @inheritdoc IArena
    uint256 public constant BATCH_SIZE = Evaluation.BATCH_SIZE;

    /* IMMUTABLES */

    /// @inheritdoc IArena
    address public immutable STAKING;
    /// @inheritdoc IArena
    address public immutable TOKEN;
    /// @inheritdoc IArena
    address public immutable RANDOMNESS;
    /// @inheritdoc IArena
    address public immutable EMISSIONS;

    /* STORAGE */

    /// @inheritdoc IArena
    uint256 public taskCount;
    mapping(uint256 taskId => TaskState.State) private _state;

    /// @param emissions Zero for an arena whose tasks earn no emission.
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

    /// @inheritdoc IArena
    function createTask(TaskParameters calldata parameters) external returns (uint256 taskId) {
        Parameters.check(parameters);
        taskId = ++taskCount;
        Task storage t = _state[taskId].task;
        t.parameters = parameters;
        t.creator = msg.sender;
        t.commitEnds = uint64(block.timestamp) + parameters.commitWindow;
        t.revealEnds = t.commitEnds + parameters.revealWindow;
        t.keyEnds = t.revealEnds + parameters.keyWindow;
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), uint256(parameters.bounty) + parameters.bond);
        emit TaskCreated(taskId, msg.sender, parameters.specDigest, parameters, t.commitEnds, t.revealEnds, t.keyEnds);
    }

    /// @inheritdoc IArena
    function fundTask(uint256 taskId, uint256 assets) external {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, Phase.Commit);
        require(assets > 0, ZeroAmount());
        t.parameters.bounty += assets.toUint128();
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), assets);
        emit TaskFunded(taskId, msg.sender, assets);
    }

    /// @inheritdoc IArena
    function cancelTask(uint256 taskId) external {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        require(msg.sender == t.creator, Unauthorized(msg.sender));
        self.requirePhase(taskId, Phase.Commit);
        require(t.submissionCount == 0 && t.validatorCount == 0, TaskNotEmpty(taskId));
        t.cancelled = true;
        t.creatorPot = t.parameters.bounty + t.parameters.bond;
        emit TaskCancelled(taskId, msg.sender);
    }

    /// @inheritdoc IArena
    function releaseKey(uint256 taskId, bytes32 key) external {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, Phase.Key);
        bytes32 keyHash = keccak256(abi.encodePacked(key));
        require(keyHash == t.parameters.keyHash, WrongKey(t.parameters.keyHash, keyHash));
        t.key = key;
        t.attempt = 1;
        t.pending += t.revealedCount;
        self.openAttempt(RANDOMNESS, true);
        Payout.setToWork(self, EMISSIONS, taskId);
        emit KeyReleased(taskId, msg.sender, key, t.seedTicket, t.scoreCommitEnds, t.scoreRevealEnds, t.challengeEnds);
    }

    /// @inheritdoc IArena
    function revealCanary(
        uint256 taskId,
        uint256 submissionId,
        int64 score,
        bytes32 salt,
        bytes32[] calldata proof
    ) external {
        Appeals.revealCanary(_state[taskId], taskId, submissionId, score, salt, proof);
    }

    /* TRAINERS */

    /// @inheritdoc IArena
    function commitSubmission(
        uint256 taskId,
        uint256 stake,
        bytes32 commitment
    ) external returns (uint256 submissionId) {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, Phase.Commit);
        require(stake >= t.parameters.minTrainerStake, InsufficientStake(t.parameters.minTrainerStake, stake));
        require(commitment != 0, InvalidParameter("commitment"));
        _requireNewcomer(self, taskId);
        submissionId = ++t.submissionCount;
        t.pending += 1;
        t.trainerStake += stake.toUint128();
        self.submissionOf[msg.sender] = submissionId;
        Submission storage s = self.submissions[submissionId];
        s.trainer = msg.sender;
        s.state = SubmissionState.Committed;
        s.stake = uint128(stake);
        s.commitment = commitment;
        IStaking(STAKING).lock(msg.sender, stake);
        emit SubmissionCommitted(taskId, submissionId, msg.sender, stake, commitment);
    }

    /// @inheritdoc IArena
    function revealSubmission(uint256 taskId, uint256 submissionId, bytes32 digest, bytes32 salt) external {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        Submission storage s = self.knownSubmission(taskId, submissionId);
        self.requirePhase(taskId, Phase.Reveal);
        require(msg.sender == s.trainer, Unauthorized(msg.sender));
        require(s.state == SubmissionState.Committed, AlreadyRevealed(taskId, submissionId));
        require(digest != 0, InvalidParameter("digest"));
        bytes32 commitment = CommitReveal.submissionCommitment(taskId, msg.sender, digest, salt);
        require(commitment == s.commitment, CommitmentMismatch(s.commitment, commitment));
        s.state = SubmissionState.Revealed;
        s.digest = digest;
        t.revealsHash = keccak256(abi.encode(t.revealsHash, submissionId, digest));
        emit SubmissionRevealed(taskId, submissionId, msg.sender, digest);
        _hold(self, s, taskId, submissionId);
    }

    function _requireNewcomer(TaskState.State storage self, uint256 taskId) private view {
        bool joined = self.submissionOf[msg.sender] != 0 || self.validators[msg.sender].index != 0;
        require(!joined, AlreadyJoined(taskId, msg.sender));
    }

    /// @dev Of all submissions with one digest the earliest commit holds it; the others are duplicates.
    function _hold(TaskState.State storage self, Submission storage s, uint256 taskId, uint256 submissionId) private {
        Task storage t = self.task;
        uint256 holder = self.holders[s.digest];
        if (holder != 0 && holder < submissionId) {
            s.state = SubmissionState.Duplicate;
            emit SubmissionDuplicated(taskId, submissionId, holder);
            return;
        }
        self.holders[s.digest] = submissionId;
        t.revealedStake += s.stake;
        if (holder == 0) {
            t.revealedCount += 1;
            t.pending -= 1; // until the key opens the scoring
            return;
        }
        Submission storage later = self.submissions[holder];
        later.state = SubmissionState.Duplicate;
        t.revealedStake -= later.stake;
        emit SubmissionDuplicated(taskId, holder, submissionId);
    }

    /* VALIDATORS */

    /// @inheritdoc IArena
    function registerValidator(uint256 taskId, uint256 stake) external returns (uint256 validatorIndex) {
        TaskState.State storage self = _state[taskId];
        Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, Phase.Commit);
        require(stake >= t.parameters.minValidatorStake, InsufficientStake(t.parameters.minValidatorStake, stake));
        _requireNewcomer(self, taskId);
        validatorIndex = ++t.validatorCount;
        t.validatorStake += stake.toUint128();
        Validator storage v = self.validators[msg.sender];
        v.index = uint32(validatorIndex);
        v.stake = uint128(stake);
        self.seats[validatorIndex] = Sortition.Seat(msg.sender, uint256(t.validatorStake).toUint96());
        IStaking(STAKING).lock(msg.sender, stake);
        emit ValidatorRegistered(taskId, msg.sender, validatorIndex, stake);
    }

    /// @inheritdoc IArena
    function drawPanel(uint256 taskId, uint256 submissionId) external {
        Evaluation.drawPanel(_state[taskId], RANDOMNESS, taskId, submissionId);
    }

    /// @inheritdoc IArena
    function renewSeed(uint256 taskId) external {
        Evaluation.renewSeed(_state[taskId], RANDOMNESS, taskId);
    }

    /// @inheritdoc IArena
    function commitScores(uint256 taskId, uint256 batch, bytes32 commitment) external {
        Evaluation.commitScores(_state[taskId], RANDOMNESS, taskId, batch, commitment);
    }

    /// @inheritdoc IArena
    function revealScores(uint256 taskId, uint256 batch, ScoreEntry[] calldata entries, bytes32 salt) external {
        Evaluation.revealScores(_state[taskId], taskId, batch, entries, salt);
    }

    /* SETTLEMENT */

    /// @inheritdoc IArena
    function settle(uint256 taskId, uint256 submissionId) external {
        Settlement.settle(_state[taskId], STAKING, taskId, submissionId);
    }

    /// @inheritdoc IArena
    function appeal(uint256 taskId, uint256 submissionId) external {
        Appeals.appeal(_state[taskId], TOKEN, taskId, submissionId);
    }

    /// @inheritdoc IArena
    function redraw(uint256 taskId) external {
        Appeals.redraw(_state[taskId], RANDOMNESS, taskId);
    }

    /// @inheritdoc IArena
    function finalize(uint256 taskId) external {
        Payout.finalize(_state[taskId], EMISSIONS, taskId);
    }

    /// @inheritdoc IArena
    function claimSubmission(uint256 taskId, uint256 submissionId) external returns (uint256 reward) {
        return Payout.claimSubmission(_state[taskId], STAKING, taskId, submissionId);
    }

    /// @inheritdoc IArena
    function claimValidator(uint256 taskId, address account) external returns (uint256 reward) {
        return Payout.claimValidator(_state[taskId], STAKING, taskId, account);
    }

    /// @inheritdoc IArena
    function claimCreator(uint256 taskId) external returns (uint256 assets) {
        return Payout.claimCreator(_state[taskId], TOKEN, taskId);
    }

    /* VIEWS */

    /// @inheritdoc IArena
    function task(uint256 taskId) external view returns (Task memory) {
        return _state[taskId].task;
    }

    /// @inheritdoc IArena
    function phase(uint256 taskId) external view returns (Phase) {
        return _state[taskId].phase();
    }

    /// @inheritdoc IArena
    function submission(uint256 taskId, uint256 submissionId) external view returns (Submission memory) {
        return _state[taskId].submissions[submissionId];
    }

    /// @inheritdoc IArena
    function submissionOf(uint256 taskId, address trainer) external view returns (uint256 submissionId) {
        return _state[taskId].submissionOf[trainer];
    }

    /// @inheritdoc IArena
    function validator(uint256 taskId, address account) external view returns (Validator memory) {
        return _state[taskId].validators[account];
    }

    /// @inheritdoc IArena
    function validatorAt(uint256 taskId, uint256 validatorIndex) external view returns (address) {
        return _state[taskId].seats[validatorIndex].account;
    }

    /// @inheritdoc IArena
    function panel(uint256 taskId, uint256 submissionId) external view returns (address[] memory) {
        return Evaluation.panel(_state[taskId], submissionId);
    }

    /// @inheritdoc IArena
    function previewPanel(uint256 taskId, uint256 submissionId) external view returns (address[] memory) {
        return Evaluation.previewPanel(_state[taskId], RANDOMNESS, taskId, submissionId);
    }

    /// @inheritdoc IArena
    function scoreAt(
        uint256 taskId,
        uint256 submissionId,
        uint256 slot
    ) external view returns (bool revealed, int64 score, bool copied) {
        if (slot >= TaskState.MAX_PANEL) return (false, 0, false);
        TaskState.Panel storage p = _state[taskId].panelOf(submissionId);
        return ((p.revealed >> slot) & 1 == 1, p.scores[slot], (p.copied >> slot) & 1 == 1);
    }

    /// @inheritdoc IArena
    function appealOf(uint256 taskId, uint256 submissionId) external view returns (Appeal memory) {
        return _state[taskId].appeals[submissionId];
    }

    /// @inheritdoc IArena
    function canaryOf(uint256 taskId, uint256 submissionId) external view returns (Canary memory) {
        return _state[taskId].canaries[submissionId];
    }

    /// @inheritdoc IArena
    function scoresCommitmentOf(
        uint256 taskId,
        uint256 attempt,
        address account,
        uint256 batch
    ) external view returns (bytes32) {
        return _state[taskId].commitments[attempt][account][batch];
    }

    /// @inheritdoc IArena
    function ranking(uint256 taskId) external view returns (uint256[] memory submissionIds) {
        return _state[taskId].ranking.bestFirst();
    }

    /// @inheritdoc IArena
    function submissionCommitment(
        uint256 taskId,
        address trainer,
        bytes32 digest,
        bytes32 salt
    ) external view returns (bytes32) {
        return CommitReveal.submissionCommitment(taskId, trainer, digest, salt);
    }

    /// @inheritdoc IArena
    function scoresCommitment(
        uint256 taskId,
        uint256 attempt,
        address account,
        uint256 batch,
        ScoreEntry[] calldata entries,
        bytes32 salt
    ) external view returns (bytes32) {
        return CommitReveal.scoresCommitment(taskId, attempt, account, batch, entries, salt);
    }

    /// @inheritdoc IArena
    function claimable(uint256 taskId, uint256 submissionId, address account) external view returns (uint256) {
        return Payout.claimable(_state[taskId], submissionId, account);
    }
}
