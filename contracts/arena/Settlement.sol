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
///      its stake in sum, the settlers' share is a tenth of the sum, and the ranking is that of a set. Only an
///      appellant's reward is a part of what one settlement takes, which is less where a stake is used up.
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
    uint256 internal constant APPELLANT_SHARE = 0.5e18;

    /// @dev A slash that is recorded and still has to be carried out.
    struct Slash {
        address operator;
        uint256 assets;
    }

    /// @dev What one member of a panel did, and what counts of its stake.
    struct Vote {
        address validator;
        uint256 stake;
        uint256 attempt;
        bool revealed;
        bool copied;
        int256 score;
    }

    /// @dev What a submission comes to.
    /// @param agreed Whether there is a consensus; else nothing of the rest counts but `appealed` and `open`.
    /// @param copied Whether it is nearly an earlier commit.
    /// @param measured Whether its creator told its score in advance.
    /// @param upheld Whether the larger panel found something else than what was appealed.
    /// @param open Whether the larger panel found nothing.
    struct Finding {
        bool agreed;
        bool copied;
        bool measured;
        bool appealed;
        bool upheld;
        bool open;
        int256 score;
    }

    /// @param reward What of `assets` comes out of the slashes.
    struct Payment {
        address receiver;
        uint256 assets;
        uint256 reward;
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
        Payment memory payment;
        if (s.state == IArena.SubmissionState.Committed) {
            slashes = _settleUnrevealed(s, taskId, submissionId);
        } else if (s.state == IArena.SubmissionState.Duplicate && s.settledAttempt == 0) {
            slashes = _settleDuplicate(s, taskId, submissionId);
        } else {
            require(self.isScorable(s), IArena.AlreadySettled(taskId, submissionId));
            IArena.Appeal storage a = self.appeals[submissionId];
            bool waits = a.appellant != address(0) && a.attempt == t.attempt;
            require(!waits, IArena.AppealPending(taskId, submissionId));
            require(current == IArena.Phase.Settle, IArena.WrongPhase(taskId, current));
            (slashes, payment) = _settleScored(self, s, taskId, submissionId);
        }
        t.pending -= 1;
        _carryOut(self, staking, taskId, submissionId, slashes, payment.reward);
        if (payment.assets == 0) return;
        IERC20(IStaking(staking).TOKEN()).safeTransfer(payment.receiver, payment.assets);
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
    /// @return payment What the appellant gets, if there is one.
    function _settleScored(
        TaskState.State storage self,
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId
    ) private returns (Slash[] memory slashes, Payment memory payment) {
        (Vote[] memory votes, uint256 first) = _votes(self, taskId, submissionId);
        slashes = new Slash[](votes.length + 1);
        Finding memory found = _find(self, submissionId, votes, first);
        s.settledAttempt = self.task.attempt;
        _slashSilent(self, taskId, submissionId, found.measured, votes, slashes);
        if (found.agreed) {
            slashes[votes.length] = _conclude(self, s, taskId, submissionId, found);
            // a panel without a consensus is not measured against that of another
            uint256 judged = found.open ? first : votes.length;
            self.task.validatorWeight += _appraiseAll(self, taskId, submissionId, found, votes, judged, slashes);
        } else {
            s.state = IArena.SubmissionState.Unscored;
            self.task.unscored += 1;
            emit IArena.SubmissionUnscored(taskId, submissionId, s.trainer, self.task.attempt);
        }
        if (found.appealed) payment = _endAppeal(self, taskId, submissionId, found, votes, first, slashes);
    }

    /// @dev The votes in slot order: those of the panel that was appealed against, if any, then those of the last one.
    /// @return votes All of them.
    /// @return first How many of them are of the former.
    function _votes(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId
    ) private view returns (Vote[] memory votes, uint256 first) {
        TaskState.Panel storage p = self.panels[submissionId][self.task.attempt];
        bool hopeless = self.task.seed == 0 && block.timestamp >= self.task.patienceEnds;
        require(p.size > 0 || hopeless, IArena.PanelNotDrawn(taskId, submissionId));
        // no panel was drawn in attempt 0
        uint256 appealed = self.appeals[submissionId].attempt;
        TaskState.Panel storage former = self.panels[submissionId][appealed];
        first = former.size;
        votes = new Vote[](first + p.size);
        _readVotes(self, former, appealed, votes, 0);
        _readVotes(self, p, self.task.attempt, votes, first);
    }

    function _readVotes(
        TaskState.State storage self,
        TaskState.Panel storage p,
        uint256 attempt,
        Vote[] memory votes,
        uint256 at
    ) private view {
        (uint256 size, uint256 revealed, uint256 copied) = (p.size, p.revealed, p.copied);
        for (uint256 slot; slot < size; ++slot) {
            address account = self.seats[p.members[slot]].account;
            votes[at + slot] = Vote({
                validator: account,
                stake: self.counted(self.validators[account]),
                attempt: attempt,
                revealed: (revealed >> slot) & 1 == 1,
                copied: (copied >> slot) & 1 == 1,
                score: p.scores[slot]
            });
        }
    }

    /// @dev What a submission comes to: the last panel's consensus. Where it has none after an appeal, what was
    ///      appealed stands. What the creator said of a canary counts like the consensus of a first panel.
    function _find(
        TaskState.State storage self,
        uint256 submissionId,
        Vote[] memory votes,
        uint256 first
    ) private view returns (Finding memory found) {
        IArena.TaskParameters storage parameters = self.task.parameters;
        IArena.Canary storage canary = self.canaries[submissionId];
        Finding memory before;
        if (canary.known) {
            before.agreed = true;
            before.score = canary.score;
        } else if (first > 0) {
            before = _consensus(votes, 0, first, parameters);
        }
        found = canary.known && first == 0 ? before : _consensus(votes, first, votes.length, parameters);
        found.measured = canary.known;
        if (first == 0) return found;
        found.appealed = true;
        if (found.agreed) {
            found.upheld = !before.agreed || !_agrees(parameters, before.score, found.score);
            // whether it is a copy, too, but of a canary nobody said
            found.upheld = found.upheld || (before.copied != found.copied && !canary.known);
        } else {
            found.open = true;
            // of a canary only the creator's word is left
            if (!canary.known) (found.agreed, found.score, found.copied) = (before.agreed, before.score, before.copied);
        }
    }

    /// @dev The median, if enough have revealed and more than half of their stake agrees with it; and whether more than
    ///      half calls the submission a copy.
    function _consensus(
        Vote[] memory votes,
        uint256 from,
        uint256 to,
        IArena.TaskParameters storage parameters
    ) private view returns (Finding memory found) {
        uint256 reveals;
        for (uint256 i = from; i < to; ++i) if (votes[i].revealed) ++reveals;
        if (reveals < parameters.quorum) return found;
        int256[] memory qualities = new int256[](reveals);
        uint256[] memory stakes = new uint256[](reveals);
        uint256 next;
        for (uint256 i = from; i < to; ++i) {
            if (!votes[i].revealed) continue;
            qualities[next] = Scores.quality(votes[i].score, parameters.maximise);
            stakes[next++] = votes[i].stake;
        }
        found.score = Scores.quality(Scores.median(qualities, stakes), parameters.maximise);
        int256 balance;
        int256 copies;
        for (uint256 i = from; i < to; ++i) {
            if (!votes[i].revealed) continue;
            int256 stake = int256(votes[i].stake);
            balance += _agrees(parameters, found.score, votes[i].score) ? stake : -stake;
            copies += votes[i].copied ? stake : -stake;
        }
        found.agreed = balance > 0;
        found.copied = copies > 0 && !Scores.isVerdict(found.score);
    }

    /// @dev Writes the consensus into the submission.
    function _conclude(
        TaskState.State storage self,
        IArena.Submission storage s,
        uint256 taskId,
        uint256 submissionId,
        Finding memory found
    ) private returns (Slash memory slash) {
        int256 consensus = found.score;
        s.score = int64(consensus);
        if (found.measured && !found.upheld) {
            s.state = IArena.SubmissionState.Canary;
            self.task.revealedCount -= 1;
            self.task.revealedStake -= s.stake;
            emit IArena.CanarySettled(taskId, submissionId, s.trainer, consensus);
        } else if (found.copied) {
            s.state = IArena.SubmissionState.Copied;
            self.task.revealedStake -= s.stake;
            emit IArena.SubmissionCopied(taskId, submissionId, s.trainer, consensus);
        } else if (consensus == Scores.UNOPENABLE) {
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
        // at the bounds a floored score can look like a verdict, and is none
        self.ranking.insert(parameters.paidRanks, submissionId, parameters.maximise ? gridScore : -gridScore);
        emit IArena.SubmissionScored(taskId, submissionId, s.trainer, score, gridScore);
    }

    /// @dev Weighs or slashes every member that revealed, of the first `judged`.
    /// @return total The weights given.
    function _appraiseAll(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        Finding memory found,
        Vote[] memory votes,
        uint256 judged,
        Slash[] memory slashes
    ) private returns (uint256 total) {
        for (uint256 i; i < judged; ++i) {
            Vote memory vote = votes[i];
            if (!vote.revealed) continue;
            (uint256 weight, bool deviates) = _appraise(self.task.parameters, found, vote);
            if (deviates) {
                slashes[i] = _slashValidator(self, taskId, submissionId, vote.validator, DEVIATING_SLASH, "deviating");
            } else if (weight > 0) {
                total += weight;
                self.validators[vote.validator].weight += weight;
                emit IArena.ValidatorWeighted(taskId, submissionId, vote.validator, vote.attempt, weight);
            }
        }
    }

    /// @dev What a vote is worth against the consensus. Who could not get the model is neither paid nor slashed, unless
    ///      nobody could; and where the model is unavailable or the set cannot be opened nobody is known to have lied.
    ///      Who is wrong about whether the model is a copy is not paid, unless it is a canary: that is never ranked.
    function _appraise(
        IArena.TaskParameters storage parameters,
        Finding memory found,
        Vote memory vote
    ) private view returns (uint256 weight, bool deviates) {
        int256 consensus = found.score;
        if (consensus == Scores.UNOPENABLE) return (0, false);
        if (!_agrees(parameters, consensus, vote.score)) {
            return (0, consensus != Scores.UNAVAILABLE && vote.score != Scores.UNAVAILABLE);
        }
        uint256 distance = Scores.distance(consensus, vote.score);
        bool matters = found.upheld || !found.measured;
        if (distance > parameters.tolerance || (matters && vote.copied != found.copied)) return (0, false);
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
        bool measured,
        Vote[] memory votes,
        Slash[] memory slashes
    ) private {
        // a canary is told while scores are revealed: silence must not be cheaper than what was committed
        uint256 rate = measured ? DEVIATING_SLASH : SILENT_SLASH;
        for (uint256 i; i < votes.length; ++i) {
            if (votes[i].revealed) continue;
            slashes[i] = _slashValidator(self, taskId, submissionId, votes[i].validator, rate, "silent");
        }
    }

    /* APPEALS */

    /// @dev The wrong side pays: who appealed in vain its bond, the first panel (by its slashes) or the creator (by its
    ///      bond, if it lied about a canary) a reward.
    function _endAppeal(
        TaskState.State storage self,
        uint256 taskId,
        uint256 submissionId,
        Finding memory found,
        Vote[] memory votes,
        uint256 first,
        Slash[] memory slashes
    ) private returns (Payment memory payment) {
        IArena.Task storage t = self.task;
        address appellant = self.appeals[submissionId].appellant;
        uint256 bond = t.parameters.appealBond;
        if (!found.upheld && !found.open) {
            t.slashed += uint128(bond);
            emit IArena.AppealRejected(taskId, submissionId, appellant, bond);
            return payment;
        }
        payment = Payment(appellant, bond, 0);
        if (found.open) {
            emit IArena.AppealReturned(taskId, submissionId, appellant, bond);
            return payment;
        }
        uint256 taken;
        for (uint256 i; i < first; ++i) if (votes[i].revealed) taken += slashes[i].assets;
        payment.reward = (taken * APPELLANT_SHARE) / WAD;
        payment.assets += payment.reward;
        if (found.measured) payment.assets += _slashCreator(t, taskId, submissionId, bond);
        emit IArena.AppealUpheld(taskId, submissionId, appellant, payment.assets);
    }

    /// @dev Takes the creator's bond, once; what the appellant gets of it is at most its own bond.
    function _slashCreator(
        IArena.Task storage t,
        uint256 taskId,
        uint256 submissionId,
        uint256 most
    ) private returns (uint256 reward) {
        uint256 bond = t.parameters.bond;
        reward = bond < most ? bond : most;
        t.parameters.bond = 0;
        t.slashed += uint128(bond - reward);
        emit IArena.CreatorSlashed(taskId, submissionId, t.creator, bond);
    }

    /* CARRYING OUT */

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
    /// @param reward What an appellant gets of the slashes.
    function _carryOut(
        TaskState.State storage self,
        address staking,
        uint256 taskId,
        uint256 submissionId,
        Slash[] memory slashes,
        uint256 reward
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
        t.slashed += uint128(sum - share - reward);
        t.settlerPaid = uint128(settlerPaid + share);
        for (uint256 i; i < slashes.length; ++i) {
            if (slashes[i].assets == 0) continue;
            IStaking(staking).slash(slashes[i].operator, slashes[i].assets, address(this));
        }
        if (share == 0) return;
        IERC20(IStaking(staking).TOKEN()).safeTransfer(msg.sender, share);
        emit IArena.SettlerPaid(taskId, submissionId, msg.sender, share);
    }
}
