// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Alliance} from "../contracts/Alliance.sol";
import {BlockRandomness} from "../contracts/BlockRandomness.sol";
import {Staking} from "../contracts/Staking.sol";
import {IAlliance} from "../contracts/interfaces/IAlliance.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

/// @notice Whole rounds of federations of any size, led by fuzzed conduct; the ledger adds up at every step.
abstract contract AllianceLife is Base {
    Alliance internal _alliance;
    Staking internal _staking;
    PlainToken internal _token;
    uint256 internal _members;
    /// @dev The dearest call so far.
    uint256 internal _gas;
    uint256 private _before;

    function _begin(uint256 members, uint8 proposers, uint8 committee) internal {
        _members = members;
        _token = new PlainToken();
        _staking = new Staking(address(_token), 7 days, address(this));
        _alliance = new Alliance(address(_staking), address(new BlockRandomness()), address(0));
        _staking.setModule(address(_alliance), true);
        _token.mint(address(this), 1e30);
        _token.approve(address(_staking), type(uint256).max);
        _token.approve(address(_alliance), type(uint256).max);
        IAlliance.Parameters memory p;
        p.specDigest = p.modelDigest = keccak256("some");
        (p.bounty, p.minStake, p.floorStake, p.rounds) = (1e24 + 1, 1e18, 0.7e18, 3);
        (p.proposers, p.committee, p.quorum, p.minMembers) = (proposers, committee, 1, uint16(proposers) + 1);
        p.silentSlash = 0.02e18;
        p.commitWindow = p.revealWindow = p.voteWindow = p.ballotWindow = p.attestWindow = 100;
        _alliance.createFederation(p);
        IAlliance.DataCommitment memory data;
        for (uint256 i; i < members; ++i) {
            address who = address(uint160(0x10000 + i));
            _staking.deposit(who, 1e18 + i, who);
            vm.prank(who);
            _alliance.join(1, 1e18 + i, data);
        }
    }

    /// @dev One whole round; bit k of a word decides what the k-th slot does.
    function _round(uint256 commits, uint256 ballots, uint256 harms, uint256 attests, uint256 limit) internal {
        IAlliance.Federation memory f = _alliance.federation(1);
        _alliance.startRound(1);
        vm.roll(block.number + 2);
        _measured();
        _alliance.drawRound(1);
        _noted();
        uint256 roundId = f.round + 1;
        address[] memory who = _alliance.roles(1, roundId);
        _propose(who, f.parameters.proposers, roundId, commits);
        _vote(who, f.parameters.proposers, roundId, ballots, harms);
        if (_alliance.phase(1) == IAlliance.Phase.Tally) {
            _measured();
            _alliance.tally(1);
            _noted();
        }
        for (uint256 k = f.parameters.proposers; k < who.length; ++k) {
            if (_alliance.phase(1) != IAlliance.Phase.Attest) break;
            IAlliance.Round memory r = _alliance.round(1, roundId);
            if ((r.ballots >> (k - f.parameters.proposers)) & 1 == 0) continue;
            vm.prank(who[k]);
            _alliance.attest(1, keccak256(abi.encode(roundId, (attests >> k) & 3 == 3)));
        }
        vm.warp(block.timestamp + 100);
        while (_alliance.federation(1).open) {
            _measured();
            _alliance.settleRound(1, limit);
            _noted();
            _holds();
        }
    }

    function _propose(address[] memory who, uint256 proposers, uint256 roundId, uint256 commits) private {
        for (uint256 k; k < proposers; ++k) {
            if ((commits >> k) & 3 == 0) continue;
            bytes32 commitment = _alliance.updateCommitment(1, roundId, who[k], _update(roundId, k), 0);
            vm.prank(who[k]);
            _alliance.commitUpdate(1, commitment);
        }
        vm.warp(block.timestamp + 100);
        for (uint256 k; k < proposers; ++k) {
            if ((commits >> k) & 3 == 0) continue;
            vm.prank(who[k]);
            _alliance.revealUpdate(1, _update(roundId, k), 0);
        }
        vm.warp(block.timestamp + 100);
    }

    function _vote(address[] memory who, uint256 proposers, uint256 roundId, uint256 ballots, uint256 harms) private {
        uint256 revealed = _alliance.round(1, roundId).revealed;
        if (revealed == 0) return;
        harms &= revealed;
        for (uint256 k = proposers; k < who.length; ++k) {
            if ((ballots >> k) & 7 == 0) continue;
            uint256 harm = (ballots >> k) & 7 == 7 ? revealed & ~harms : harms;
            bytes32 commitment = _alliance.ballotCommitment(1, roundId, who[k], revealed & ~harm, harm, 0);
            vm.prank(who[k]);
            _alliance.commitBallot(1, commitment);
        }
        vm.warp(block.timestamp + 100);
        for (uint256 k = proposers; k < who.length; ++k) {
            if ((ballots >> k) & 7 == 0) continue;
            uint256 harm = (ballots >> k) & 7 == 7 ? revealed & ~harms : harms;
            vm.prank(who[k]);
            _alliance.revealBallot(1, revealed & ~harm, harm, 0);
        }
        vm.warp(block.timestamp + 100);
    }

    function _update(uint256 roundId, uint256 slot) private pure returns (bytes32) {
        // every eighth is the copy of another
        return keccak256(abi.encode(roundId, slot % 8 == 7 ? slot - 1 : slot));
    }

    /// @dev The alliance holds its pool and what it owes, and locks exactly its members' stakes.
    function _holds() internal view {
        IAlliance.Federation memory f = _alliance.federation(1);
        vm.assertEq(_token.balanceOf(address(_alliance)), uint256(f.pool) + f.owed, "money");
        uint256 owed;
        for (uint256 i; i < _members; ++i) {
            address who = address(uint160(0x10000 + i));
            IAlliance.Member memory m = _alliance.member(1, who);
            vm.assertEq(m.stake, _staking.lockedBy(who, address(_alliance)), "lock");
            owed += m.earned;
        }
        vm.assertEq(owed, f.owed, "owed");
    }

    /// @dev Everybody leaves and claims; the creator takes the rest.
    function _end() internal {
        for (uint256 i; i < _members; ++i) {
            address who = address(uint160(0x10000 + i));
            IAlliance.Member memory m = _alliance.member(1, who);
            if (m.earned > 0) _alliance.claim(1, who);
            if (m.seat == 0) continue;
            vm.prank(who);
            _alliance.leave(1);
        }
        vm.warp(block.timestamp + 8 days);
        _alliance.endFederation(1);
        vm.assertEq(_token.balanceOf(address(_alliance)), 0, "rest");
    }

    function _measured() private {
        vm.cool(address(_alliance));
        vm.cool(address(_staking));
        _before = gasleft();
    }

    function _noted() private {
        uint256 used = _before - gasleft();
        if (used > _gas) _gas = used;
    }
}

contract AllianceScaleTest is AllianceLife {
    function setUp() external {
        _begin(200, 32, 64);
    }

    /// A round of 32 proposers and 64 voters: no call is dear when settled in parts of 24.
    function test_the_largest_round_fits_a_block() external {
        _round(type(uint256).max, 1 | (type(uint256).max << 1), 0x0f0f0f0f, type(uint256).max, 24);
        vm.assertLe(_gas, 3_000_000, "gas of one call");
        _end();
    }
}

contract AllianceFuzzTest is AllianceLife {
    function setUp() external {
        _begin(9, 3, 5);
    }

    /// Three rounds of any conduct: after every settlement the money adds up, and in the end nothing is left.
    function testFuzz_the_money_adds_up(uint256[3] memory commits, uint256[3] memory votes, uint256 limit) external {
        for (uint256 i; i < 3; ++i) {
            if (_alliance.federation(1).memberCount < 4 || _alliance.federation(1).roundsLeft == 0) break;
            _round(commits[i], votes[i], votes[i] >> 100, votes[i] >> 140, _bound(limit >> i, 1, 9));
        }
        _end();
    }
}
