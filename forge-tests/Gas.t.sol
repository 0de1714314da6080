// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC4626 as SoladyERC4626} from "solady/tokens/ERC4626.sol";

import {DelegationVault} from "../contracts/DelegationVault.sol";
import {SkeinToken} from "../contracts/SkeinToken.sol";
import {Staking} from "../contracts/Staking.sol";
import {Base} from "./Base.sol";

contract OzVault is ERC4626 {
    constructor(IERC20 asset_) ERC20("OpenZeppelin", "OZ") ERC4626(asset_) {}
}

contract SoladyVault is SoladyERC4626 {
    address private immutable _UNDERLYING;

    constructor(address underlying) {
        _UNDERLYING = underlying;
    }

    function asset() public view override returns (address) {
        return _UNDERLYING;
    }

    function name() public pure override returns (string memory) {
        return "Solady";
    }

    function symbol() public pure override returns (string memory) {
        return "SOL";
    }
}

/// @notice The plain form of staking for rewards, with OpenZeppelin's parts: a balance, rewards per token, claims.
contract PlainRewards {
    using SafeERC20 for IERC20;

    IERC20 public immutable TOKEN;
    uint256 public totalSupply;
    uint256 public perToken;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => uint256) public paid;
    mapping(address account => uint256) public rewards;

    event Staked(address indexed account, uint256 assets);
    event Withdrawn(address indexed account, uint256 assets);
    event RewardPaid(address indexed account, uint256 assets);
    event RewardAdded(uint256 assets);

    constructor(IERC20 token) {
        TOKEN = token;
    }

    modifier updates(address account) {
        rewards[account] += (balanceOf[account] * (perToken - paid[account])) / 1e18;
        paid[account] = perToken;
        _;
    }

    function stake(uint256 assets) external updates(msg.sender) {
        totalSupply += assets;
        balanceOf[msg.sender] += assets;
        TOKEN.safeTransferFrom(msg.sender, address(this), assets);
        emit Staked(msg.sender, assets);
    }

    function withdraw(uint256 assets) external updates(msg.sender) {
        totalSupply -= assets;
        balanceOf[msg.sender] -= assets;
        TOKEN.safeTransfer(msg.sender, assets);
        emit Withdrawn(msg.sender, assets);
    }

    function notify(uint256 assets) external {
        perToken += (assets * 1e18) / totalSupply;
        TOKEN.safeTransferFrom(msg.sender, address(this), assets);
        emit RewardAdded(assets);
    }

    function getReward() external updates(msg.sender) {
        uint256 assets = rewards[msg.sender];
        rewards[msg.sender] = 0;
        TOKEN.safeTransfer(msg.sender, assets);
        emit RewardPaid(msg.sender, assets);
    }
}

/// @notice Gas of what users do, beside plain OpenZeppelin and Solady contracts with the same token in the same state:
///         everybody has been there before, so that first writes do not hide the rest. Every call is made cold, as the
///         first of a transaction. `benchmarks/gas` reads what is measured here.
contract GasBenchmark is Base {
    address private constant ALICE = address(0xa11ce);
    address private constant OPERATOR = address(0x0b);
    address private constant MODULE = address(0xa1);

    SkeinToken private _token;
    Staking private _staking;
    DelegationVault private _vault;
    OzVault private _oz;
    SoladyVault private _solady;
    PlainRewards private _plain;

    function setUp() public {
        _token = new SkeinToken(address(this), 1_000_000e18);
        _staking = new Staking(address(_token), 7 days, address(this));
        _staking.setModule(MODULE, true);
        _vault = new DelegationVault(address(_staking), OPERATOR);
        _oz = new OzVault(_token);
        _solady = new SoladyVault(address(_token));
        _plain = new PlainRewards(_token);
        address[3] memory people = [address(this), ALICE, OPERATOR];
        address[5] memory spenders = [
            address(_staking),
            address(_vault),
            address(_oz),
            address(_solady),
            address(_plain)
        ];
        for (uint256 i; i < 3; ++i) {
            if (i > 0) _token.transfer(people[i], 100_000e18);
            for (uint256 j; j < 5; ++j) {
                vm.prank(people[i]);
                _token.approve(spenders[j], type(uint256).max);
            }
        }
        vm.prank(OPERATOR);
        _staking.deposit(OPERATOR, 1000e18, OPERATOR);
        for (uint256 i; i < 2; ++i) _everybodyEnters();
        _staking.distribute(OPERATOR, 10e18);
        _plain.notify(10e18);
        vm.prank(ALICE);
        _staking.requestWithdrawal(OPERATOR, 1e24);
        vm.warp(block.timestamp + 7 days);
        vm.prank(ALICE);
        _plain.getReward();
        _plain.notify(10e18);
    }

    function _everybodyEnters() private {
        vm.startPrank(ALICE);
        _staking.deposit(OPERATOR, 10e18, ALICE);
        _vault.deposit(10e18, ALICE);
        _oz.deposit(10e18, ALICE);
        _solady.deposit(10e18, ALICE);
        _plain.stake(10e18);
        vm.stopPrank();
    }

    function _cool() private {
        address[6] memory all = [
            address(_token),
            address(_staking),
            address(_vault),
            address(_oz),
            address(_solady),
            address(_plain)
        ];
        for (uint256 i; i < 6; ++i) vm.cool(all[i]);
        vm.prank(ALICE);
    }

    function test_depositOwn() public {
        vm.cool(address(_token));
        vm.cool(address(_staking));
        vm.prank(OPERATOR);
        _staking.deposit(OPERATOR, 1e18, OPERATOR);
        vm.snapshotGasLastCall("deposit own stake");
        _cool();
        _plain.stake(1e18);
        vm.snapshotGasLastCall("plain rewards: stake");
    }

    function test_delegate() public {
        _cool();
        _staking.deposit(OPERATOR, 1e18, ALICE);
        vm.snapshotGasLastCall("delegate");
        _cool();
        _oz.deposit(1e18, ALICE);
        vm.snapshotGasLastCall("OpenZeppelin ERC-4626: deposit");
        _cool();
        _solady.deposit(1e18, ALICE);
        vm.snapshotGasLastCall("Solady ERC-4626: deposit");
        _cool();
        _vault.deposit(1e18, ALICE);
        vm.snapshotGasLastCall("vault deposit");
    }

    function test_leave() public {
        _cool();
        _staking.requestWithdrawal(OPERATOR, 1e24);
        vm.snapshotGasLastCall("request withdrawal");
        _cool();
        _vault.requestRedeem(1e24, ALICE, ALICE);
        vm.snapshotGasLastCall("vault request redeem");
        _cool();
        _staking.withdraw(1);
        vm.snapshotGasLastCall("withdraw");
        _cool();
        _oz.redeem(1e18, ALICE, ALICE);
        vm.snapshotGasLastCall("OpenZeppelin ERC-4626: redeem");
        _cool();
        _solady.redeem(1e18, ALICE, ALICE);
        vm.snapshotGasLastCall("Solady ERC-4626: redeem");
        _cool();
        _plain.withdraw(1e18);
        vm.snapshotGasLastCall("plain rewards: withdraw");
    }

    function test_rewards() public {
        _cool();
        _staking.distribute(OPERATOR, 1e18);
        vm.snapshotGasLastCall("distribute a reward");
        vm.cool(address(_token));
        vm.cool(address(_plain));
        _plain.notify(1e18);
        vm.snapshotGasLastCall("plain rewards: notify");
        _cool();
        _plain.getReward();
        vm.snapshotGasLastCall("plain rewards: claim");
    }
}
