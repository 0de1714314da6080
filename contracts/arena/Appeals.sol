// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IArena} from "../interfaces/IArena.sol";
import {Scores} from "../libraries/Scores.sol";
import {TaskState} from "./TaskState.sol";

/// @title What leads to another attempt, and what a result is measured against
/// @notice A library linked to the arena, like Settlement. An appeal is one more attempt with a larger panel: it undoes
///         nothing, since nothing is settled before the challenge window is over.
library Appeals {
    using SafeERC20 for IERC20;
    using TaskState for TaskState.State;

    /// @notice See IArena.appeal.
    function appeal(TaskState.State storage self, address token, uint256 taskId, uint256 submissionId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Submission storage s = self.knownSubmission(taskId, submissionId);
        self.requirePhase(taskId, IArena.Phase.Challenge);
        IArena.Appeal storage a = self.appeals[submissionId];
        require(a.appellant == address(0), IArena.AlreadyAppealed(taskId, submissionId));
        require(self.isScorable(s), IArena.SubmissionNotScorable(taskId, submissionId));
        require(self.isAppealable(), IArena.AppealNotPossible(taskId));
        require(self.panels[submissionId][t.attempt].size > 0, IArena.PanelNotDrawn(taskId, submissionId));
        (a.appellant, a.attempt) = (msg.sender, t.attempt);
        t.pending -= 1;
        t.appealed += 1;
        uint256 bond = t.parameters.appealBond;
        IERC20(token).safeTransferFrom(msg.sender, address(this), bond);
        emit IArena.SubmissionAppealed(taskId, submissionId, msg.sender, t.attempt, bond);
    }

    /// @notice See IArena.redraw.
    /// @dev In the second attempt only those are scored for the first time that had no consensus in the first.
    function redraw(TaskState.State storage self, address randomness, uint256 taskId) external {
        IArena.Task storage t = self.requireKnown(taskId);
        self.requirePhase(taskId, IArena.Phase.Settle);
        require(t.pending == 0, IArena.SubmissionsPending(taskId, t.pending));
        require(self.isRedrawable(), IArena.RedrawNotPossible(taskId));
        uint32 again = t.attempt < TaskState.MAX_ATTEMPTS ? t.unscored : 0;
        t.attempt += 1;
        t.pending = again + t.appealed;
        t.unscored -= again;
        t.appealed = 0;
        self.openAttempt(randomness, again > 0);
        emit IArena.TaskRedrawn(taskId, t.attempt, t.seedTicket, t.scoreCommitEnds, t.scoreRevealEnds, t.challengeEnds);
    }

    /// @notice See IArena.revealCanary.
    function revealCanary(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        int64 score,
        bytes32 salt,
        bytes32[] calldata proof
    ) external {
        IArena.Task storage t = self.requireKnown(taskId);
        IArena.Submission storage s = self.knownSubmission(taskId, submissionId);
        self.requirePhase(taskId, IArena.Phase.ScoreReveal);
        IArena.Canary storage c = self.canaries[submissionId];
        require(!c.known, IArena.AlreadyRevealed(taskId, submissionId));
        require(self.isScorable(s), IArena.SubmissionNotScorable(taskId, submissionId));
        require(self.isAppealable(), IArena.AppealNotPossible(taskId));
        // an appealed submission has its larger panel already
        require(self.appeals[submissionId].appellant == address(0), IArena.AlreadyAppealed(taskId, submissionId));
        require(Scores.isAllowed(score) && !Scores.isVerdict(score), IArena.ScoreOutOfRange(score));
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(s.digest, score, salt))));
        bool proved = MerkleProof.verifyCalldata(proof, t.parameters.canaryRoot, leaf);
        require(proved && t.parameters.canaryRoot != 0, IArena.WrongCanary(taskId, submissionId));
        (c.known, c.score) = (true, score);
        emit IArena.CanaryRevealed(taskId, submissionId, score);
    }
}
