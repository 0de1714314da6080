// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Arena} from "../contracts/Arena.sol";
import {BlockRandomness} from "../contracts/BlockRandomness.sol";
import {Staking} from "../contracts/Staking.sol";
import {IArena} from "../contracts/interfaces/IArena.sol";
import {Scores} from "../contracts/libraries/Scores.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

/// @notice A task with any number of trainers and validators, all of whom take part.
abstract contract ArenaLife is Base {
    Arena internal _arena;
    Staking internal _staking;
    PlainToken internal _token;
    uint256 internal _trainers;
    uint256 internal _validators;
    /// @dev The dearest call so far.
    uint256 internal _gas;

    function _begin(uint256 trainers, uint256 validators, uint8 panelSize, uint8 paidRanks) internal {
        (_trainers, _validators) = (trainers, validators);
        _token = new PlainToken();
        _staking = new Staking(address(_token), 7 days, address(this));
        _arena = new Arena(address(_staking), address(new BlockRandomness()), address(0));
        _staking.setModule(address(_arena), true);
        _token.mint(address(this), 1e30);
        _token.approve(address(_staking), type(uint256).max);
        _token.approve(address(_arena), type(uint256).max);
        IArena.TaskParameters memory p;
        p.specDigest = p.heldOutDigest = keccak256("some");
        p.keyHash = keccak256(abi.encodePacked(keccak256("key")));
        (p.bounty, p.bond) = (1e24 + 1, 1e23 + 1);
        p.minTrainerStake = p.minValidatorStake = 1;
        p.commitWindow = p.revealWindow = p.keyWindow = p.scoreCommitWindow = p.scoreRevealWindow = 100;
        (p.scale, p.tolerance, p.slashTolerance, p.grid) = (1e9, 1e5, 5e6, 10);
        (p.panelSize, p.quorum, p.paidRanks, p.maximise) = (panelSize, 1, paidRanks, true);
        p.maxShare = 1e18;
        if (panelSize == 31) (p.challengeWindow, p.appealPanelSize, p.appealBond) = (100, 32, 1e18);
        _arena.createTask(p);
    }

    /// @dev Joins, reveals, opens the held-out set and draws all panels.
    function _open(function(uint256) view returns (uint256) stakeOf) internal {
        for (uint256 i; i < _trainers + _validators; ++i) {
            address who = _person(i);
            uint256 stake = stakeOf(i);
            _staking.deposit(who, stake, who);
            bytes32 commitment = _arena.submissionCommitment(1, who, bytes32(i + 1), 0);
            _startAs(who);
            if (i < _trainers) _arena.commitSubmission(1, stake, commitment);
            else _arena.registerValidator(1, stake);
            _stop();
        }
        _pass(100);
        for (uint256 i; i < _trainers; ++i) {
            _startAs(_person(i));
            _arena.revealSubmission(1, i + 1, bytes32(i + 1), 0);
            _stop();
        }
        _pass(100);
        _startAs(address(this));
        _arena.releaseKey(1, keccak256("key"));
        _stop();
        _draw();
    }

    function _draw() internal {
        vm.roll(block.number + 2);
        for (uint256 i = 1; i <= _trainers; ++i) {
            _startAs(address(this));
            _arena.drawPanel(1, i);
            _stop();
        }
    }

    /// @param answer The score of a validator (from 0) for a submission, and whether it says anything.
    function _score(function(uint256, uint256) view returns (int64, bool) answer) internal {
        IArena.ScoreEntry[][] memory said = new IArena.ScoreEntry[][](_validators);
        for (uint256 i; i < _validators; ++i) {
            said[i] = _entries(i, answer);
            uint256 attempt = _arena.task(1).attempt;
            bytes32 commitment = _arena.scoresCommitment(1, attempt, _person(_trainers + i), 0, said[i], 0);
            _startAs(_person(_trainers + i));
            _arena.commitScores(1, 0, commitment);
            _stop();
        }
        _pass(100);
        for (uint256 i; i < _validators; ++i) {
            _startAs(_person(_trainers + i));
            _arena.revealScores(1, 0, said[i], 0);
            _stop();
        }
        _pass(100);
    }

    function _entries(
        uint256 validator,
        function(uint256, uint256) view returns (int64, bool) answer
    ) internal view returns (IArena.ScoreEntry[] memory entries) {
        entries = new IArena.ScoreEntry[](_trainers);
        uint256 count;
        for (uint32 id = 1; id <= _trainers; ++id) {
            address[] memory panel = _arena.panel(1, id);
            (int64 score, bool speaks) = answer(validator, id);
            for (uint8 slot; slot < panel.length; ++slot) {
                if (panel[slot] != _person(_trainers + validator) || !speaks) continue;
                entries[count++] = IArena.ScoreEntry(id, slot, score, keccak256(abi.encode(id, validator)), 0);
            }
        }
        assembly {
            mstore(entries, count)
        }
    }

    /// @param first Settlements and claims begin with this one and go round.
    function _finish(uint256 first) internal {
        for (uint256 i; i < _trainers; ++i) {
            _startAs(address(0x57a7));
            _arena.settle(1, 1 + ((first + i) % _trainers));
            _stop();
        }
        if (_arena.task(1).unscored > 0) return;
        _startAs(address(0x57a7));
        _arena.finalize(1);
        _stop();
        for (uint256 i; i < _trainers; ++i) _arena.claimSubmission(1, 1 + ((first + i) % _trainers));
        for (uint256 i; i < _validators; ++i) {
            _arena.claimValidator(1, _person(_trainers + ((first + i) % _validators)));
        }
        _arena.claimCreator(1);
    }

    function _person(uint256 index) internal pure returns (address) {
        return address(uint160(0xbeef00 + index));
    }

    function _pass(uint256 seconds_) internal {
        vm.warp(block.timestamp + seconds_);
    }

    uint256 private _before;

    function _startAs(address who) internal {
        // a transaction of its own would find all storage cold
        vm.cool(address(_arena));
        vm.cool(address(_staking));
        vm.cool(address(_token));
        vm.startPrank(who);
        _before = gasleft();
    }

    function _stop() internal {
        uint256 used = _before - gasleft();
        vm.stopPrank();
        if (used > _gas) _gas = used;
    }
}

/// @notice The largest panels and ranking: 64 models, 32 validators, each of whom scores every model.
contract ArenaLargest is ArenaLife {
    /// @dev A tenth of a block of 30 million.
    uint256 private constant MOST_GAS = 3_000_000;
    /// @dev Its settlement goes through two panels.
    uint256 private constant MOST_GAS_OF_AN_APPEAL = 4_000_000;

    function test_everyCallFitsIntoABlock() public {
        _begin(64, 33, 32, 64);
        _open(_stakeOf);
        _score(_answer);
        _finish(0);
        vm.assertEq(_arena.ranking(1).length, 64);
        vm.assertLe(_gas, MOST_GAS);
        vm.assertEq(_token.balanceOf(address(_arena)), 0);
        _checkTheLiar();
    }

    /// @dev A first panel of 31 that lies about every model, and a larger one of 32 for each.
    function test_everyAppealFitsIntoABlock() public {
        _begin(16, 33, 31, 64);
        _open(_stakeOf);
        _score(_lie);
        for (uint256 i = 1; i <= 16; ++i) {
            _startAs(address(this));
            _arena.appeal(1, i);
            _stop();
        }
        _pass(100);
        _startAs(address(this));
        _arena.redraw(1);
        _stop();
        _draw();
        _score(_answer);
        uint256 before = _token.balanceOf(address(this));
        _finish(0);
        vm.assertTrue(_token.balanceOf(address(this)) > before + 16e18, "bonds and rewards");
        vm.assertEq(_arena.ranking(1).length, 16);
        vm.assertLe(_gas, MOST_GAS_OF_AN_APPEAL);
        vm.assertEq(_token.balanceOf(address(_arena)), 0);
    }

    /// @dev Half of the truth, by everybody but the second, who is silent.
    function _lie(uint256 validator, uint256 submissionId) private pure returns (int64, bool) {
        (int64 score, bool speaks) = _answer(validator, submissionId);
        return (score / 2, speaks);
    }

    /// @dev Slashed a tenth for each of some sixty models: to nothing, and no further.
    function _checkTheLiar() private view {
        IArena.Validator memory liar = _arena.validator(1, _person(64));
        vm.assertEq(liar.slashed, liar.stake);
        vm.assertEq(_staking.stakeOf(_person(64)), 0);
    }

    function _stakeOf(uint256 index) private pure returns (uint256) {
        return 1e21 + 1e18 * ((index * 7919) % 100) + index;
    }

    /// @dev The first validator lies, the second is silent; later models are better, in pairs.
    function _answer(uint256 validator, uint256 submissionId) private pure returns (int64, bool) {
        int64 score = int64(int256(1e8 * (1 + submissionId / 2) + validator));
        return (validator == 0 ? -score : score, validator != 1);
    }
}

/// @notice The order of settlements and claims is nobody's gain.
contract ArenaOrder is ArenaLife {
    uint256 private _seed;

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_orderChangesNothing(uint256 seed, uint256 first) public {
        _seed = seed;
        _begin(7, 6, 4, 3);
        _open(_stakeOf);
        _score(_answer);
        uint256 start = vm.snapshotState();
        _finish(0);
        (uint256[] memory stakes, uint256 settlers) = _outcome();
        vm.revertToState(start);
        _finish(first % 42);
        (uint256[] memory others, uint256 otherSettlers) = _outcome();
        for (uint256 i; i < stakes.length; ++i) {
            // the last claim of each side holds what the others' rounding left
            uint256 dust = i < _trainers ? _trainers : _validators;
            vm.assertLe(stakes[i], others[i] + dust);
            vm.assertLe(others[i], stakes[i] + dust);
        }
        vm.assertEq(settlers, otherSettlers, "settlers");
    }

    function _outcome() private view returns (uint256[] memory stakes, uint256 settlers) {
        stakes = new uint256[](_trainers + _validators);
        for (uint256 i; i < stakes.length; ++i) stakes[i] = _staking.stakeOf(_person(i));
        settlers = _token.balanceOf(address(0x57a7));
        if (!_arena.task(1).finalized) return (stakes, settlers);
        vm.assertEq(_token.balanceOf(address(_arena)), 0, "nothing is left");
    }

    function _stakeOf(uint256 index) private view returns (uint256) {
        return 1 + (uint256(keccak256(abi.encode(_seed, index))) % (index % 3 == 0 ? 40 : 1e24));
    }

    /// @dev Half say the same; the others say anything, or nothing.
    function _answer(uint256 validator, uint256 submissionId) private view returns (int64, bool) {
        uint256 chance = uint256(keccak256(abi.encode(_seed, validator, submissionId)));
        int64[6] memory answers = [int64(0), 1e5, -5e6 - 1, Scores.INVALID, Scores.UNAVAILABLE, Scores.UNOPENABLE];
        return chance % 2 == 0 ? (int64(1), true) : (answers[(chance >> 8) % 6], chance % 5 != 0);
    }
}
