// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {DelegationVault} from "../contracts/DelegationVault.sol";
import {SkeinToken} from "../contracts/SkeinToken.sol";
import {Staking} from "../contracts/Staking.sol";
import {Base} from "./Base.sol";

/// @notice What EIP-20 and EIP-2612 demand of a token, and what their users rely on, fuzzed; each test is one sentence.
///         Alice holds something, and so does this contract.
abstract contract TokenStandards is Base {
    uint256 internal constant KEY = 0xa11ce;
    address internal constant BOB = address(0xb0b);
    bytes32 private constant PERMIT = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );

    ERC20Permit internal _coin;
    address internal _alice = vm.addr(KEY);
    string internal _domain;

    modifier real(address who) {
        vm.assume(who != address(0) && who != _alice && who != address(this));
        _;
    }

    /* EIP-20 */

    function testFuzz_transfersMoveWhatTheySay(address to, uint256 some) public real(to) {
        (uint256 had, uint256 there, uint256 supply) = (_held(), _coin.balanceOf(to), _coin.totalSupply());
        uint256 moved = _bound(some, 0, had); // zero as well: "treated as normal transfers"
        vm.expectEmit();
        emit IERC20.Transfer(_alice, to, moved);
        vm.prank(_alice);
        vm.assertTrue(_coin.transfer(to, moved));
        vm.assertEq(_held(), had - moved);
        vm.assertEq(_coin.balanceOf(to), there + moved);
        vm.assertEq(_coin.totalSupply(), supply);
    }

    function testFuzz_transfersToOneselfMoveNothing(uint256 some) public {
        uint256 had = _held();
        uint256 moved = _bound(some, 0, had);
        vm.prank(_alice);
        vm.assertTrue(_coin.transfer(_alice, moved));
        vm.prank(_alice);
        _coin.approve(address(this), moved);
        vm.assertTrue(_coin.transferFrom(_alice, _alice, moved));
        vm.assertEq(_held(), had);
    }

    function testFuzz_transfersBeyondTheBalanceRevert(address to, uint256 more) public real(to) {
        (uint256 had, uint256 there) = (_held(), _coin.balanceOf(to));
        uint256 moved = _bound(more, had + 1, type(uint256).max);
        vm.prank(_alice);
        vm.expectRevert();
        _coin.transfer(to, moved);
        vm.prank(_alice);
        _coin.approve(address(this), type(uint256).max);
        vm.expectRevert();
        _coin.transferFrom(_alice, to, moved);
        vm.assertEq(_held(), had);
        vm.assertEq(_coin.balanceOf(to), there);
    }

    function testFuzz_allowancesBindAndAreSpent(address to, uint256 some, uint256 allowed) public real(to) {
        uint256 had = _held();
        uint256 moved = _bound(some, 0, had);
        vm.prank(_alice);
        vm.assertTrue(_coin.approve(address(this), allowed));
        if (moved > allowed) vm.expectRevert();
        _coin.transferFrom(_alice, to, moved);
        if (moved > allowed) moved = 0;
        vm.assertEq(_held(), had - moved);
        bool endless = allowed == type(uint256).max;
        vm.assertEq(_coin.allowance(_alice, address(this)), endless ? allowed : allowed - moved);
    }

    function testFuzz_anApprovalReplacesTheOneBefore(address who, uint256 first, uint256 second) public real(who) {
        uint256 had = _held();
        vm.prank(_alice);
        _coin.approve(who, first);
        vm.expectEmit();
        emit IERC20.Approval(_alice, who, second);
        vm.prank(_alice);
        vm.assertTrue(_coin.approve(who, second));
        vm.assertEq(_coin.allowance(_alice, who), second);
        vm.assertEq(_coin.allowance(who, _alice), 0);
        vm.assertEq(_held(), had);
    }

    function testFuzz_nobodyIsTheZeroAddress(uint256 some) public {
        uint256 moved = _bound(some, 0, _held());
        vm.prank(_alice);
        vm.expectRevert();
        _coin.transfer(address(0), moved);
        vm.prank(_alice);
        vm.expectRevert();
        _coin.approve(address(0), some);
        vm.assertEq(_coin.balanceOf(address(0)), 0);
    }

    function testFuzz_balancesAddUp(address who) public view real(who) {
        vm.assertLe(_coin.balanceOf(who) + _held() + _coin.balanceOf(address(this)), _coin.totalSupply());
    }

    /* EIP-2612 */

    function testFuzz_aPermitIsAnApproval(address who, uint256 assets, uint256 deadline) public real(who) {
        deadline = _bound(deadline, block.timestamp, type(uint256).max);
        (uint8 v, bytes32 r, bytes32 s) = _sign(KEY, who, assets, deadline);
        vm.expectEmit();
        emit IERC20.Approval(_alice, who, assets);
        vm.prank(BOB); // anyone may bring it
        _coin.permit(_alice, who, assets, deadline, v, r, s);
        vm.assertEq(_coin.allowance(_alice, who), assets);
        vm.assertEq(_coin.nonces(_alice), 1);
        vm.expectRevert(); // once
        _coin.permit(_alice, who, assets, deadline, v, r, s);
    }

    function testFuzz_noOtherPermitIsTaken(address who, uint256 assets, uint256 key) public real(who) {
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) = _sign(_bound(key, KEY + 1, type(uint128).max), who, assets, deadline);
        vm.expectRevert();
        _coin.permit(_alice, who, assets, deadline, v, r, s); // another's
        vm.expectRevert();
        _coin.permit(address(0), who, assets, deadline, v, r, bytes32(0)); // nobody's
        (v, r, s) = _sign(KEY, who, assets, deadline);
        vm.expectRevert();
        _coin.permit(_alice, who, assets ^ 1, deadline, v, r, s); // of another amount
        vm.warp(deadline + 1);
        vm.expectRevert();
        _coin.permit(_alice, who, assets, deadline, v, r, s); // too late
        vm.assertEq(_coin.allowance(_alice, who) + _coin.nonces(_alice), 0);
    }

    function test_theDomainIsThatOfTheToken() public view {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 name = keccak256(bytes(_domain));
        bytes memory domain = abi.encode(kind, name, keccak256("1"), block.chainid, address(_coin));
        vm.assertEq(_coin.DOMAIN_SEPARATOR(), keccak256(domain));
    }

    function _held() private view returns (uint256) {
        return _coin.balanceOf(_alice);
    }

    function _sign(
        uint256 key,
        address who,
        uint256 assets,
        uint256 deadline
    ) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 permit = keccak256(abi.encode(PERMIT, _alice, who, assets, _coin.nonces(_alice), deadline));
        return vm.sign(key, keccak256(abi.encodePacked("\x19\x01", _coin.DOMAIN_SEPARATOR(), permit)));
    }
}

contract SkeinTokenStandards is TokenStandards {
    function setUp() public {
        (_coin, _domain) = (new SkeinToken(address(this), 1e27), "Skein");
        _coin.transfer(_alice, 1e26);
    }
}

contract VaultShareStandards is TokenStandards {
    function setUp() public {
        SkeinToken token = new SkeinToken(address(this), 1e27);
        Staking staking = new Staking(address(token), 1 days, address(this));
        token.approve(address(staking), type(uint256).max);
        staking.deposit(address(this), 1e18, address(this));
        DelegationVault vault = new DelegationVault(address(staking), address(this));
        token.approve(address(vault), type(uint256).max);
        vault.deposit(1e20, address(this));
        vault.deposit(1e20, _alice);
        (_coin, _domain) = (vault, "Skein delegation");
    }
}
