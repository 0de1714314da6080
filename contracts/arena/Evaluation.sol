// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IArena} from "../interfaces/IArena.sol";
import {IRandomness} from "../interfaces/IRandomness.sol";
import {CommitReveal} from "../libraries/CommitReveal.sol";
import {Scores} from "../libraries/Scores.sol";
import {Sortition} from "../libraries/Sortition.sol";
import {TaskState} from "./TaskState.sol";

/// @title Who scores what: seeds, panels, committed and revealed scores
/// @notice A library linked to the arena, like Settlement.
library Evaluation {
    using TaskState for TaskState.State;

    uint256 internal constant BATCH_SIZE = 256;

    /* PANELS */

    /// @notice See IArena.drawPanel.
    function drawPanel(
        TaskState.State storage self,
        address randomness,
        uint256 taskId,
        uint256 submissionId
    ) external {
        _requireDrawable(self, taskId, submissionId);
        _fixSeed(self, randomness, taskId);
        uint256[] memory indices = _draw(self, self.task.seed, submissionId);
        uint256 attempt = self.task.attempt;
        TaskState.Panel storage p = self.panels[submissionId][attempt];
        p.size = uint8(indices.length);
        for (uint256 slot; slot < indices.length; ++slot) p.members[slot] = uint32(indices[slot]);
        emit IArena.PanelDrawn(taskId, submissionId, attempt, _accounts(self, indices));
    }

    /// @notice See IArena.previewPanel.
    function previewPanel(
        TaskState.State storage self,
        address randomness,
        uint256 taskId,
        uint256 submissionId
    ) external view returns (address[] memory) {
        _requireDrawable(self, taskId, submissionId);
        return _accounts(self, _draw(self, _seedOf(self, randomness, taskId), submissionId));
    }

    /// @notice See IArena.panel.
    function panel(TaskState.State storage self, uint256 submissionId) external view returns (address[] memory) {
        TaskState.Panel storage p = self.panelOf(submissionId);
        uint256[] memory indices = new uint256[](p.size);
        for (uint256 slot; slot < indices.length; ++slot) indices[slot] = p.members[slot];
        return _accounts(self, indices);
    }

    /// @notice See IArena.renewSeed.
    function renewSeed(TaskState.State storage self, address randomness, uint256 taskId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        _requireScoring(self, taskId);
        bool missed = block.timestamp >= t.scoreCommitEnds || IRandomness(randomness).expired(t.seedTicket);
        require(t.seed == 0 && missed, IArena.SeedStillValid(t.seedTicket));
        require(block.timestamp < t.patienceEnds, IArena.SeedOverdue(t.patienceEnds));
        self.startAttempt(randomness, t.challengeEnds > t.scoreRevealEnds);
        emit IArena.SeedRequested(
            taskId,
            t.attempt,
            t.seedTicket,
            t.scoreCommitEnds,
            t.scoreRevealEnds,
            t.challengeEnds
        );
    }

    function _requireScoring(TaskState.State storage self, uint256 taskId) private view {
        IArena.Phase actual = self.phase();
        // Settle is also the phase of a task in which nobody revealed: no attempt was opened there
        bool scoring = actual >= IArena.Phase.ScoreCommit && actual <= IArena.Phase.Settle && self.task.attempt > 0;
        require(scoring, IArena.WrongPhase(taskId, actual));
    }

    /// @dev That the submission's panel can be drawn now.
    function _requireDrawable(TaskState.State storage self, uint256 taskId, uint256 submissionId) private view {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Submission storage s = self.knownSubmission(taskId, submissionId);
        _requireScoring(self, taskId);
        require(self.isScorable(s), IArena.SubmissionNotScorable(taskId, submissionId));
        bool drawn = self.panels[submissionId][t.attempt].size > 0;
        require(!drawn, IArena.PanelAlreadyDrawn(taskId, submissionId));
    }

    /// @dev The attempt's seed, or what it would be if it were fixed now. That can only be while scores can be
    ///      committed: a panel that was drawn later would be silent without a choice.
    function _seedOf(TaskState.State storage self, address randomness, uint256 taskId) private view returns (bytes32) {
        IArena.Task storage t = self.task;
        if (t.seed != 0) return t.seed;
        self.requirePhase(taskId, IArena.Phase.ScoreCommit);
        bytes32 raw = IRandomness(randomness).seed(t.seedTicket);
        return keccak256(abi.encode(raw, taskId, uint256(t.attempt), t.revealsHash));
    }

    function _fixSeed(TaskState.State storage self, address randomness, uint256 taskId) private {
        IArena.Task storage t = self.task;
        if (t.seed != 0) return;
        t.seed = _seedOf(self, randomness, taskId);
        emit IArena.SeedFixed(taskId, t.attempt, t.seed);
    }

    /// @dev Validator indices in slot order.
    function _draw(
        TaskState.State storage self,
        bytes32 seed,
        uint256 submissionId
    ) private view returns (uint256[] memory) {
        IArena.Task storage t = self.task;
        uint256 cap = TaskState.cap(t.validatorStake, t.parameters.maxShare);
        bool appealed = self.appeals[submissionId].appellant != address(0);
        uint256 places = appealed ? t.parameters.appealPanelSize : t.parameters.panelSize;
        return Sortition.draw(self.seats, t.validatorCount, places, cap, seed, submissionId);
    }

    function _accounts(
        TaskState.State storage self,
        uint256[] memory indices
    ) private view returns (address[] memory accounts) {
        accounts = new address[](indices.length);
        for (uint256 i; i < indices.length; ++i) accounts[i] = self.seats[indices[i]].account;
    }

    /* SCORES */

    /// @notice See IArena.commitScores.
    function commitScores(
        TaskState.State storage self,
        address randomness,
        uint256 taskId,
        uint256 batch,
        bytes32 commitment
    ) external {
        uint256 attempt = self.requireKnown(taskId).attempt;
        self.requirePhase(taskId, IArena.Phase.ScoreCommit);
        self.knownValidator(taskId, msg.sender);
        require(commitment != 0, IArena.InvalidParameter("commitment"));
        mapping(uint256 batch => bytes32) storage commitments = self.commitments[attempt][msg.sender];
        require(commitments[batch] == 0, IArena.AlreadyCommitted(taskId, msg.sender, batch));
        // a renewed seed would draw other panels than those that this commitment is about
        _fixSeed(self, randomness, taskId);
        commitments[batch] = commitment;
        emit IArena.ScoresCommitted(taskId, msg.sender, attempt, batch, commitment);
    }

    /// @notice See IArena.revealScores.
    function revealScores(
        TaskState.State storage self,
        uint256 taskId,
        uint256 batch,
        IArena.ScoreEntry[] calldata entries,
        bytes32 salt
    ) external {
        uint256 attempt = self.requireKnown(taskId).attempt;
        self.requirePhase(taskId, IArena.Phase.ScoreReveal);
        self.knownValidator(taskId, msg.sender);
        bytes32 expected = self.commitments[attempt][msg.sender][batch];
        bytes32 actual = CommitReveal.scoresCommitment(taskId, attempt, msg.sender, batch, entries, salt);
        require(actual == expected, IArena.CommitmentMismatch(expected, actual));
        for (uint256 i; i < entries.length; ++i) _reveal(self, taskId, batch, entries[i]);
    }

    function _reveal(
        TaskState.State storage self,
        uint256 taskId,
        uint256 batch,
        IArena.ScoreEntry calldata entry
    ) private {
        uint256 id = entry.submissionId;
        uint256 attempt = self.task.attempt;
        TaskState.Panel storage p = self.panels[id][attempt];
        require(p.size > 0, IArena.PanelNotDrawn(taskId, id));
        require((id - 1) / BATCH_SIZE == batch, IArena.WrongBatch(id, batch));
        bool seated = entry.slot < p.size && p.members[entry.slot] == self.validators[msg.sender].index;
        require(seated, IArena.NotOnPanel(taskId, id, msg.sender));
        require(Scores.isAllowed(entry.score), IArena.ScoreOutOfRange(entry.score));
        uint32 bit = uint32(1) << entry.slot;
        require(p.revealed & bit == 0, IArena.AlreadyRevealed(taskId, id));
        p.revealed |= bit;
        if (entry.copyOf != 0) {
            bool earlier = entry.copyOf < id && self.submissions[entry.copyOf].digest != 0;
            require(earlier, IArena.WrongOriginal(id, entry.copyOf));
            p.copied |= bit;
        }
        p.scores[entry.slot] = entry.score;
        emit IArena.ScoreRevealed(taskId, id, msg.sender, attempt, entry.score, entry.reportDigest, entry.copyOf);
    }
}
