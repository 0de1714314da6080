// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IArena} from "../interfaces/IArena.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Ranking} from "../libraries/Ranking.sol";
import {RewardMath} from "../libraries/RewardMath.sol";
import {Scores} from "../libraries/Scores.sol";
import {TaskState} from "./TaskState.sol";

/// @title What the submissions of a task come to: consensus, weights, slashes, ranking
/// @notice A library linked to the arena: it runs on the arena's storage and money, and its events are the arena's.
/// @dev The order of settlements changes nobody's money: all sums are commutative, a validator's slashes are capped by
///      its stake in sum, the settlers' share is a tenth of the sum, and the ranking is that of a set.
library Settlement {
    using SafeERC20 for IERC20;
    using Ranking for uint96[];
    using TaskState for TaskState.State;

    uint256 internal constant WAD = 1e18;
    uint256 internal constant UNREVEALED_SLASH = 0.1e18;
    uint256 internal constant DUPLICATE_SLASH = 0.5e18;
    uint256 internal constant INVALID_SLASH = 0.1e18;
    uint256 internal constant UNAVAILABLE_SLASH = 0.1e18;
    uint256 internal constant SILENT_SLASH = 0.05e18;
    uint256 internal constant DEVIATING_SLASH = 0.1e18;
    uint256 internal constant SETTLER_SHARE = 0.1e18;
    /// @dev How long after the scores' deadline an attempt waits for its seed. Then it counts as one in which nobody
    ///      was drawn, so that not even a source of randomness that fails for ever locks anything for ever.
    uint256 internal constant SEED_PATIENCE = 7 days;

    /// @dev A slash that is recorded and still has to be carried out.
    struct Slash {
        address operator;
        uint256 assets;
    }

    /// @dev What one member of a panel did, and what counts of its stake.
    struct Vote {
        address validator;
        uint256 stake;
        bool revealed;
        int256 score;
    }

    /* SETTLE */

    /// @notice See IArena.settle.
    function settle(TaskState.State storage self, address staking, uint256 taskId, uint256 submissionId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Submission storage s = self.knownSubmission(taskId, submissionId);
        IArena.Phase current = self.phase();
        bool open = current >= IArena.Phase.Key && current <= IArena.Phase.Settle;
        require(open, IArena.WrongPhase(taskId, current));
        Slash[] memory slashes;
        if (s.state == IArena.SubmissionState.Committed) {
            slashes = _settleUnrevealed(s, taskId, submissionId);
        } else if (s.state == IArena.SubmissionState.Duplicate && s.settledAttempt == 0) {
            slashes = _settleDuplicate(s, taskId, submissionId);
        } else {
            require(self.isScorable(s), IArena.AlreadySettled(taskId, submissionId));
            require(current == IArena.Phase.Settle, IArena.WrongPhase(taskId, current));
            slashes = _settleScored(self, s, taskId, submissionId);
        }
        t.pending -= 1;
        _carryOut(self, staking, taskId, submissionId, slashes);
    }

    function _settleUnrevealed(
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId
    ) private returns (Slash[] memory slashes) {
        s.state = IArena.SubmissionState.Unrevealed;
        s.settledAttempt = 1;
        emit IArena.SubmissionUnrevealed(taskId, submissionId, s.trainer);
        slashes = new Slash[](1);
        slashes[0] = _slashTrainer(s, taskId, submissionId, UNREVEALED_SLASH, "unrevealed");
    }

    function _settleDuplicate(
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId
    ) private returns (Slash[] memory slashes) {
        s.settledAttempt = 1;
        slashes = new Slash[](1);
        slashes[0] = _slashTrainer(s, taskId, submissionId, DUPLICATE_SLASH, "duplicate");
    }

    /// @return slashes One per panel member, the last one for the trainer; some are empty.
    function _settleScored(
        TaskState.State storage self,
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId
    ) private returns (Slash[] memory slashes) {
        IArena.Task storage t = self.task;
        (Vote[] memory votes, uint256 reveals) = _votes(self, taskId, submissionId);
        s.settledAttempt = t.attempt;
        slashes = new Slash[](votes.length + 1);
        _slashSilent(self, taskId, submissionId, votes, slashes);
        (bool agreed, int256 consensus) = _consensus(votes, reveals, t.parameters);
        if (!agreed) {
            s.state = IArena.SubmissionState.Unscored;
            t.unscored += 1;
            emit IArena.SubmissionUnscored(taskId, submissionId, s.trainer, t.attempt);
            return slashes;
        }
        slashes[votes.length] = _conclude(self, s, taskId, submissionId, consensus);
        t.validatorWeight += _appraiseAll(self, taskId, submissionId, consensus, votes, slashes);
    }

    /// @dev The votes of the panel in slot order.
    function _votes(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId
    ) private view returns (Vote[] memory votes, uint256 reveals) {
        TaskState.Panel storage p = self.panels[submissionId][self.task.attempt];
        bool hopeless = self.task.seed == 0 && block.timestamp >= self.task.scoreRevealEnds + SEED_PATIENCE;
        require(p.size > 0 || hopeless, IArena.PanelNotDrawn(taskId, submissionId));
        votes = new Vote[](p.size);
        uint256 revealed = p.revealed;
        for (uint256 slot; slot < votes.length; ++slot) {
            address account = self.seats[p.members[slot]].account;
            bool hasRevealed = (revealed >> slot) & 1 == 1;
            if (hasRevealed) ++reveals;
            votes[slot] = Vote(account, self.counted(self.validators[account]), hasRevealed, p.scores[slot]);
        }
    }

    /// @dev The median, if enough have revealed and more than half of their stake agrees with it.
    function _consensus(
        Vote[] memory votes,
        uint256 reveals,
        IArena.TaskParameters storage parameters
    ) private view returns (bool agreed, int256 consensus) {
        if (reveals < parameters.quorum) return (false, 0);
        int256[] memory qualities = new int256[](reveals);
        uint256[] memory stakes = new uint256[](reveals);
        uint256 next;
        for (uint256 i; i < votes.length; ++i) {
            if (!votes[i].revealed) continue;
            qualities[next] = Scores.quality(votes[i].score, parameters.maximise);
            stakes[next++] = votes[i].stake;
        }
        consensus = Scores.quality(Scores.median(qualities, stakes), parameters.maximise);
        int256 balance;
        for (uint256 i; i < votes.length; ++i) {
            if (!votes[i].revealed) continue;
            balance +=
                _agrees(parameters, consensus, votes[i].score) ? int256(votes[i].stake) : -int256(votes[i].stake);
        }
        agreed = balance > 0;
    }

    /// @dev Writes the consensus into the submission.
    function _conclude(
        TaskState.State storage self,
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId,
        int256 consensus
    ) private returns (Slash memory slash) {
        s.score = int64(consensus);
        if (consensus == Scores.UNOPENABLE) {
            s.state = IArena.SubmissionState.Unopenable;
            self.task.unopenable += 1;
            emit IArena.HeldOutUnopenable(taskId, submissionId, s.trainer);
        } else if (consensus == Scores.UNAVAILABLE) {
            s.state = IArena.SubmissionState.Unavailable;
            emit IArena.SubmissionUnavailable(taskId, submissionId, s.trainer);
            slash = _slashTrainer(s, taskId, submissionId, UNAVAILABLE_SLASH, "unavailable");
        } else if (consensus == Scores.INVALID) {
            s.state = IArena.SubmissionState.Invalid;
            emit IArena.SubmissionInvalid(taskId, submissionId, s.trainer);
            slash = _slashTrainer(s, taskId, submissionId, INVALID_SLASH, "invalid");
        } else {
            s.state = IArena.SubmissionState.Scored;
            _rank(self, s, taskId, submissionId, consensus);
        }
    }

    function _rank(
        TaskState.State storage self,
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId,
        int256 score
    ) private {
        IArena.TaskParameters storage parameters = self.task.parameters;
        int256 gridScore = Scores.floorToGrid(score, parameters.grid);
        self.ranking.insert(parameters.paidRanks, submissionId, Scores.quality(gridScore, parameters.maximise));
        emit IArena.SubmissionScored(taskId, submissionId, s.trainer, score, gridScore);
    }

    /// @dev Weighs or slashes every member that revealed.
    /// @return total The weights given.
    function _appraiseAll(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        int256 consensus,
        Vote[] memory votes,
        Slash[] memory slashes
    ) private returns (uint256 total) {
        for (uint256 i; i < votes.length; ++i) {
            Vote memory vote = votes[i];
            if (!vote.revealed) continue;
            (uint256 weight, bool deviates) = _appraise(self.task.parameters, consensus, vote);
            if (deviates) {
                slashes[i] = _slashValidator(self, taskId, submissionId, vote.validator, DEVIATING_SLASH, "deviating");
            } else if (weight > 0) {
                total += weight;
                self.validators[vote.validator].weight += weight;
                emit IArena.ValidatorWeighted(taskId, submissionId, vote.validator, weight);
            }
        }
    }

    /// @dev What a vote is worth against the consensus. Who could not get the model is neither paid nor slashed, unless
    ///      nobody could; and where the model is unavailable or the set cannot be opened nobody is known to have lied.
    function _appraise(
        IArena.TaskParameters storage parameters,
        int256 consensus,
        Vote memory vote
    ) private view returns (uint256 weight, bool deviates) {
        if (consensus == Scores.UNOPENABLE) return (0, false);
        if (!_agrees(parameters, consensus, vote.score)) {
            return (0, consensus != Scores.UNAVAILABLE && vote.score != Scores.UNAVAILABLE);
        }
        uint256 distance = Scores.distance(consensus, vote.score);
        if (distance > parameters.tolerance) return (0, false);
        return (RewardMath.validatorWeight(distance, parameters.scale, vote.stake), false);
    }

    /// @dev Whether it is the same verdict, or a score that is not far off.
    function _agrees(
        IArena.TaskParameters storage parameters,
        int256 consensus,
        int256 score
    ) private view returns (bool) {
        if (Scores.isVerdict(consensus) || Scores.isVerdict(score)) return score == consensus;
        return Scores.distance(consensus, score) <= parameters.slashTolerance;
    }

    /* SLASHES */

    function _slashSilent(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        Vote[] memory votes,
        Slash[] memory slashes
    ) private {
        for (uint256 i; i < votes.length; ++i) {
            if (votes[i].revealed) continue;
            slashes[i] = _slashValidator(self, taskId, submissionId, votes[i].validator, SILENT_SLASH, "silent");
        }
    }

    function _slashTrainer(
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId,
        uint256 rate,
        bytes32 reason
    ) private returns (Slash memory) {
        uint256 assets = _capped(s.stake, s.slashed, rate);
        s.slashed += uint128(assets);
        emit IArena.TrainerSlashed(taskId, submissionId, s.trainer, assets, reason);
        return Slash(s.trainer, assets);
    }

    function _slashValidator(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        address account,
        uint256 rate,
        bytes32 reason
    ) private returns (Slash memory) {
        IArena.Validator storage v = self.validators[account];
        uint256 assets = _capped(v.stake, v.slashed, rate);
        v.slashed += uint128(assets);
        emit IArena.ValidatorSlashed(taskId, submissionId, account, assets, reason);
        return Slash(account, assets);
    }

    /// @dev A part of the stake, at most what earlier slashes left of it.
    function _capped(uint256 stake, uint256 slashed, uint256 rate) private pure returns (uint256) {
        uint256 assets = (stake * rate) / WAD;
        uint256 left = stake - slashed;
        return assets < left ? assets : left;
    }

    /// @dev Takes the slashed stake; the caller's share is what raises the settlers' total to its part of all slashes
    ///      but those that they settled against themselves.
    function _carryOut(
        TaskState.State storage self,
        address staking,
        uint256 taskId,
        uint256 submissionId,
        Slash[] memory slashes
    ) private {
        uint256 sum;
        uint256 rewarded = self.rewarded;
        for (uint256 i; i < slashes.length; ++i) {
            sum += slashes[i].assets;
            if (slashes[i].operator != msg.sender) rewarded += slashes[i].assets;
        }
        if (sum == 0) return;
        IArena.Task storage t = self.task;
        uint256 settlerPaid = t.settlerPaid;
        uint256 share = (rewarded * SETTLER_SHARE) / WAD - settlerPaid;
        self.rewarded = rewarded;
        t.slashed += uint128(sum - share);
        t.settlerPaid = uint128(settlerPaid + share);
        for (uint256 i; i < slashes.length; ++i) {
            if (slashes[i].assets == 0) continue;
            IStaking(staking).slash(slashes[i].operator, slashes[i].assets, address(this));
        }
        if (share == 0) return;
        IERC20(IStaking(staking).TOKEN()).safeTransfer(msg.sender, share);
        emit IArena.SettlerPaid(taskId, submissionId, msg.sender, share);
    }

    /* REDRAW */

    /// @notice See IArena.redraw.
    function redraw(TaskState.State storage self, address randomness, uint256 taskId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, IArena.Phase.Settle);
        require(t.pending == 0, IArena.SubmissionsPending(taskId, t.pending));
        require(self.isRedrawable(), IArena.RedrawNotPossible(taskId));
        t.attempt += 1;
        t.pending = t.unscored;
        t.unscored = 0;
        self.startAttempt(randomness);
        emit IArena.TaskRedrawn(taskId, t.attempt, t.seedTicket, t.scoreCommitEnds, t.scoreRevealEnds);
    }
}
