// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IArena} from "../interfaces/IArena.sol";
import {IEmissions} from "../interfaces/IEmissions.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Ranking} from "../libraries/Ranking.sol";
import {RewardMath} from "../libraries/RewardMath.sol";
import {TaskState} from "./TaskState.sol";

/// @title Who gets the money of a task: the three pots and the claims
/// @notice A library linked to the arena, like Settlement.
/// @dev Every wei of bounty, bond, slashes and emission is put into one of the pots, and every pot with money has
///      weights that add up to its total. So nothing is left once all have claimed.
library Payout {
    using SafeERC20 for IERC20;
    using Ranking for uint96[];
    using TaskState for TaskState.State;

    /* EMISSION */

    /// @notice From the key's release on the stake of a task is at work: its emission begins.
    /// @dev An arena that may not raise weights any more leads its tasks to their end without.
    function setToWork(TaskState.State storage self, address emissions, uint256 taskId) external {
        if (emissions == address(0) || !IEmissions(emissions).isModule(address(this))) return;
        IArena.Task storage t = self.task;
        IEmissions(emissions).setWeight(bytes32(taskId), uint256(t.revealedStake) + t.validatorStake);
    }

    /// @dev Takes what a task has earned, and ends its work.
    function _drawEmission(IArena.Task storage t, address emissions, uint256 taskId) private {
        if (emissions == address(0) || t.attempt == 0) return;
        t.emission = uint128(IEmissions(emissions).draw(bytes32(taskId), address(this)));
        IEmissions(emissions).setWeight(bytes32(taskId), 0);
    }

    /* FINALIZE */

    /// @notice See IArena.finalize.
    function finalize(TaskState.State storage self, address emissions, uint256 taskId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Phase current = self.phase();
        if (current == IArena.Phase.Abandoned) {
            t.creatorPot = t.parameters.bounty + t.parameters.bond;
            return _close(t, taskId, "abandoned");
        }
        bool due = current == IArena.Phase.Void || current == IArena.Phase.Settle;
        require(due, IArena.WrongPhase(taskId, current));
        require(t.pending == 0, IArena.SubmissionsPending(taskId, t.pending));
        require(!self.isRedrawable(), IArena.RedrawPossible(taskId));
        _drawEmission(t, emissions, taskId);
        // all panels but those of unscored submissions agreed on something
        uint256 agreed = t.revealedCount - t.unscored;
        if (current == IArena.Phase.Void || 2 * uint256(t.unopenable) > agreed) _void(t, taskId);
        else if (t.validatorWeight > 0) _reward(self, taskId);
        else _fail(t, taskId);
    }

    /// @dev The creator failed: its bond and all slashes go to those who revealed a model.
    function _void(IArena.Task storage t, uint256 taskId) private {
        t.trainerPot = t.parameters.bond + t.slashed + t.emission;
        t.trainerWeight = t.revealedStake;
        t.validatorWeight = 0;
        t.creatorPot = t.parameters.bounty;
        t.sharedByStake = true;
        _close(t, taskId, "void");
    }

    /// @dev Nothing could be scored: the slashes go to those who revealed a model, else to the validators.
    function _fail(IArena.Task storage t, uint256 taskId) private {
        uint128 assets = t.slashed + t.emission;
        if (t.revealedStake > 0) (t.trainerPot, t.trainerWeight) = (assets, t.revealedStake);
        else (t.validatorPot, t.validatorWeight) = (assets, t.validatorStake);
        t.creatorPot = t.parameters.bounty + t.parameters.bond;
        t.sharedByStake = true;
        _close(t, taskId, "failed");
    }

    function _reward(TaskState.State storage self, uint256 taskId) private {
        IArena.Task storage t = self.task;
        uint256 bounty = t.parameters.bounty;
        uint256 total = bounty + t.slashed + t.emission;
        t.creatorPot = t.parameters.bond;
        t.trainerWeight = _weighRanks(self, taskId);
        uint256 assets = t.trainerWeight > 0 ? total : bounty;
        uint256 trainerPart = RewardMath.trainerPart(assets, t.trainerStake, t.validatorStake);
        // where no model deserves the trainers' part of the bounty, it returns to the creator
        if (t.trainerWeight > 0) t.trainerPot = uint128(trainerPart);
        else t.creatorPot += uint128(trainerPart);
        t.validatorPot = uint128(total - trainerPart);
        _close(t, taskId, "settled");
    }

    /// @dev Gives the ranked submissions their weights.
    function _weighRanks(TaskState.State storage self, uint256 taskId) private returns (uint256 total) {
        uint256[] memory ids = self.ranking.bestFirst();
        for (uint256 i; i < ids.length; ++i) {
            IArena.Submission storage s = self.submissions[ids[i]];
            uint256 weight = RewardMath.rankWeight(i + 1, self.counted(s));
            s.weight = weight;
            total += weight;
            emit IArena.SubmissionRanked(taskId, ids[i], s.trainer, i + 1, weight);
        }
    }

    function _close(IArena.Task storage t, uint256 taskId, bytes32 outcome) private {
        t.finalized = true;
        emit IArena.TaskFinalized(
            taskId,
            outcome,
            t.trainerPot,
            t.validatorPot,
            t.creatorPot,
            t.trainerWeight,
            t.validatorWeight,
            t.emission
        );
    }

    /* CLAIM */

    /// @notice See IArena.claimSubmission.
    function claimSubmission(
        TaskState.State storage self,
        address staking,
        uint256 taskId,
        uint256 submissionId
    ) external returns (uint256 reward) {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Submission storage s = self.knownSubmission(taskId, submissionId);
        if (!t.finalized) revert IArena.WrongPhase(taskId, self.phase()); // require would always compute the phase
        require(!s.claimed, IArena.AlreadyClaimed(taskId, s.trainer));
        s.claimed = true;
        reward = _take(self.takenByTrainers, t.trainerPot, t.trainerWeight, _weightOf(t, s));
        _payOut(staking, taskId, submissionId, s.trainer, reward, s.stake - s.slashed);
    }

    /// @notice See IArena.claimValidator.
    function claimValidator(
        TaskState.State storage self,
        address staking,
        uint256 taskId,
        address account
    ) external returns (uint256 reward) {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Validator storage v = self.knownValidator(taskId, account);
        if (!t.finalized) revert IArena.WrongPhase(taskId, self.phase()); // require would always compute the phase
        require(!v.claimed, IArena.AlreadyClaimed(taskId, account));
        v.claimed = true;
        reward = _take(self.takenByValidators, t.validatorPot, t.validatorWeight, _weightOf(t, v));
        _payOut(staking, taskId, 0, account, reward, v.stake - v.slashed);
    }

    /// @notice See IArena.claimCreator.
    function claimCreator(
        TaskState.State storage self,
        address token,
        uint256 taskId
    ) external returns (uint256 assets) {
        IArena.Task storage t = self.requireKnown(taskId);
        if (!t.finalized && !t.cancelled) revert IArena.WrongPhase(taskId, self.phase());
        require(!t.creatorClaimed, IArena.AlreadyClaimed(taskId, t.creator));
        t.creatorClaimed = true;
        assets = t.creatorPot;
        IERC20(token).safeTransfer(t.creator, assets);
        emit IArena.CreatorClaimed(taskId, t.creator, assets);
    }

    /// @notice See IArena.claimable.
    function claimable(
        TaskState.State storage self,
        uint256 submissionId,
        address account
    ) external view returns (uint256) {
        IArena.Task storage t = self.task;
        if (!t.finalized) return 0;
        if (submissionId == 0) {
            IArena.Validator storage v = self.validators[account];
            if (v.claimed) return 0;
            TaskState.Taken memory byValidators = self.takenByValidators;
            return _share(byValidators.weight, byValidators.assets, t.validatorPot, t.validatorWeight, _weightOf(t, v));
        }
        IArena.Submission storage s = self.submissions[submissionId];
        if (s.claimed) return 0;
        TaskState.Taken memory taken = self.takenByTrainers;
        return _share(taken.weight, taken.assets, t.trainerPot, t.trainerWeight, _weightOf(t, s));
    }

    function _weightOf(IArena.Task storage t, IArena.Submission storage s) private view returns (uint256) {
        if (!t.sharedByStake) return s.weight;
        IArena.SubmissionState state = s.state;
        bool counts = state != IArena.SubmissionState.Unrevealed && state != IArena.SubmissionState.Duplicate;
        counts = counts && state != IArena.SubmissionState.Copied && state != IArena.SubmissionState.Canary;
        return counts ? s.stake : 0;
    }

    function _weightOf(IArena.Task storage t, IArena.Validator storage v) private view returns (uint256) {
        return t.sharedByStake ? v.stake : v.weight;
    }

    /// @dev Rounded down; who takes the last weight out of a pot gets what the others' rounding left.
    function _share(
        uint256 takenWeight,
        uint256 takenAssets,
        uint256 pot,
        uint256 total,
        uint256 weight
    ) private pure returns (uint256) {
        if (pot == 0 || weight == 0) return 0;
        if (takenWeight + weight == total) return pot - takenAssets;
        return RewardMath.share(pot, weight, total);
    }

    function _take(
        TaskState.Taken storage taken,
        uint256 pot,
        uint256 total,
        uint256 weight
    ) private returns (uint256 reward) {
        if (pot == 0 || weight == 0) return 0;
        (uint256 takenWeight, uint256 takenAssets) = (taken.weight, taken.assets);
        reward = _share(takenWeight, takenAssets, pot, total, weight);
        (taken.weight, taken.assets) = (takenWeight + weight, takenAssets + reward);
    }

    function _payOut(
        address staking,
        uint256 taskId,
        uint256 submissionId,
        address operator,
        uint256 reward,
        uint256 unlocked
    ) private {
        if (unlocked > 0) IStaking(staking).unlock(operator, unlocked);
        if (reward > 0) IStaking(staking).distribute(operator, reward);
        emit IArena.RewardClaimed(taskId, submissionId, operator, reward, unlocked);
    }
}
