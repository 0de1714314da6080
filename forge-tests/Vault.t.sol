// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {DelegationVault} from "../contracts/DelegationVault.sol";
import {IERC7540Operator, IERC7540Redeem} from "../contracts/interfaces/IERC7540.sol";
import {Staking} from "../contracts/Staking.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

/// @notice A pool of any price with a vault: what ERC-4626 and ERC-7540 demand of it, fuzzed; of its shares as ERC-20
///         see TokenStandards.t.sol. Each test is one sentence of a standard. Leaving takes a request and a claim.
contract VaultProperties is Base {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    address private constant MODULE = address(0xa1);

    PlainToken private _token;
    Staking private _staking;
    DelegationVault private _vault;

    function setUp() public {
        _token = new PlainToken();
        _staking = new Staking(address(_token), 1 days, address(this));
        _staking.setModule(MODULE, true);
        _vault = new DelegationVault(address(_staking), address(this));
        _token.mint(address(this), type(uint96).max);
        _token.approve(address(_staking), type(uint256).max);
        _staking.deposit(address(this), 1e18, address(this));
        for (uint256 i; i < 2; ++i) {
            address who = i == 0 ? ALICE : BOB;
            _token.mint(who, type(uint96).max);
            vm.prank(who);
            _token.approve(address(_vault), type(uint256).max);
        }
    }

    /// A pool in which Alice has something, after a reward and a slash.
    modifier pool(uint96 deposited, uint80 reward, uint64 slashed) {
        deposited = uint96(_bound(deposited, 1e6, 1e27));
        vm.prank(ALICE);
        _vault.deposit(deposited, ALICE);
        if (reward > 0) _staking.distribute(address(this), reward);
        uint256 own = _staking.pool(address(this)).own.assets;
        uint256 loss = own + (uint256(deposited) * slashed) / (uint256(type(uint64).max) + 1) / 2;
        vm.prank(MODULE);
        _staking.lock(address(this), loss);
        vm.prank(MODULE);
        _staking.slash(address(this), loss, address(0xdead));
        _staking.deposit(address(this), 1e18, address(this));
        _;
    }

    /* ERC-4626 */

    function testFuzz_assetIsTheLedgersToken() public view {
        vm.assertEq(_vault.asset(), address(_token));
        vm.assertEq(_vault.decimals(), 24);
    }

    function testFuzz_totalAssetsAreThoseOfItsShares(uint96 d, uint80 r, uint64 s) public pool(d, r, s) {
        vm.assertEq(_vault.totalAssets(), _vault.convertToAssets(_staking.sharesOf(address(this), address(_vault))));
    }

    function testFuzz_conversionsRoundDownAndDoNotDependOnWhoAsks(
        uint96 d,
        uint80 r,
        uint64 s,
        uint96 assets
    ) public pool(d, r, s) {
        uint256 shares = _vault.convertToShares(assets);
        vm.prank(BOB);
        vm.assertEq(_vault.convertToShares(assets), shares);
        vm.assertLe(_vault.convertToAssets(shares), assets);
        vm.assertLe(_vault.convertToShares(_vault.convertToAssets(shares)), shares);
        vm.assertEq(_vault.previewRedeem(shares), _vault.convertToAssets(shares));
    }

    function testFuzz_previewDepositIsExact(uint96 d, uint80 r, uint64 s, uint96 assets) public pool(d, r, s) {
        assets = uint96(_bound(assets, 2, 1e27));
        uint256 expected = _vault.previewDeposit(assets);
        uint256 had = _token.balanceOf(BOB);
        vm.prank(BOB);
        vm.assertEq(_vault.deposit(assets, ALICE), expected);
        vm.assertEq(had - _token.balanceOf(BOB), assets);
    }

    function testFuzz_previewMintIsExact(uint96 d, uint80 r, uint64 s, uint112 shares) public pool(d, r, s) {
        shares = uint112(_bound(shares, 1, _vault.maxMint(BOB)));
        uint256 expected = _vault.previewMint(shares);
        _token.mint(BOB, expected);
        uint256 had = _vault.balanceOf(ALICE);
        vm.prank(BOB);
        vm.assertEq(_vault.mint(shares, ALICE), expected);
        vm.assertEq(_vault.balanceOf(ALICE) - had, shares);
    }

    function testFuzz_previewsBracketThePrice(uint96 d, uint80 r, uint64 s, uint96 assets) public pool(d, r, s) {
        vm.assertGe(_vault.previewWithdraw(assets), _vault.previewDeposit(assets));
        vm.assertGe(_vault.convertToAssets(_vault.previewWithdraw(assets)), assets);
        vm.assertLe(_vault.previewMint(_vault.previewDeposit(assets)), assets);
    }

    function testFuzz_whatMaxDepositSaysIsTaken(uint96 d, uint80 r, uint64 s) public pool(d, r, s) {
        uint256 most = _vault.maxDeposit(BOB);
        _token.mint(BOB, most);
        vm.prank(BOB);
        _vault.deposit(most, BOB);
        vm.assertEq(_vault.convertToShares(_vault.maxDeposit(BOB)), _vault.maxMint(BOB));
    }

    function testFuzz_nothingLeavesAtOnce(uint96 d, uint80 r, uint64 s, uint128 some) public pool(d, r, s) {
        vm.assertEq(_vault.maxWithdraw(ALICE) + _vault.maxRedeem(ALICE), 0);
        vm.prank(ALICE);
        vm.assertEq(_vault.withdraw(0, ALICE, ALICE) + _vault.redeem(0, ALICE, ALICE), 0);
        vm.expectRevert();
        _vault.withdraw(uint256(some) + 1, ALICE, ALICE);
        vm.expectRevert();
        _vault.redeem(uint256(some) + 1, ALICE, ALICE);
    }

    function testFuzz_aRoundTripNeverGains(uint96 d, uint80 r, uint64 s, uint96 assets) public pool(d, r, s) {
        assets = uint96(_bound(assets, 10, 1e27));
        uint256 had = _token.balanceOf(BOB);
        vm.prank(BOB);
        uint256 shares = _vault.deposit(assets, BOB);
        uint256 worth = _vault.convertToAssets(shares);
        if (worth == 0) return;
        _request(shares, BOB);
        vm.prank(BOB);
        vm.assertEq(_vault.redeem(shares, BOB, BOB), worth);
        vm.assertLe(_token.balanceOf(BOB), had);
    }

    function testFuzz_anEntryCostsNobodyElse(uint96 d, uint80 r, uint64 s, uint96 assets) public pool(d, r, s) {
        vm.prank(BOB);
        _vault.deposit(2, BOB); // the virtual shares have a part only while somebody else has
        uint256 held = _vault.convertToAssets(_vault.balanceOf(ALICE));
        vm.prank(BOB);
        _vault.deposit(_bound(assets, 2, 1e27), BOB);
        vm.assertGe(_vault.convertToAssets(_vault.balanceOf(ALICE)) + 1, held);
    }

    function testFuzz_nobodyRedeemsForOthers(uint96 d, uint80 r, uint64 s, uint112 shares) public pool(d, r, s) {
        vm.prank(BOB);
        vm.expectRevert();
        _vault.requestRedeem(_bound(shares, 1, type(uint112).max), BOB, ALICE);
    }

    function testFuzz_nothingForNothing(uint96 d, uint80 r, uint64 s) public pool(d, r, s) {
        vm.assertEq(_vault.convertToShares(0) + _vault.convertToAssets(0), 0);
        vm.assertEq(_vault.previewDeposit(0) + _vault.previewMint(0), 0);
        vm.assertEq(_vault.previewWithdraw(0) + _vault.previewRedeem(0), 0);
        vm.assertTrue(_vault.previewMint(1) > 0 && _vault.previewWithdraw(1) > 0);
        vm.expectEmit();
        emit IERC4626.Deposit(BOB, ALICE, 0, 0);
        vm.prank(BOB);
        vm.assertEq(_vault.deposit(0, ALICE), 0);
        vm.expectEmit();
        emit IERC4626.Deposit(BOB, ALICE, 0, 0);
        vm.prank(BOB);
        vm.assertEq(_vault.mint(0, ALICE), 0);
        vm.expectEmit();
        emit IERC4626.Withdraw(BOB, ALICE, BOB, 0, 0);
        vm.prank(BOB);
        _vault.redeem(0, ALICE, BOB);
    }

    function testFuzz_anEntryIsToldAndPaidByTheCaller(uint96 d, uint80 r, uint64 s, uint96 some) public pool(d, r, s) {
        uint256 assets = _bound(some, 2, 1e27);
        vm.prank(BOB);
        _token.approve(address(_vault), assets);
        uint256 shares = _vault.previewDeposit(assets);
        vm.expectEmit();
        emit IERC4626.Deposit(BOB, ALICE, assets, shares);
        vm.prank(BOB);
        _vault.deposit(assets, ALICE);
        vm.assertEq(_token.allowance(BOB, address(_vault)), 0);
        vm.assertEq(_vault.balanceOf(BOB), 0);
        vm.prank(BOB);
        vm.expectRevert();
        _vault.deposit(assets, ALICE);
    }

    /// Whatever state the pool is in, limits are told, bind, and cost nobody a revert.
    function testFuzz_limitsNeverRevert(uint96 d, uint80 r, uint64 s, uint8 state, address who) public pool(d, r, s) {
        if (state % 4 == 1) {
            _staking.setGuardian(address(this));
            _staking.pauseEntries(1 days);
        } else if (state % 4 == 2) {
            _staking.requestWithdrawal(address(this), _staking.sharesOf(address(this), address(this)));
        } else if (state % 4 == 3) {
            uint256 all = _staking.stakeOf(address(this));
            vm.prank(MODULE);
            _staking.lock(address(this), all);
            vm.prank(MODULE);
            _staking.slash(address(this), all, address(0xdead));
        }
        uint256 most = _vault.maxDeposit(who);
        vm.assertTrue(most == 0 || state % 4 == 0);
        vm.assertEq(_vault.maxMint(who), _vault.convertToShares(most));
        vm.assertEq(_vault.maxWithdraw(who) + _vault.maxRedeem(who), 0);
        _vault.totalAssets();
        _vault.convertToAssets(_vault.totalSupply());
        _token.mint(BOB, most + 1);
        vm.prank(BOB);
        vm.expectRevert();
        _vault.deposit(most + 1, BOB);
    }

    /* ERC-7540 */

    /// @dev Of Alice's shares, for `controller`, until the cool-down is over. Bob has only what he bought.
    function _request(uint256 shares, address controller) private returns (uint256 id) {
        address owner = _vault.balanceOf(BOB) >= shares ? BOB : ALICE;
        vm.prank(owner);
        id = _vault.requestRedeem(shares, controller, owner);
        vm.warp(block.timestamp + 1 days);
    }

    /// @dev Shares of Alice that are worth something, but not all of them.
    function _some(uint128 seed) private view returns (uint256) {
        uint256 held = _vault.balanceOf(ALICE);
        return _bound(seed, _vault.previewWithdraw(1), held - 1);
    }

    function testFuzz_aRequestTakesSharesAndIsPending(uint96 d, uint80 r, uint64 s, uint128 n) public pool(d, r, s) {
        (uint256 shares, uint256 held) = (_some(n), _vault.balanceOf(ALICE));
        vm.expectEmit();
        emit IERC7540Redeem.RedeemRequest(BOB, ALICE, 1, ALICE, shares);
        vm.prank(ALICE);
        uint256 id = _vault.requestRedeem(shares, BOB, ALICE);
        vm.assertEq(_vault.balanceOf(ALICE), held - shares);
        vm.assertEq(_vault.pendingRedeemRequest(id, BOB), shares);
        vm.assertEq(_vault.claimableRedeemRequest(id, BOB) + _vault.maxRedeem(BOB) + _vault.maxWithdraw(BOB), 0);
        vm.assertEq(_vault.pendingRedeemRequest(id, ALICE) + _vault.pendingRedeemRequest(0, BOB), 0);
        vm.prank(BOB);
        vm.expectRevert();
        _vault.redeem(shares, BOB, BOB);
        vm.warp(block.timestamp + 1 days);
        vm.assertEq(_vault.pendingRedeemRequest(id, BOB), 0);
        vm.assertEq(_vault.claimableRedeemRequest(id, BOB), shares);
        vm.assertEq(_vault.maxRedeem(BOB), shares);
    }

    /// Slashes and locks come between request and claim; what the limits say is what is paid, and not a share more.
    function testFuzz_whatIsClaimableIsPaid(
        uint96 d,
        uint80 r,
        uint64 s,
        uint128 n,
        uint128 lost,
        uint128 locked
    ) public pool(d, r, s) {
        _request(_some(n), ALICE);
        _slash(lost);
        locked = uint128(_bound(locked, 0, _staking.lockable(address(this))));
        if (locked > 0) {
            vm.prank(MODULE);
            _staking.lock(address(this), locked);
            _staking.requestWithdrawal(address(this), _staking.sharesOf(address(this), address(this)) / 2);
        }
        (uint256 shares, uint256 assets) = (_vault.maxRedeem(ALICE), _vault.maxWithdraw(ALICE));
        vm.assertEq(_vault.claimableRedeemRequest(1, ALICE), shares);
        vm.startPrank(ALICE);
        vm.expectRevert();
        _vault.redeem(shares + 1, BOB, ALICE);
        vm.expectRevert();
        _vault.withdraw(assets + 1, BOB, ALICE);
        uint256 had = _token.balanceOf(BOB);
        uint256 state = vm.snapshotState();
        uint256 paid = _vault.redeem(shares, BOB, ALICE);
        vm.assertEq(_token.balanceOf(BOB) - had, paid);
        vm.assertTrue(paid <= assets && (paid == assets || locked > 0));
        vm.revertToState(state);
        uint256 burned = _vault.withdraw(assets, BOB, ALICE);
        vm.assertEq(_token.balanceOf(BOB) - had, assets);
        vm.assertTrue(burned >= shares || assets == 0); // what was slashed to nothing goes by shares alone
    }

    function testFuzz_anySplitPaysTheSame(
        uint96 d,
        uint80 r,
        uint64 s,
        uint128[3] memory n,
        uint128[4] memory parts
    ) public pool(d, r, s) {
        uint256 worth;
        for (uint256 i; i < 3; ++i) {
            if (_vault.balanceOf(ALICE) <= _vault.previewWithdraw(1)) break;
            worth += _staking.withdrawable(_request(_some(n[i]), BOB));
        }
        uint256 had = _token.balanceOf(BOB);
        vm.startPrank(BOB);
        for (uint256 i; i < 4; ++i) {
            uint256 left = _token.balanceOf(BOB) - had;
            if (i % 2 == 0) _vault.redeem(_bound(parts[i], 0, _vault.maxRedeem(BOB)), BOB, BOB);
            else _vault.withdraw(_bound(parts[i], 0, _vault.maxWithdraw(BOB)), BOB, BOB);
            vm.assertEq(_vault.maxWithdraw(BOB), worth - (_token.balanceOf(BOB) - had));
            vm.assertGe(_token.balanceOf(BOB) - had, left);
        }
        _vault.redeem(_vault.maxRedeem(BOB), BOB, BOB);
        vm.assertEq(_token.balanceOf(BOB) - had, worth);
        vm.assertEq(_token.balanceOf(address(_vault)), 0);
    }

    function testFuzz_operatorsActForControllers(uint96 d, uint80 r, uint64 s, uint128 n) public pool(d, r, s) {
        vm.expectEmit();
        emit IERC7540Operator.OperatorSet(ALICE, BOB, true);
        vm.prank(ALICE);
        vm.assertTrue(_vault.setOperator(BOB, true));
        vm.assertTrue(_vault.isOperator(ALICE, BOB) && !_vault.isOperator(BOB, ALICE));
        uint256 shares = _some(n);
        vm.prank(BOB);
        _vault.requestRedeem(shares, ALICE, ALICE);
        vm.warp(block.timestamp + 1 days);
        vm.prank(BOB);
        _vault.redeem(shares, BOB, ALICE);
        vm.prank(ALICE);
        _vault.setOperator(BOB, false);
        vm.prank(BOB);
        vm.expectRevert();
        _vault.requestRedeem(1e6, ALICE, ALICE);
    }

    function testFuzz_nobodyElseHasARequestPaid(
        uint96 d,
        uint80 r,
        uint64 s,
        uint128 n,
        address who
    ) public pool(d, r, s) {
        uint256 shares = _some(n);
        uint256 id = _request(shares, ALICE);
        vm.assume(who != ALICE && who != address(_vault));
        vm.startPrank(who);
        vm.expectRevert();
        _vault.redeem(shares, who, ALICE);
        vm.expectRevert();
        _staking.withdraw(id);
        vm.expectRevert();
        _staking.withdrawTo(id, 1, who);
    }

    function _slash(uint256 seed) private {
        uint256 loss = _bound(seed, 0, _staking.lockable(address(this)) - 1);
        vm.startPrank(MODULE);
        if (loss > 0) _staking.lock(address(this), loss);
        _staking.slash(address(this), loss, address(0xdead));
        vm.stopPrank();
        _staking.deposit(address(this), 1e18, address(this));
    }
}
