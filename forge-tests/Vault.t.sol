// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

import {DelegationVault} from "../contracts/DelegationVault.sol";
import {Staking} from "../contracts/Staking.sol";
import {Base} from "./Base.sol";
import {PlainToken} from "./StakingHandler.sol";

/// @notice A pool of any price with a vault: what ERC-4626 demands of it, fuzzed; of its shares as ERC-20 see
///         TokenStandards.t.sol. Each test is one sentence of the standard. Leaving is by requestRedeem, so the round trips go through it and the ledger.
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
        vm.prank(BOB);
        uint256 number = _vault.requestRedeem(shares, BOB, BOB);
        vm.warp(block.timestamp + 1 days);
        vm.assertEq(_staking.withdraw(number), worth);
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
}
