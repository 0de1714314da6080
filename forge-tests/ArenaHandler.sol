// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arena} from "../contracts/Arena.sol";
import {Staking} from "../contracts/Staking.sol";
import {IArena} from "../contracts/interfaces/IArena.sol";
import {Scores} from "../contracts/libraries/Scores.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

/// @notice Leads tasks at random. `step` does what somebody could sensibly do now and must never revert, `noise` calls
///         anything with anything.
contract ArenaHandler is Base {
    Arena public immutable ARENA;
    Staking public immutable STAKING;
    PlainToken public immutable TOKEN;

    uint256 public constant TASKS = 3;
    uint256 public constant PEOPLE = 12; // the first half are trainers, the others validators, in all tasks
    address public constant CREATOR = address(0xc0ffee);
    address public constant STRANGER = address(0x57a7);
    address public constant APPELLANT = address(0xa99ea1);
    bytes32 private constant KEY = keccak256("key");
    bytes32 private constant SALT = keccak256("salt");
    int64[6] private _answers = [int64(1e9), 1e9 + 3, 1e9 - 900, Scores.INVALID, Scores.UNAVAILABLE, Scores.UNOPENABLE];

    /// @notice What the claims of trainers and validators were paid, by task.
    mapping(uint256 taskId => uint256) public paid;
    /// @notice What appellants paid in, and what they got, by task.
    mapping(uint256 taskId => uint256) public bonds;
    mapping(uint256 taskId => uint256) public returned;
    mapping(uint256 taskId => mapping(address trainer => bytes32)) private _model;
    mapping(uint256 taskId => mapping(uint256 attempt => mapping(address validator => IArena.ScoreEntry[])))
        private _said;
    uint256 private _seed;

    constructor(Arena arena, Staking staking, PlainToken token) {
        (ARENA, STAKING, TOKEN) = (arena, staking, token);
        for (uint256 i; i < PEOPLE; ++i) {
            token.mint(address(this), 1e27);
            token.approve(address(staking), 1e27);
            staking.deposit(person(i), 1e27, person(i));
        }
        token.mint(CREATOR, 1e30);
        vm.prank(CREATOR);
        token.approve(address(arena), type(uint256).max);
        token.mint(APPELLANT, 1e30);
        vm.prank(APPELLANT);
        token.approve(address(arena), type(uint256).max);
        for (uint256 i; i < TASKS; ++i) {
            vm.prank(CREATOR);
            arena.createTask(parameters(i));
        }
    }

    function person(uint256 index) public pure returns (address) {
        return address(uint160(0xbeef00 + index));
    }

    function parameters(uint256 index) public pure returns (IArena.TaskParameters memory p) {
        p.specDigest = p.heldOutDigest = keccak256("some");
        p.keyHash = keccak256(abi.encodePacked(KEY));
        (p.bounty, p.bond) = index == 0 ? (1, 1) : (uint128(1e21 + index), uint128(1e20 + 7));
        p.minTrainerStake = p.minValidatorStake = 1;
        p.commitWindow = p.revealWindow = p.keyWindow = p.scoreCommitWindow = p.scoreRevealWindow = 100;
        (p.scale, p.tolerance, p.slashTolerance, p.grid) = (1e9, 10, 500, 4);
        (p.panelSize, p.quorum, p.paidRanks) = (uint8(2 + index), 2, uint8(1 + index));
        p.maximise = index != 1;
        p.maxShare = index == 2 ? 0.3e18 : 1e18;
        if (index == 0) return p;
        (p.challengeWindow, p.appealPanelSize, p.appealBond) = (
            100,
            p.panelSize + 1,
            index == 0 ? 1 : uint128(1e18 + index)
        );
        p.canaryRoot = keccak256(bytes.concat(keccak256(abi.encode(uint256(1), int64(1e9), SALT))));
    }

    /* ACTIONS */

    function wait(uint256 seconds_) external {
        _pass(_bound(seconds_, 1, 60));
    }

    function step(uint256 seed) external {
        _seed = seed;
        _step(1 + _random(TASKS), false);
    }

    /// @notice Any verb but a claim, which would pay unseen.
    function noise(uint256 verb, uint256 who, uint256 taskId, uint256 number, uint256 assets) external {
        (taskId, number) = (_bound(taskId, 0, TASKS + 1), _bound(number, 0, PEOPLE));
        bytes[9] memory calls = [
            abi.encodeCall(ARENA.settle, (taskId, number)),
            abi.encodeCall(ARENA.drawPanel, (taskId, number)),
            abi.encodeCall(ARENA.finalize, (taskId)),
            abi.encodeCall(ARENA.redraw, (taskId)),
            abi.encodeCall(ARENA.renewSeed, (taskId)),
            abi.encodeCall(ARENA.registerValidator, (taskId, assets % 1e26)),
            abi.encodeCall(ARENA.commitSubmission, (taskId, assets % 1e26, bytes32(assets))),
            abi.encodeCall(ARENA.cancelTask, (taskId)),
            abi.encodeCall(ARENA.commitScores, (taskId, number, bytes32(assets)))
        ];
        uint256 before = TOKEN.balanceOf(APPELLANT);
        vm.prank(person(who % PEOPLE));
        (bool done, ) = address(ARENA).call(calls[verb % 9]);
        done;
        returned[taskId] += TOKEN.balanceOf(APPELLANT) - before;
    }

    /// @notice Leads every task out, whatever state it is in, by calls that anyone can make.
    function leadOut() external {
        for (uint256 taskId = 1; taskId <= TASKS; ++taskId) {
            for (uint256 i; ARENA.phase(taskId) < IArena.Phase.Finalized; ++i) {
                vm.assertTrue(i < 30, "a way out");
                _step(taskId, true);
            }
            _claimAll(taskId);
        }
    }

    /* STEPS */

    /// @param last Do nothing that one may leave out.
    function _step(uint256 taskId, bool last) private {
        IArena.Phase phase = ARENA.phase(taskId);
        if (phase == IArena.Phase.Abandoned) return ARENA.finalize(taskId);
        if (phase == IArena.Phase.Void) return _end(taskId);
        if (phase == IArena.Phase.Settle) {
            _drawAll(taskId);
            if (ARENA.phase(taskId) == IArena.Phase.Settle) _end(taskId);
            return;
        }
        if (phase >= IArena.Phase.Finalized) return last ? _claimAll(taskId) : _claimOne(taskId);
        if (!last) _takePart(taskId, phase);
        if (last && phase == IArena.Phase.ScoreCommit) _drawAll(taskId);
        if (last || _random(3) == 0) _pass(100);
    }

    function _takePart(uint256 taskId, IArena.Phase phase) private {
        if (phase == IArena.Phase.Commit) _join(taskId);
        if (phase == IArena.Phase.Reveal) _reveal(taskId);
        if (phase == IArena.Phase.Key && _random(8) != 0) {
            vm.prank(STRANGER);
            ARENA.releaseKey(taskId, KEY);
            _roll(_random(40) == 0 ? 300 : 2);
        }
        if (phase == IArena.Phase.ScoreCommit) {
            _drawAll(taskId);
            for (uint256 i = PEOPLE / 2; i < PEOPLE; ++i) if (_random(4) != 0) _say(taskId, person(i));
        }
        if (phase == IArena.Phase.Challenge) _appealSome(taskId);
        if (phase == IArena.Phase.ScoreReveal) {
            if (taskId > 1) _tellCanaries(taskId);
            for (uint256 i = PEOPLE / 2; i < PEOPLE; ++i) if (_random(4) != 0) _open(taskId, person(i));
        }
    }

    function _tellCanaries(uint256 taskId) private {
        IArena.Task memory t = ARENA.task(taskId);
        bool possible = t.challengeEnds > t.scoreRevealEnds && t.validatorCount > t.parameters.panelSize;
        for (uint256 i = 1; possible && i <= t.submissionCount; ++i) {
            if (ARENA.submission(taskId, i).digest != bytes32(uint256(1)) || !_isDue(taskId, i, t.attempt)) continue;
            if (ARENA.canaryOf(taskId, i).known || ARENA.appealOf(taskId, i).appellant != address(0)) continue;
            ARENA.revealCanary(taskId, i, 1e9, SALT, new bytes32[](0));
        }
    }

    function _appealSome(uint256 taskId) private {
        IArena.Task memory t = ARENA.task(taskId);
        if (t.validatorCount <= t.parameters.panelSize) return;
        for (uint256 i = 1; i <= t.submissionCount; ++i) {
            if (!_isDue(taskId, i, t.attempt) || ARENA.panel(taskId, i).length == 0) continue;
            if (ARENA.appealOf(taskId, i).appellant != address(0) || _random(3) != 0) continue;
            vm.prank(APPELLANT);
            ARENA.appeal(taskId, i);
            bonds[taskId] += t.parameters.appealBond;
        }
    }

    function _join(uint256 taskId) private {
        for (uint256 i; i < 4; ++i) {
            uint256 index = _random(PEOPLE);
            address who = person(index);
            if (ARENA.submissionOf(taskId, who) != 0 || ARENA.validator(taskId, who).index != 0) continue;
            uint256 stake = 1 + _random(_random(2) == 0 ? 30 : 1e26);
            if (index < PEOPLE / 2) {
                _commit(taskId, who, stake);
            } else {
                vm.prank(who);
                ARENA.registerValidator(taskId, stake);
            }
        }
    }

    function _commit(uint256 taskId, address who, uint256 stake) private {
        bytes32 model = bytes32(1 + _random(4));
        _model[taskId][who] = model;
        bytes32 commitment = ARENA.submissionCommitment(taskId, who, model, SALT);
        vm.prank(who);
        ARENA.commitSubmission(taskId, stake, commitment);
    }

    function _reveal(uint256 taskId) private {
        for (uint256 i = ARENA.task(taskId).submissionCount; i > 0; --i) {
            IArena.Submission memory s = ARENA.submission(taskId, i);
            if (s.state != IArena.SubmissionState.Committed || _model[taskId][s.trainer] == 0) continue;
            if (_random(4) == 0) continue;
            vm.prank(s.trainer);
            ARENA.revealSubmission(taskId, i, _model[taskId][s.trainer], SALT);
        }
    }

    function _drawAll(uint256 taskId) private {
        IArena.Task memory t = ARENA.task(taskId);
        if (t.attempt == 0) return;
        if (block.number <= t.seedTicket) _roll(2);
        bool late = block.timestamp >= t.scoreCommitEnds || block.number > t.seedTicket + 256;
        if (t.seed == 0 && late && block.timestamp < t.patienceEnds) {
            ARENA.renewSeed(taskId);
            return _roll(2);
        }
        if (t.seed == 0 && late) return;
        for (uint256 i = 1; i <= t.submissionCount; ++i) {
            if (_isDue(taskId, i, t.attempt) && ARENA.panel(taskId, i).length == 0) ARENA.drawPanel(taskId, i);
        }
    }

    /// @dev Whether a submission waits for its panel's scores.
    function _isDue(uint256 taskId, uint256 submissionId, uint256 attempt) private view returns (bool) {
        IArena.Submission memory s = ARENA.submission(taskId, submissionId);
        if (s.state == IArena.SubmissionState.Revealed) return attempt > 0;
        return s.state == IArena.SubmissionState.Unscored && s.settledAttempt < attempt && s.settledAttempt < 2;
    }

    function _waits(uint256 taskId, uint256 submissionId, uint256 attempt) private view returns (bool) {
        IArena.Appeal memory a = ARENA.appealOf(taskId, submissionId);
        return a.appellant != address(0) && a.attempt == attempt;
    }

    function _say(uint256 taskId, address who) private {
        IArena.Task memory t = ARENA.task(taskId);
        if (ARENA.validator(taskId, who).index == 0) return;
        if (ARENA.scoresCommitmentOf(taskId, t.attempt, who, 0) != 0) return;
        IArena.ScoreEntry[] storage entries = _said[taskId][t.attempt][who];
        for (uint32 i = 1; i <= t.submissionCount; ++i) {
            if (!_isDue(taskId, i, t.attempt)) continue;
            address[] memory panel = ARENA.panel(taskId, i);
            for (uint8 slot; slot < panel.length; ++slot) {
                if (panel[slot] != who) continue;
                uint32 original = _random(4) == 0 && i > 1 && ARENA.submission(taskId, 1).digest != 0 ? 1 : 0;
                entries.push(IArena.ScoreEntry(i, slot, _answers[_random(3) == 0 ? _random(6) : 0], 0, original));
            }
        }
        bytes32 commitment = ARENA.scoresCommitment(taskId, t.attempt, who, 0, entries, SALT);
        vm.prank(who);
        ARENA.commitScores(taskId, 0, commitment);
    }

    function _open(uint256 taskId, address who) private {
        uint256 attempt = ARENA.task(taskId).attempt;
        IArena.ScoreEntry[] memory entries = _said[taskId][attempt][who];
        if (entries.length == 0) return;
        delete _said[taskId][attempt][who];
        vm.prank(who);
        ARENA.revealScores(taskId, 0, entries, SALT);
    }

    /// @dev From a random submission on, so that settlements come in any order.
    function _end(uint256 taskId) private {
        IArena.Task memory t = ARENA.task(taskId);
        uint256 first = _random(t.submissionCount);
        for (uint256 i; i < t.submissionCount; ++i) {
            uint256 id = 1 + ((first + i) % t.submissionCount);
            IArena.Submission memory s = ARENA.submission(taskId, id);
            bool hidden = s.state == IArena.SubmissionState.Committed;
            bool copied = s.state == IArena.SubmissionState.Duplicate && s.settledAttempt == 0;
            bool due = _isDue(taskId, id, t.attempt) && !_waits(taskId, id, t.attempt);
            if (!hidden && !copied && !due) continue;
            uint256 before = TOKEN.balanceOf(APPELLANT);
            vm.prank(STRANGER);
            ARENA.settle(taskId, id);
            returned[taskId] += TOKEN.balanceOf(APPELLANT) - before;
        }
        t = ARENA.task(taskId);
        vm.assertEq(t.pending, 0, "all is settled");
        if (t.appealed > 0 || (t.unscored > 0 && t.attempt == 1)) ARENA.redraw(taskId);
        else ARENA.finalize(taskId);
    }

    /* CLAIMS */

    function _claimOne(uint256 taskId) private {
        uint256 index = _random(PEOPLE + 1);
        if (index == PEOPLE) _claimCreator(taskId);
        else if (index < PEOPLE / 2) _claimSubmission(taskId, index);
        else _claimValidator(taskId, person(index));
    }

    function _claimAll(uint256 taskId) private {
        for (uint256 i; i <= PEOPLE; ++i) _claimSubmission(taskId, i);
        for (uint256 i; i < PEOPLE; ++i) _claimValidator(taskId, person(i));
        _claimCreator(taskId);
    }

    function _claimSubmission(uint256 taskId, uint256 submissionId) private {
        IArena.Submission memory s = ARENA.submission(taskId, submissionId);
        if (s.trainer == address(0) || s.claimed) return;
        uint256 expected = ARENA.claimable(taskId, submissionId, address(0));
        vm.assertEq(ARENA.claimSubmission(taskId, submissionId), expected, "pays what it said");
        paid[taskId] += expected;
    }

    function _claimValidator(uint256 taskId, address who) private {
        IArena.Validator memory v = ARENA.validator(taskId, who);
        if (v.index == 0 || v.claimed) return;
        uint256 expected = ARENA.claimable(taskId, 0, who);
        vm.assertEq(ARENA.claimValidator(taskId, who), expected, "pays what it said");
        paid[taskId] += expected;
    }

    function _claimCreator(uint256 taskId) private {
        if (!ARENA.task(taskId).creatorClaimed) ARENA.claimCreator(taskId);
    }

    /* CHANCE AND TIME */

    function _random(uint256 bound) private returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return bound == 0 ? 0 : _seed % bound;
    }

    function _pass(uint256 seconds_) private {
        vm.warp(block.timestamp + seconds_);
        _roll(1);
    }

    function _roll(uint256 blocks) private {
        vm.roll(block.number + blocks);
    }
}
