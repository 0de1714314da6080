// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Staking} from "../contracts/Staking.sol";
import {IStaking} from "../contracts/interfaces/IStaking.sol";
import {SharesMath} from "../contracts/libraries/SharesMath.sol";
import {WithdrawalMath} from "../contracts/libraries/WithdrawalMath.sol";
import {Base} from "./Base.sol";
import {PlainToken, StakingHandler} from "./StakingHandler.sol";

contract StakingInvariants is Base {
    Staking private _staking;
    PlainToken private _token;
    StakingHandler private _handler;

    function setUp() public {
        _token = new PlainToken();
        _staking = new Staking(address(_token), 7 days, address(this));
        address[] memory modules = new address[](2);
        (modules[0], modules[1]) = (address(0xa1), address(0xa2));
        _staking.setModule(modules[0], true);
        _staking.setModule(modules[1], true);
        _handler = new StakingHandler(_staking, _token, modules);

        bytes4[] memory verbs = new bytes4[](9);
        verbs[0] = StakingHandler.deposit.selector;
        verbs[1] = StakingHandler.requestWithdrawal.selector;
        verbs[2] = StakingHandler.withdraw.selector;
        verbs[3] = StakingHandler.lock.selector;
        verbs[4] = StakingHandler.unlock.selector;
        verbs[5] = StakingHandler.slash.selector;
        verbs[6] = StakingHandler.distribute.selector;
        verbs[7] = StakingHandler.setCommission.selector;
        verbs[8] = StakingHandler.wait.selector;
        _target(address(_handler));
        _targetSelectors(address(_handler), verbs);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_ledger() public view {
        uint256 held;
        for (uint256 i; i < 2; ++i) held += _check(_handler.people(i));
        vm.assertEq(held, _staking.totalAssets(), "pools hold all assets");
        vm.assertEq(_token.balanceOf(address(_staking)), _staking.totalAssets(), "solvent to the wei");
    }

    function afterInvariant() public {
        _handler.everybodyLeaves();
        invariant_ledger();
        for (uint256 i; i < 2; ++i) {
            IStaking.Pool memory pool = _staking.pool(_handler.people(i));
            vm.assertEq(uint256(pool.own.assets) + pool.delegated.assets + pool.locked, 0, "nothing stuck");
        }
        // a withdrawal is rounded down by less than a wei, and its index by less than 1e-18 with each slash
        uint256 rounding = _staking.withdrawalCount() + (_staking.MAX_TOTAL_ASSETS() / 1e18) * 500;
        vm.assertLe(_staking.totalAssets(), rounding, "only rounding left");
    }

    function _check(address operator) private view returns (uint256 held) {
        IStaking.Pool memory pool = _staking.pool(operator);
        held = uint256(pool.own.assets) + pool.own.exitingAssets;
        held += uint256(pool.delegated.assets) + pool.delegated.exitingAssets;
        vm.assertEq(pool.own.shares, pool.own.assets * SharesMath.SHARES_PER_ASSET, "own shares at par");
        vm.assertTrue(pool.delegated.shares != 0 || pool.delegated.assets == 0, "empty pool is empty");
        vm.assertLe(pool.newcomers, pool.delegated.assets, "newcomers are delegators");

        uint256 locked = _staking.lockedBy(operator, _handler.modules(0));
        locked += _staking.lockedBy(operator, _handler.modules(1));
        vm.assertEq(locked, pool.locked, "locks add up");
        vm.assertLe(locked, held, "locks are covered");

        uint256 shares;
        uint256 claims;
        for (uint256 i; i < 4; ++i) {
            address funder = _handler.people(i);
            if (funder == operator) continue;
            shares += _staking.sharesOf(operator, funder);
            claims += _staking.assetsOf(operator, funder);
        }
        vm.assertEq(shares, pool.delegated.shares, "shares add up");
        vm.assertLe(claims, pool.delegated.assets);
        _checkWithdrawals(operator, pool);
    }

    function _checkWithdrawals(address operator, IStaking.Pool memory pool) private view {
        uint256 own;
        uint256 delegated;
        for (uint256 i; i < _handler.waitingCount(); ++i) {
            IStaking.Withdrawal memory waiting = _staking.withdrawal(_handler.waiting(i));
            if (waiting.operator != operator) continue;
            uint256 worth = _staking.withdrawable(_handler.waiting(i));
            vm.assertLe(worth, waiting.assets);
            if (waiting.funder == operator) own += worth;
            else delegated += worth;
        }
        vm.assertLe(own, pool.own.exitingAssets);
        vm.assertLe(delegated, pool.delegated.exitingAssets);
    }
}

contract StakingFuzz is Base {
    address private constant OPERATOR = address(0xbeef01);
    address private constant THIEF = address(0xbeef02);
    address private constant VICTIM = address(0xbeef03);

    Staking private _staking;
    PlainToken private _token;

    function setUp() public {
        _token = new PlainToken();
        _staking = new Staking(address(_token), 7 days, address(this));
        _staking.setModule(address(this), true);
        _token.approve(address(_staking), type(uint256).max);
    }

    /// @notice Neither order of leaving pays a thief more than one share's price, which took a million times as much to
    ///         make; whoever leaves first gets no more than it gave.
    function testFuzz_inflation(uint256 gift, uint256 assets, bool thiefFirst) public {
        gift = _bound(gift, 1, 1e27);
        _deposit(OPERATOR, 1);
        _deposit(THIEF, 1);
        _reward(2 * gift);
        uint256 dearest = SharesMath.toAssetsDown(1, gift + 1, 1e6) + 1;
        assets = _bound(assets, dearest + 1, 1e27 + dearest + 1);
        uint256 given = _staking.pool(OPERATOR).delegated.assets;
        _deposit(VICTIM, assets);

        uint256 thief = thiefFirst ? _leave(THIEF) : 0;
        uint256 victim = _leave(VICTIM);
        if (!thiefFirst) thief = _leave(THIEF);

        vm.assertEq(thief + victim, given + assets);
        if (thiefFirst) vm.assertLe(thief, given);
        else vm.assertLe(victim, assets);
        vm.assertLe(thief, given + given / 1e6 + 2);
        vm.assertGe(victim + given / 1e6 + 2, assets);
    }

    /// @notice The formula of the protocol, for any stakes and commission: every wei goes to one of the two.
    function testFuzz_distribute(uint256 own, uint256 delegated, uint256 reward, uint256 commission) public {
        (own, delegated) = (_bound(own, 1, 1e27), _bound(delegated, 1, 1e27));
        (reward, commission) = (_bound(reward, 1, 1e27), _bound(commission, 0, 0.5e18));
        vm.prank(OPERATOR);
        _staking.setCommission(commission);
        vm.warp(block.timestamp + 7 days);
        _deposit(OPERATOR, own);
        _deposit(THIEF, delegated);
        _reward(reward);

        IStaking.Pool memory pool = _staking.pool(OPERATOR);
        uint256 toDelegated = pool.delegated.assets - delegated;
        vm.assertEq(pool.own.assets - own, reward - toDelegated);
        uint256 exact = reward * (1e18 - commission) * delegated; // over (own + delegated) * 1e18
        vm.assertLe(toDelegated * (own + delegated) * 1e18, exact);
        vm.assertTrue((toDelegated + 1) * (own + delegated) * 1e18 > exact, "rounded once");
    }

    /// @notice The parts of a slash add up, own stake goes first, and active and exiting stake bear alike.
    function testFuzz_slash(uint256 own, uint256 delegated, uint256 exiting, uint256 loss) public {
        (own, delegated) = (_bound(own, 1, 1e30), _bound(delegated, 2, 1e30));
        _deposit(OPERATOR, own);
        _deposit(THIEF, delegated);
        exiting = _bound(exiting, 1, delegated - 1);
        loss = _bound(loss, 1, own + delegated);
        _staking.lock(OPERATOR, own + delegated);
        vm.prank(THIEF);
        uint256 id = _staking.requestWithdrawal(OPERATOR, exiting * 1e6);
        _staking.slash(OPERATOR, loss, address(this));

        IStaking.Pool memory pool = _staking.pool(OPERATOR);
        vm.assertEq(pool.own.assets, own > loss ? own - loss : 0);
        uint256 rest = own > loss ? 0 : loss - own;
        vm.assertEq(uint256(pool.delegated.assets) + pool.delegated.exitingAssets, delegated - rest);
        uint256 gone = exiting - pool.delegated.exitingAssets;
        vm.assertTrue(gone * delegated <= rest * exiting && (gone + 1) * delegated > rest * exiting, "pro rata");
        vm.assertLe(_staking.withdrawable(id), pool.delegated.exitingAssets);
        vm.assertGe(_staking.withdrawable(id) + exiting / 1e18 + 1, pool.delegated.exitingAssets);
    }

    /// @notice The index keeps its 18 digits for every loss, and a withdrawal never grows.
    function testFuzz_decay(uint256 index, uint256 before, uint256 left, uint256 assets) public pure {
        index = _bound(index, WithdrawalMath.INDEX_FLOOR, WithdrawalMath.INDEX_START);
        before = _bound(before, 1, type(uint128).max / 1e6);
        left = _bound(left, 0, before);
        assets = _bound(assets, 1, before);
        (uint256 newIndex, uint256 generation) = WithdrawalMath.decayDown(index, 0, before, left);
        vm.assertTrue(newIndex >= WithdrawalMath.INDEX_FLOOR && newIndex <= WithdrawalMath.INDEX_START, "digits");
        uint256 worth = WithdrawalMath.valueDown(assets, index, 0, newIndex, generation);
        vm.assertLe(worth * before, assets * left);
        vm.assertGe((worth + assets / 1e18 + 2) * before, assets * left);
    }

    function testFuzz_total_is_bounded(uint256 first, uint256 second) public {
        uint256 most = _staking.MAX_TOTAL_ASSETS();
        first = _bound(first, 1, most);
        _deposit(OPERATOR, first);
        second = _bound(second, most - first + 1, type(uint256).max - first);
        _token.mint(address(this), second);
        vm.expectRevert(abi.encodeWithSelector(IStaking.AmountTooLarge.selector, second));
        _staking.deposit(OPERATOR, second, OPERATOR);
        vm.expectRevert(abi.encodeWithSelector(IStaking.AmountTooLarge.selector, second));
        _staking.distribute(OPERATOR, second);
    }

    function _deposit(address funder, uint256 assets) private {
        _token.mint(address(this), assets);
        _staking.deposit(OPERATOR, assets, funder);
    }

    function _reward(uint256 assets) private {
        _token.mint(address(this), assets);
        _staking.distribute(OPERATOR, assets);
    }

    function _leave(address funder) private returns (uint256 assets) {
        uint256 shares = _staking.sharesOf(OPERATOR, funder);
        vm.prank(funder);
        uint256 id = _staking.requestWithdrawal(OPERATOR, shares);
        vm.warp(block.timestamp + 7 days);
        assets = _staking.withdraw(id);
    }
}
