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
import {IArena} from "../contracts/interfaces/IArena.sol";
import {ArenaLife} from "./ArenaScale.t.sol";
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

    function withdraw(uint256 assets) public updates(msg.sender) {
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

    function exit() external {
        withdraw(balanceOf[msg.sender]);
        getReward();
    }

    function getReward() public updates(msg.sender) {
        uint256 assets = rewards[msg.sender];
        rewards[msg.sender] = 0;
        TOKEN.safeTransfer(msg.sender, assets);
        emit RewardPaid(msg.sender, assets);
    }
}

/// @notice Measures a call as a transaction of its own (`isolate`), always from the same state: its gas, and how many
///         slots it reads, writes, fills and erases in how many accounts. `benchmarks/gas` reads what is measured here.
abstract contract Metered is Base {
    address[] internal _accounts;

    /// @param name Of what is measured; with a word behind it for each of the counts.
    function _measure(string memory name, address who, address target, bytes memory data) internal {
        uint256 start = vm.snapshotState();
        vm.record();
        vm.prank(who);
        (bool ok, ) = target.call(data);
        vm.snapshotGasLastCall(name);
        vm.assertTrue(ok, name);
        (bytes32[][] memory slots, bytes32[][] memory after_) = _slots();
        vm.revertToState(start);
        _count(name, target, slots, after_);
    }

    /// @dev Of every account the slots that were looked at, each once, and what they hold.
    function _slots() private returns (bytes32[][] memory slots, bytes32[][] memory values) {
        (slots, values) = (new bytes32[][](_accounts.length), new bytes32[][](_accounts.length));
        for (uint256 i; i < _accounts.length; ++i) {
            (bytes32[] memory reads, ) = vm.accesses(_accounts[i]);
            (slots[i], values[i]) = (_distinct(reads), new bytes32[](reads.length));
            for (uint256 j; j < slots[i].length; ++j) values[i][j] = vm.load(_accounts[i], slots[i][j]);
        }
    }

    function _count(string memory name, address target, bytes32[][] memory slots, bytes32[][] memory after_) private {
        uint256[5] memory counts;
        for (uint256 i; i < slots.length; ++i) {
            if (slots[i].length > 0 && _accounts[i] != target) ++counts[0];
            for (uint256 j; j < slots[i].length; ++j) {
                (bytes32 had, bytes32 has) = (vm.load(_accounts[i], slots[i][j]), after_[i][j]);
                ++counts[
                    had == has
                        ? 1
                        : had == 0
                            ? 3
                            : has == 0
                                ? 4
                                : 2
                ];
            }
        }
        string[5] memory kinds = ["accounts", "read", "rewritten", "filled", "erased"];
        for (uint256 i; i < 5; ++i) vm.snapshotValue(string.concat(name, " | ", kinds[i]), counts[i]);
    }

    function _distinct(bytes32[] memory all) private pure returns (bytes32[] memory some) {
        some = new bytes32[](all.length);
        uint256 count;
        for (uint256 i; i < all.length; ++i) {
            bool known;
            for (uint256 j; j < count; ++j) known = known || some[j] == all[i];
            if (!known) some[count++] = all[i];
        }
        assembly {
            mstore(some, count)
        }
    }
}

/// @notice Gas of what stakers do, beside plain OpenZeppelin and Solady contracts with the same token in the same state:
///         everybody has been there before, so that first writes do not hide the rest, and has rewards that wait.
/// forge-config: default.isolate = true
contract GasBenchmark is Metered {
    address private constant ALICE = address(0xa11ce);
    address private constant OPERATOR = address(0x0b);

    SkeinToken private _token;
    Staking private _staking;
    DelegationVault private _vault;
    OzVault private _oz;
    SoladyVault private _solady;
    PlainRewards private _plain;

    function setUp() public {
        _token = new SkeinToken(address(this), 1_000_000e18);
        _staking = new Staking(address(_token), 7 days, address(this));
        _vault = new DelegationVault(address(_staking), OPERATOR);
        _oz = new OzVault(_token);
        _solady = new SoladyVault(address(_token));
        _plain = new PlainRewards(_token);
        _accounts = [address(_staking), address(_vault), address(_oz), address(_solady), address(_plain)];
        for (uint256 i; i < 5; ++i) {
            _allow(address(this), _accounts[i]);
            _allow(ALICE, _accounts[i]);
            _allow(OPERATOR, _accounts[i]);
        }
        _accounts.push(address(_token));
        _token.transfer(ALICE, 100_000e18);
        _token.transfer(OPERATOR, 100_000e18);
        vm.prank(OPERATOR);
        _staking.deposit(OPERATOR, 1000e18, OPERATOR);
        for (uint256 i; i < 2; ++i) {
            _everybodyEnters();
            _staking.distribute(OPERATOR, 10e18);
            _plain.notify(10e18);
        }
        vm.startPrank(ALICE);
        _staking.requestWithdrawal(OPERATOR, 1e24);
        _vault.requestRedeem(1e24, ALICE, ALICE);
        vm.stopPrank();
        vm.warp(block.timestamp + 7 days);
    }

    function _allow(address who, address spender) private {
        vm.prank(who);
        _token.approve(spender, type(uint256).max);
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

    function test_enter() public {
        bytes memory own = abi.encodeCall(Staking.deposit, (OPERATOR, 1e18, OPERATOR));
        _measure("deposit own stake", OPERATOR, address(_staking), own);
        bytes memory other = abi.encodeCall(Staking.deposit, (OPERATOR, 1e18, ALICE));
        _measure("delegate", ALICE, address(_staking), other);
        _measure("vault deposit", ALICE, address(_vault), abi.encodeCall(DelegationVault.deposit, (1e18, ALICE)));
        _measure("vault mint", ALICE, address(_vault), abi.encodeCall(DelegationVault.mint, (1e24, ALICE)));
        _measure("OpenZeppelin ERC-4626: deposit", ALICE, address(_oz), abi.encodeCall(ERC4626.deposit, (1e18, ALICE)));
        _measure("OpenZeppelin ERC-4626: mint", ALICE, address(_oz), abi.encodeCall(ERC4626.mint, (1e18, ALICE)));
        bytes memory solady = abi.encodeCall(SoladyERC4626.deposit, (1e18, ALICE));
        _measure("Solady ERC-4626: deposit", ALICE, address(_solady), solady);
        _measure("plain rewards: stake", ALICE, address(_plain), abi.encodeCall(PlainRewards.stake, (1e18)));
    }

    function test_leave() public {
        bytes memory request = abi.encodeCall(Staking.requestWithdrawal, (OPERATOR, 1e24));
        _measure("request withdrawal", ALICE, address(_staking), request);
        bytes memory vaultRequest = abi.encodeCall(DelegationVault.requestRedeem, (1e24, ALICE, ALICE));
        _measure("vault request redeem", ALICE, address(_vault), vaultRequest);
        _measure("withdraw", ALICE, address(_staking), abi.encodeCall(Staking.withdraw, (1)));
        bytes memory claim = abi.encodeCall(DelegationVault.redeem, (1e24, ALICE, ALICE));
        _measure("vault redeem", ALICE, address(_vault), claim);
        bytes memory redeem = abi.encodeCall(ERC4626.redeem, (1e18, ALICE, ALICE));
        _measure("OpenZeppelin ERC-4626: redeem", ALICE, address(_oz), redeem);
        bytes memory solady = abi.encodeCall(SoladyERC4626.redeem, (1e18, ALICE, ALICE));
        _measure("Solady ERC-4626: redeem", ALICE, address(_solady), solady);
        _measure("plain rewards: withdraw", ALICE, address(_plain), abi.encodeCall(PlainRewards.withdraw, (1e18)));
    }

    function test_rewards() public {
        bytes memory reward = abi.encodeCall(Staking.distribute, (OPERATOR, 1e18));
        _measure("distribute a reward", address(this), address(_staking), reward);
        _measure("plain rewards: notify", address(this), address(_plain), abi.encodeCall(PlainRewards.notify, (1e18)));
        _measure("plain rewards: claim", ALICE, address(_plain), abi.encodeCall(PlainRewards.getReward, ()));
    }
}

/// @notice Gas of what trainers and validators do in a task, beside plain staking rewards with the same token, with as
///         few participants as make a panel of four and with 64 on either side: it must be the same.
/// forge-config: default.isolate = true
contract GasOfTasks is Metered, ArenaLife {
    PlainRewards private _plain;
    string private _suffix;

    function test_withFew() public {
        _life(4, " (4 and 4)");
        _measurePlain();
    }

    function test_withMany() public {
        _life(64, " (64 and 64)");
    }

    /// @dev What is measured is measured for the last trainer, the last validator, or a member of the last panel.
    function _life(uint256 each, string memory suffix) private {
        _suffix = suffix;
        _begin(each, each, 4, 3);
        _plain = new PlainRewards(_token);
        _accounts = [address(_token), address(_staking), address(_arena), address(_plain)];
        for (uint256 i; i < 2 * each; ++i) _join(i);
        _pass(100);
        for (uint256 i = 1; i <= each; ++i) {
            bytes memory model = abi.encodeCall(IArena.revealSubmission, (1, i, bytes32(i), 0));
            _step(i == each ? "reveal a model" : "", _person(i - 1), model);
        }
        _pass(100);
        _step("release the key", address(this), abi.encodeCall(IArena.releaseKey, (1, keccak256("key"))));
        vm.roll(block.number + 2);
        for (uint256 i = 1; i <= each; ++i) {
            _step(i == each ? "draw a panel" : "", address(this), abi.encodeCall(IArena.drawPanel, (1, i)));
        }
        address[] memory panel = _arena.panel(1, each);
        _scoreAll(panel[0]);
        for (uint256 i = 1; i <= each; ++i) {
            _step(i == each ? "settle a submission" : "", address(0x57a7), abi.encodeCall(IArena.settle, (1, i)));
        }
        _step("", address(this), abi.encodeCall(IArena.finalize, (1)));
        _step("", address(this), abi.encodeCall(IArena.claimSubmission, (1, each - 1)));
        _step("claim for a model", address(this), abi.encodeCall(IArena.claimSubmission, (1, each)));
        _step("", address(this), abi.encodeCall(IArena.claimValidator, (1, panel[1])));
        _step("claim as validator", address(this), abi.encodeCall(IArena.claimValidator, (1, panel[0])));
    }

    function _join(uint256 index) private {
        address who = _person(index);
        _staking.deposit(who, 2e21, who);
        bool isLast = (index + 1) % _trainers == 0;
        bytes32 commitment = _arena.submissionCommitment(1, who, bytes32(index + 1), 0);
        if (index < _trainers) {
            _step(isLast ? "commit a model" : "", who, abi.encodeCall(IArena.commitSubmission, (1, 1e21, commitment)));
        } else _step(isLast ? "register" : "", who, abi.encodeCall(IArena.registerValidator, (1, 1e21)));
    }

    /// @dev Everybody scores; the measured one commits as the last.
    function _scoreAll(address measured) private {
        uint256 last;
        for (uint256 i; i < _validators; ++i) {
            if (_person(_trainers + i) == measured) last = i;
            else _commitScores("", i, _entries(i, _answer));
        }
        IArena.ScoreEntry[] memory entries = _entries(last, _answer);
        _measureOneScore(last, entries[entries.length - 1]);
        _commitScores("commit scores", last, entries);
        _pass(100);
        for (uint256 i; i < _validators; ++i) _revealScores("", i, _entries(i, _answer));
        _pass(100);
    }

    /// @dev As if only that of the last model had been committed.
    function _measureOneScore(uint256 validator, IArena.ScoreEntry memory entry) private {
        uint256 start = vm.snapshotState();
        IArena.ScoreEntry[] memory one = new IArena.ScoreEntry[](1);
        one[0] = entry;
        _commitScores("", validator, one);
        _pass(100);
        _revealScores("reveal a score", validator, one);
        vm.revertToState(start);
    }

    function _commitScores(string memory name, uint256 validator, IArena.ScoreEntry[] memory entries) private {
        address who = _person(_trainers + validator);
        bytes32 commitment = _arena.scoresCommitment(1, 1, who, 0, entries, 0);
        _step(name, who, abi.encodeCall(IArena.commitScores, (1, 0, commitment)));
    }

    function _revealScores(string memory name, uint256 validator, IArena.ScoreEntry[] memory entries) private {
        _step(name, _person(_trainers + validator), abi.encodeCall(IArena.revealScores, (1, 0, entries, 0)));
    }

    /// @dev Measured if it has a name.
    function _step(string memory name, address who, bytes memory data) private {
        if (bytes(name).length > 0) _measure(string.concat(name, _suffix), who, address(_arena), data);
        vm.prank(who);
        (bool ok, ) = address(_arena).call(data);
        vm.assertTrue(ok, name);
    }

    function _measurePlain() private {
        address other = _person(0);
        _token.mint(other, 1e18);
        vm.prank(other);
        _token.approve(address(_plain), type(uint256).max);
        vm.prank(other);
        _plain.stake(1e18);
        _token.approve(address(_plain), type(uint256).max);
        for (uint256 i; i < 2; ++i) {
            _plain.stake(1e18);
            _plain.notify(1e18);
        }
        bytes memory stake = abi.encodeCall(PlainRewards.stake, (1e18));
        _measure("plain rewards: stake a plain token", address(this), address(_plain), stake);
        bytes memory leave = abi.encodeCall(PlainRewards.exit, ());
        _measure("plain rewards: exit with a plain token", address(this), address(_plain), leave);
    }

    /// @dev Later models are better.
    function _answer(uint256, uint256 submissionId) private pure returns (int64, bool) {
        return (int64(int256(1e8 * submissionId)), true);
    }
}
