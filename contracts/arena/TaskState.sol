// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IArena} from "../interfaces/IArena.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {Sortition} from "../libraries/Sortition.sol";

/// @title What the arena stores of a task, and where the task stands
/// @dev The arena's code is more than one contract may hold. So all of a task is one struct, which the arena hands to
///      the linked libraries; this one is compiled into all of them.
library TaskState {
    uint256 internal constant MAX_PANEL = 32;
    /// @dev How many attempts a submission has without appeals; one more is for an appeal in the second.
    uint256 internal constant MAX_ATTEMPTS = 2;

    /// @dev How long after its first deadlines an attempt waits for a seed. Then it counts as one in which nobody was
    ///      drawn, so that not even a source of randomness that fails for ever locks anything for ever.
    uint64 internal constant SEED_PATIENCE = 7 days;

    uint256 private constant WAD = 1e18;

    /// @dev The panel of one submission in one attempt.
    /// @param size How many members; 0 before the draw.
    /// @param revealed Bit k is set once the member of slot k has revealed.
    /// @param copied Bit k is set if it called the submission a copy.
    /// @param members Validator indices by slot.
    struct Panel {
        uint8 size;
        uint32 revealed;
        uint32 copied;
        uint32[MAX_PANEL] members;
        int64[MAX_PANEL] scores;
    }

    /// @dev What was already taken out of a pot.
    struct Taken {
        uint256 weight;
        uint256 assets;
    }

    /// @dev All of one task. Ids and indices count from 1.
    /// @param rewarded Slashes of which the callers of settle get a tenth: all but those of the callers themselves.
    /// @param seats Validators by index.
    /// @param holders The earliest of the revealed submissions with a digest.
    /// @param panels By submission and attempt.
    /// @param commitments To scores, by attempt, validator and batch.
    /// @param ranking See Ranking.
    struct State {
        IArena.Task task;
        mapping(uint256 submissionId => IArena.Submission) submissions;
        mapping(address trainer => uint256 submissionId) submissionOf;
        mapping(address account => IArena.Validator) validators;
        mapping(uint256 validatorIndex => Sortition.Seat) seats;
        mapping(bytes32 digest => uint256 submissionId) holders;
        mapping(uint256 submissionId => mapping(uint256 attempt => Panel)) panels;
        mapping(uint256 attempt => mapping(address account => mapping(uint256 batch => bytes32))) commitments;
        uint96[] ranking;
        Taken takenByTrainers;
        Taken takenByValidators;
        uint256 rewarded;
        mapping(uint256 submissionId => IArena.Appeal) appeals;
        mapping(uint256 submissionId => IArena.Canary) canaries;
    }

    /* RECORDS */

    function requireKnown(State storage self, uint256 taskId) internal view returns (IArena.Task storage t) {
        t = self.task;
        require(t.creator != address(0), IArena.UnknownTask(taskId));
    }

    function knownSubmission(
        State storage self,
        uint256 taskId,
        uint256 submissionId
    ) internal view returns (IArena.Submission storage s) {
        s = self.submissions[submissionId];
        require(s.trainer != address(0), IArena.UnknownSubmission(taskId, submissionId));
    }

    function knownValidator(
        State storage self,
        uint256 taskId,
        address account
    ) internal view returns (IArena.Validator storage v) {
        v = self.validators[account];
        require(v.index != 0, IArena.UnknownValidator(taskId, account));
    }

    /* PHASES */

    function requirePhase(State storage self, uint256 taskId, IArena.Phase expected) internal view {
        IArena.Phase actual = phase(self);
        require(actual == expected, IArena.WrongPhase(taskId, actual));
    }

    function phase(State storage self) internal view returns (IArena.Phase) {
        IArena.Task storage t = self.task;
        if (t.creator == address(0)) return IArena.Phase.None;
        if (t.cancelled) return IArena.Phase.Cancelled;
        if (t.finalized) return IArena.Phase.Finalized;
        if (block.timestamp < t.commitEnds) return IArena.Phase.Commit;
        if (t.submissionCount == 0 || t.validatorCount < t.parameters.quorum) return IArena.Phase.Abandoned;
        if (block.timestamp < t.revealEnds) return IArena.Phase.Reveal;
        if (t.attempt == 0) {
            if (t.revealedCount == 0) return IArena.Phase.Settle;
            return block.timestamp < t.keyEnds ? IArena.Phase.Key : IArena.Phase.Void;
        }
        if (block.timestamp < t.scoreCommitEnds) return IArena.Phase.ScoreCommit;
        if (block.timestamp < t.scoreRevealEnds) return IArena.Phase.ScoreReveal;
        return block.timestamp < t.challengeEnds ? IArena.Phase.Challenge : IArena.Phase.Settle;
    }

    /* STAKE THAT COUNTS */

    /// @notice The most that counts of one stake: its share of all stakes of its side, rounded up.
    /// @dev All joined before the commit phase ended, so that nothing moves it when stake is counted.
    function cap(uint256 total, uint256 maxShare) internal pure returns (uint256) {
        return (total * maxShare + WAD - 1) / WAD;
    }

    /// @notice What counts of a validator's stake in panels, medians and weights.
    function counted(State storage self, IArena.Validator storage v) internal view returns (uint256) {
        return _least(v.stake, cap(self.task.validatorStake, self.task.parameters.maxShare));
    }

    /// @notice What counts of a submission's stake in its weight.
    function counted(State storage self, IArena.Submission storage s) internal view returns (uint256) {
        return _least(s.stake, cap(self.task.trainerStake, self.task.parameters.maxShare));
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /* SCORING */

    /// @notice Opens an evaluation attempt.
    /// @param appealable Whether a result of the attempt could be appealed.
    function openAttempt(State storage self, address randomness, bool appealable) internal {
        startAttempt(self, randomness, appealable);
        self.task.patienceEnds = self.task.scoreRevealEnds + SEED_PATIENCE;
    }

    /// @notice Opens the windows of an attempt, perhaps once more: a new seed and new deadlines.
    function startAttempt(State storage self, address randomness, bool appealable) internal {
        IArena.Task storage t = self.task;
        t.seed = 0;
        t.seedTicket = uint64(IRandomness(randomness).request());
        t.scoreCommitEnds = uint64(block.timestamp) + t.parameters.scoreCommitWindow;
        t.scoreRevealEnds = t.scoreCommitEnds + t.parameters.scoreRevealWindow;
        t.challengeEnds = t.scoreRevealEnds + (appealable ? t.parameters.challengeWindow : 0);
    }

    /// @notice Whether a submission waits for its panel's scores in the current attempt.
    function isScorable(State storage self, IArena.Submission storage s) internal view returns (bool) {
        if (s.state == IArena.SubmissionState.Revealed) return true;
        if (s.state != IArena.SubmissionState.Unscored) return false;
        return s.settledAttempt < self.task.attempt && s.settledAttempt < MAX_ATTEMPTS;
    }

    /// @notice Whether another attempt is owed to submissions that were appealed or, once, that have no consensus.
    function isRedrawable(State storage self) internal view returns (bool) {
        IArena.Task storage t = self.task;
        return t.appealed > 0 || (t.unscored > 0 && t.attempt < MAX_ATTEMPTS);
    }

    /// @notice Whether a larger panel than that of the present attempt could follow.
    function isAppealable(State storage self) internal view returns (bool) {
        IArena.Task storage t = self.task;
        return t.challengeEnds > t.scoreRevealEnds && t.validatorCount > t.parameters.panelSize;
    }

    /// @notice The panel that was drawn last, or is to be drawn.
    function panelOf(State storage self, uint256 submissionId) internal view returns (Panel storage) {
        IArena.Submission storage s = self.submissions[submissionId];
        return self.panels[submissionId][isScorable(self, s) ? self.task.attempt : s.settledAttempt];
    }
}
