// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {Staking} from "../contracts/Staking.sol";
import {IStaking} from "../contracts/interfaces/IStaking.sol";
import {SharesMath} from "../contracts/libraries/SharesMath.sol";
import {Base} from "./Base.sol";

contract PlainToken is ERC20("Plain", "PLAIN") {
    function mint(address receiver, uint256 assets) external {
        _mint(receiver, assets);
    }
}

/// @notice Calls the ledger at random, only with what it must accept: a revert is a failure, as is a share price that
///         moves where it must not.
contract StakingHandler is Base {
    Staking public immutable STAKING;
    PlainToken public immutable TOKEN;

    address[] public people; // the first two are operators, and may delegate to each other
    address[] public modules;
    uint256[] public waiting;

    /// @param token Endless, for the largest amounts.
    constructor(Staking staking, PlainToken token, address[] memory modules_) {
        STAKING = staking;
        TOKEN = token;
        modules = modules_;
        for (uint160 i = 1; i <= 4; ++i) {
            people.push(address(0xbeef0000 + i));
            vm.prank(people[i - 1]);
            token.approve(address(staking), type(uint256).max);
        }
        token.approve(address(staking), type(uint256).max);
    }

    function waitingCount() external view returns (uint256) {
        return waiting.length;
    }

    function deposit(uint256 operatorSeed, uint256 funderSeed, uint256 assets) external {
        address operator = people[operatorSeed % 2];
        address funder = people[funderSeed % 4];
        uint256 space = STAKING.MAX_TOTAL_ASSETS() - STAKING.totalAssets();
        if (space == 0) return;
        assets = _skew(assets, space);
        IStaking.Tranche memory delegated = STAKING.pool(operator).delegated;
        if (funder != operator) {
            if (STAKING.pool(operator).own.assets == 0) return;
            if (SharesMath.isDegraded(delegated.assets, delegated.shares)) return;
            uint256 expected = SharesMath.toSharesDown(assets, delegated.assets, delegated.shares);
            if (expected == 0 || expected > type(uint128).max - delegated.shares) return;
        }
        bool isSent = uint8(funderSeed >> 8) > 127;
        TOKEN.mint(isSent ? address(STAKING) : funder, assets);
        vm.prank(funder);
        if (isSent) STAKING.depositSent(operator, assets, funder);
        else STAKING.deposit(operator, assets, funder);
        _assertRoundedUp(operator, delegated);
    }

    function requestWithdrawal(uint256 operatorSeed, uint256 funderSeed, uint256 shares) external {
        _request(people[operatorSeed % 2], people[funderSeed % 4], shares);
    }

    function withdraw(uint256 seed) external {
        if (waiting.length == 0) return;
        uint256 at = seed % waiting.length;
        IStaking.Withdrawal memory chosen = STAKING.withdrawal(waiting[at]);
        if (block.timestamp < chosen.maturesAt) vm.warp(chosen.maturesAt);
        IStaking.Pool memory pool = STAKING.pool(chosen.operator);
        uint256 assets = STAKING.withdrawable(waiting[at]);
        uint256 cover = uint256(pool.own.assets) + pool.own.exitingAssets;
        if (chosen.funder != chosen.operator) cover = cover + pool.delegated.assets + pool.delegated.exitingAssets;
        if (assets == 0 || cover - assets >= pool.locked) return _withdraw(at);
        vm.expectRevert(abi.encodeWithSelector(IStaking.StakeLocked.selector, pool.locked, cover - assets));
        STAKING.withdraw(waiting[at]);
    }

    function lock(uint256 operatorSeed, uint256 moduleSeed, uint256 assets) external {
        address operator = people[operatorSeed % 2];
        uint256 available = STAKING.lockable(operator);
        if (available == 0) return;
        vm.prank(modules[moduleSeed % 2]);
        STAKING.lock(operator, _bound(assets, 1, available));
    }

    function unlock(uint256 operatorSeed, uint256 moduleSeed, uint256 assets) external {
        address operator = people[operatorSeed % 2];
        address module = modules[moduleSeed % 2];
        assets = _bound(assets, 0, STAKING.lockedBy(operator, module));
        vm.prank(module);
        STAKING.unlock(operator, assets);
    }

    function slash(uint256 operatorSeed, uint256 moduleSeed, uint256 assets) external {
        address operator = people[operatorSeed % 2];
        address module = modules[moduleSeed % 2];
        assets = _bound(assets, 0, STAKING.lockedBy(operator, module));
        IStaking.Pool memory before = STAKING.pool(operator);
        uint256 had = TOKEN.balanceOf(address(this));
        vm.prank(module);
        STAKING.slash(operator, assets, address(this));
        vm.assertEq(TOKEN.balanceOf(address(this)) - had, assets);

        IStaking.Pool memory pool = STAKING.pool(operator);
        bool ownIsLeft = pool.own.assets != 0 || pool.own.exitingAssets != 0;
        vm.assertTrue(!ownIsLeft || pool.delegated.assets == before.delegated.assets, "own first");
        vm.assertTrue(!ownIsLeft || pool.delegated.exitIndex == before.delegated.exitIndex, "own first, exiting");
        vm.assertLe(pool.delegated.assets, before.delegated.assets);
        vm.assertEq(pool.delegated.shares, before.delegated.shares);
    }

    function distribute(uint256 operatorSeed, uint256 assets) external {
        address operator = people[operatorSeed % 2];
        uint256 space = STAKING.MAX_TOTAL_ASSETS() - STAKING.totalAssets();
        if (space == 0) return;
        assets = _skew(assets, space);
        IStaking.Pool memory before = STAKING.pool(operator);
        TOKEN.mint(address(this), assets);
        STAKING.distribute(operator, assets);
        IStaking.Pool memory pool = STAKING.pool(operator);
        uint256 toOwn = pool.own.assets - before.own.assets;
        uint256 toDelegated = pool.delegated.assets - before.delegated.assets;
        vm.assertEq(toOwn + toDelegated, assets);
        vm.assertTrue(toDelegated == 0 || before.newcomers < before.delegated.assets, "newcomers add nothing");
        vm.assertEq(pool.delegated.shares, before.delegated.shares);
    }

    function setCommission(uint256 operatorSeed, uint256 commission) external {
        vm.prank(people[operatorSeed % 2]);
        STAKING.setCommission(_bound(commission, 0, STAKING.MAX_COMMISSION()));
    }

    function wait(uint256 secondsLater) external {
        vm.warp(block.timestamp + _bound(secondsLater, 1, STAKING.COOLDOWN()));
    }

    /// @notice Ends all locks, then takes everybody's stake out; the greatest shares first, since what is worth less
    ///         than a wei can leave only as the last.
    function everybodyLeaves() external {
        for (uint256 i; i < 2; ++i) {
            for (uint256 j; j < 2; ++j) {
                uint256 held = STAKING.lockedBy(people[i], modules[j]);
                vm.prank(modules[j]);
                STAKING.unlock(people[i], held);
            }
            for (uint256 turn; turn < 4; ++turn) {
                address greatest = people[0];
                for (uint256 j = 1; j < 4; ++j) {
                    bool greater = STAKING.sharesOf(people[i], people[j]) > STAKING.sharesOf(people[i], greatest);
                    if (greater) greatest = people[j];
                }
                _request(people[i], greatest, type(uint256).max);
            }
        }
        vm.warp(block.timestamp + STAKING.COOLDOWN());
        while (waiting.length != 0) _withdraw(waiting.length - 1);
    }

    /// @dev type(uint256).max: all.
    function _request(address operator, address funder, uint256 shares) private {
        uint256 available = STAKING.sharesOf(operator, funder);
        if (available == 0) return;
        shares = shares == type(uint256).max ? available : _bound(shares, 1, available);
        IStaking.Tranche memory delegated = STAKING.pool(operator).delegated;
        uint256 worth =
            funder == operator
                ? shares / SharesMath.SHARES_PER_ASSET
                : SharesMath.toAssetsDown(shares, delegated.assets, delegated.shares);
        if (worth == 0) return;
        vm.prank(funder);
        waiting.push(STAKING.requestWithdrawal(operator, shares));
        vm.assertEq(STAKING.withdrawable(waiting[waiting.length - 1]), worth);
        _assertRoundedUp(operator, delegated);
    }

    function _withdraw(uint256 at) private {
        address funder = STAKING.withdrawal(waiting[at]).funder;
        uint256 expected = STAKING.withdrawable(waiting[at]);
        uint256 had = TOKEN.balanceOf(funder);
        STAKING.withdraw(waiting[at]);
        vm.assertEq(TOKEN.balanceOf(funder) - had, expected);
        waiting[at] = waiting[waiting.length - 1];
        waiting.pop();
    }

    /// @dev The price (assets + 1) / (shares + 1e6) has not fallen, unless nobody is left to whom it matters.
    function _assertRoundedUp(address operator, IStaking.Tranche memory before) private view {
        IStaking.Tranche memory delegated = STAKING.pool(operator).delegated;
        if (delegated.shares == 0) return vm.assertEq(delegated.assets, 0);
        uint256 now_ = (uint256(delegated.assets) + 1) * (uint256(before.shares) + 1e6);
        vm.assertGe(now_, (uint256(before.assets) + 1) * (uint256(delegated.shares) + 1e6));
    }

    /// @dev 1 to most, every order of magnitude as likely as another.
    function _skew(uint256 seed, uint256 most) private pure returns (uint256) {
        uint256 shifted = most >> (uint8(seed) % 108);
        return _bound(seed >> 8, 1, shifted == 0 ? 1 : shifted);
    }
}
