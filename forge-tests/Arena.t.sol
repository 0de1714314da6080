// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arena} from "../contracts/Arena.sol";
import {BlockRandomness} from "../contracts/BlockRandomness.sol";
import {Staking} from "../contracts/Staking.sol";
import {IArena} from "../contracts/interfaces/IArena.sol";
import {ArenaHandler} from "./ArenaHandler.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

contract ArenaInvariants is Base {
    Arena private _arena;
    Staking private _staking;
    PlainToken private _token;
    ArenaHandler private _handler;

    function setUp() public {
        _token = new PlainToken();
        _staking = new Staking(address(_token), 7 days, address(this));
        _arena = new Arena(address(_staking), address(new BlockRandomness()), address(0));
        _staking.setModule(address(_arena), true);
        _handler = new ArenaHandler(_arena, _staking, _token);

        bytes4[] memory verbs = new bytes4[](6);
        verbs[0] = verbs[1] = verbs[2] = verbs[3] = ArenaHandler.step.selector;
        verbs[4] = ArenaHandler.noise.selector;
        verbs[5] = ArenaHandler.wait.selector;
        _target(address(_handler));
        _targetSelectors(address(_handler), verbs);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_money() public view {
        uint256 owed;
        for (uint256 taskId = 1; taskId <= _handler.TASKS(); ++taskId) owed += _checkTask(taskId);
        vm.assertEq(_token.balanceOf(address(_arena)), owed, "solvent to the wei");
        vm.assertEq(_token.balanceOf(address(_staking)), _staking.totalAssets(), "the ledger too");
        for (uint256 i; i < _handler.PEOPLE(); ++i) _checkLocks(_handler.person(i));
    }

    function afterInvariant() public {
        _handler.leadOut();
        invariant_money();
        vm.assertEq(_token.balanceOf(address(_arena)), 0, "nothing is left");
        for (uint256 i; i < _handler.PEOPLE(); ++i) {
            vm.assertEq(_staking.lockedBy(_handler.person(i), address(_arena)), 0, "nothing stays locked");
        }
    }

    /// @return owed What the arena must still hold for this task.
    function _checkTask(uint256 taskId) private view returns (uint256 owed) {
        IArena.Task memory t = _arena.task(taskId);
        uint256 brought = uint256(t.parameters.bounty) + t.parameters.bond + t.slashed;
        uint256 pots = uint256(t.trainerPot) + t.validatorPot + t.creatorPot;
        if (!t.finalized && !t.cancelled) vm.assertEq(pots, 0, "pots are filled in the end");
        else vm.assertEq(pots, brought, "pots hold all");
        vm.assertTrue(t.trainerPot == 0 || t.trainerWeight > 0, "somebody can claim");
        vm.assertTrue(t.validatorPot == 0 || t.validatorWeight > 0, "somebody can claim");
        _checkRecords(taskId, t);
        owed = brought + _openBonds(taskId, t) - _handler.paid(taskId);
        if (t.creatorClaimed) owed -= t.creatorPot;
    }

    /// @dev Bonds of appeals that are not decided.
    function _openBonds(uint256 taskId, IArena.Task memory t) private view returns (uint256 assets) {
        for (uint256 i = 1; i <= t.submissionCount; ++i) {
            IArena.Appeal memory a = _arena.appealOf(taskId, i);
            bool open = a.appellant != address(0) && _arena.submission(taskId, i).settledAttempt <= a.attempt;
            if (open) assets += t.parameters.appealBond;
        }
    }

    function _checkRecords(uint256 taskId, IArena.Task memory t) private view {
        uint256 slashed;
        uint256 stakes;
        uint256 due;
        for (uint256 i = 1; i <= t.submissionCount; ++i) {
            IArena.Submission memory s = _arena.submission(taskId, i);
            vm.assertLe(s.slashed, s.stake);
            (slashed, stakes) = (slashed + s.slashed, stakes + s.stake);
            IArena.Appeal memory a = _arena.appealOf(taskId, i);
            bool waits = a.appellant != address(0) && a.attempt == t.attempt;
            if (_isPending(s, t.attempt) && !waits) ++due;
        }
        vm.assertEq(stakes, t.trainerStake);
        stakes = 0;
        for (uint256 i = 1; i <= t.validatorCount; ++i) {
            IArena.Validator memory v = _arena.validator(taskId, _arena.validatorAt(taskId, i));
            vm.assertLe(v.slashed, v.stake);
            (slashed, stakes) = (slashed + v.slashed, stakes + v.stake);
        }
        vm.assertEq(stakes, t.validatorStake);
        uint256 lost = _handler.parameters(taskId - 1).bond - t.parameters.bond;
        uint256 forfeited = _handler.bonds(taskId) - _openBonds(taskId, t);
        uint256 out = uint256(t.slashed) + t.settlerPaid + _handler.returned(taskId);
        vm.assertEq(slashed + lost + forfeited, out, "slashes add up");
        vm.assertLe(t.settlerPaid, slashed / 10, "settlers have at most their tenth");
        if (_arena.phase(taskId) != IArena.Phase.Abandoned && !t.finalized) vm.assertEq(due, t.pending, "pending");
    }

    function _isPending(IArena.Submission memory s, uint256 attempt) private pure returns (bool) {
        if (s.state == IArena.SubmissionState.Committed) return true;
        if (s.state == IArena.SubmissionState.Duplicate) return s.settledAttempt == 0;
        if (s.state == IArena.SubmissionState.Revealed) return attempt > 0;
        return s.state == IArena.SubmissionState.Unscored && s.settledAttempt < attempt && s.settledAttempt < 2;
    }

    function _checkLocks(address who) private view {
        uint256 locked;
        for (uint256 taskId = 1; taskId <= _handler.TASKS(); ++taskId) {
            IArena.Submission memory s = _arena.submission(taskId, _arena.submissionOf(taskId, who));
            if (!s.claimed) locked += s.stake - s.slashed;
            IArena.Validator memory v = _arena.validator(taskId, who);
            if (!v.claimed) locked += v.stake - v.slashed;
        }
        vm.assertEq(_staking.lockedBy(who, address(_arena)), locked, "locks are the records'");
    }
}
