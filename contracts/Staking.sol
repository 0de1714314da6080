// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IStaking} from "./interfaces/IStaking.sol";
import {SharesMath} from "./libraries/SharesMath.sol";
import {WithdrawalMath} from "./libraries/WithdrawalMath.sol";
import {VoteEscrow} from "./staking/VoteEscrow.sol";

/// @title The stake ledger
/// @dev No amount in a pool exceeds totalAssets <= MAX_TOTAL_ASSETS < 2^109, so that sums of amounts never overflow and
///      casts to uint128 of amounts are safe; only the shares of a delegated tranche need a check of their own.
///      `depositSent` takes for sent whatever the ledger holds beyond its pools. So it must never run while assets that
///      have left a pool are still to be sent: all verbs that send some are guarded together with it.
contract Staking is IStaking, Ownable2Step, ReentrancyGuardTransient, VoteEscrow {
    using SafeERC20 for IERC20;

    uint256 private constant WAD = 1e18;
    uint256 private constant LONGEST_COOLDOWN = 365 days;

    /// @inheritdoc IStaking
    uint256 public constant MAX_COMMISSION = 0.5e18;
    /// @inheritdoc IStaking
    uint256 public constant FREEZE = 1 hours;
    /// @inheritdoc IStaking
    uint256 public constant MAX_PAUSE = 14 days;
    /// @inheritdoc IStaking
    uint256 public constant MAX_TOTAL_ASSETS = type(uint128).max / SharesMath.SHARES_PER_ASSET;

    /// @inheritdoc IStaking
    address public immutable TOKEN;
    /// @inheritdoc IStaking
    uint256 public immutable COOLDOWN;

    /// @dev In one slot: every deposit reads both.
    uint128 private _totalAssets;
    uint64 private _pausedUntil;
    /// @inheritdoc IStaking
    uint256 public withdrawalCount;
    /// @inheritdoc IStaking
    address public guardian;
    /// @inheritdoc IStaking
    mapping(address module => bool) public isModule;
    /// @inheritdoc IStaking
    mapping(address operator => mapping(address module => uint256 assets)) public lockedBy;

    mapping(address operator => Pool) private _pool;
    /// @dev Of delegators only: all shares of an own tranche are the operator's.
    mapping(address operator => mapping(address funder => uint256 shares)) private _delegation;
    mapping(uint256 withdrawalId => Withdrawal) private _withdrawal;

    constructor(address token, uint256 cooldown, address owner) Ownable(owner) {
        require(token != address(0), ZeroAddress());
        require(cooldown <= LONGEST_COOLDOWN, CooldownTooLong(cooldown, LONGEST_COOLDOWN));
        TOKEN = token;
        COOLDOWN = cooldown;
    }

    /* FUNDERS */

    /// @inheritdoc IStaking
    function deposit(address operator, uint256 assets, address onBehalf) external returns (uint256 shares) {
        shares = _enter(operator, assets, onBehalf);
        _pull(assets);
    }

    /// @inheritdoc IStaking
    function depositSent(
        address operator,
        uint256 assets,
        address onBehalf
    ) external nonReentrant returns (uint256 shares) {
        shares = _enter(operator, assets, onBehalf);
        _requireHeld();
    }

    /// @inheritdoc IStaking
    function requestWithdrawal(address operator, uint256 shares) external returns (uint256 withdrawalId) {
        return _request(operator, shares, msg.sender, false);
    }

    /// @inheritdoc IStaking
    function requestWithdrawalTo(
        address operator,
        uint256 shares,
        address receiver
    ) external returns (uint256 withdrawalId) {
        require(receiver != address(0), ZeroAddress());
        withdrawalId = _request(operator, shares, receiver, false);
        emit WithdrawalAssigned(withdrawalId, operator, receiver);
    }

    /// @inheritdoc IStaking
    function requestHeldWithdrawal(
        address operator,
        uint256 shares,
        address beneficiary
    ) external returns (uint256 withdrawalId) {
        withdrawalId = _request(operator, shares, msg.sender, true);
        emit WithdrawalHeld(withdrawalId, operator, beneficiary);
    }

    /// @inheritdoc IStaking
    function withdraw(uint256 withdrawalId) external nonReentrant returns (uint256 assets) {
        return _pay(withdrawalId, type(uint256).max, address(0));
    }

    /// @inheritdoc IStaking
    function withdrawPart(uint256 withdrawalId, uint256 assets) external nonReentrant returns (uint256 paid) {
        require(assets != 0, ZeroAmount());
        return _pay(withdrawalId, assets, address(0));
    }

    /// @inheritdoc IStaking
    function withdrawTo(
        uint256 withdrawalId,
        uint256 assets,
        address receiver
    ) external nonReentrant returns (uint256 paid) {
        require(receiver != address(0), ZeroAddress());
        require(assets != 0, ZeroAmount());
        return _pay(withdrawalId, assets, receiver);
    }

    /// @inheritdoc IStaking
    function setCommission(uint256 newCommission) external {
        require(newCommission <= MAX_COMMISSION, CommissionTooHigh(newCommission, MAX_COMMISSION));

        Pool storage record = _pool[msg.sender];
        uint256 effectiveAt = block.timestamp + COOLDOWN;
        _settleCommission(record);
        record.nextCommission = uint64(newCommission);
        record.nextCommissionAt = uint64(effectiveAt);
        emit CommissionAnnounced(msg.sender, newCommission, effectiveAt);
    }

    /* MODULES */

    /// @inheritdoc IStaking
    function lock(address operator, uint256 assets) external {
        require(isModule[msg.sender], Unauthorized(msg.sender));
        require(assets != 0, ZeroAmount());
        _requireEntry();
        uint256 available = lockable(operator);
        require(assets <= available, InsufficientStake(assets, available));

        Pool storage record = _pool[operator];
        if (record.locked == 0) _settleCommission(record);
        if (record.newcomers != 0) record.newcomers = 0; // they let the operator lock with them
        record.locked += uint128(assets);
        lockedBy[operator][msg.sender] += assets;
        emit Locked(operator, msg.sender, assets);
    }

    /// @inheritdoc IStaking
    function unlock(address operator, uint256 assets) external {
        _decreaseLock(operator, assets);
        emit Unlocked(operator, msg.sender, assets);
    }

    /// @inheritdoc IStaking
    function slash(address operator, uint256 assets, address receiver) external nonReentrant {
        require(receiver != address(0), ZeroAddress());
        _decreaseLock(operator, assets);

        Pool storage record = _pool[operator];
        _totalAssets -= uint128(assets);
        uint256 ownLoss = Math.min(assets, _total(record.own));
        (uint256 own, uint256 ownExiting) = _slashTranche(record.own, ownLoss);
        record.own.shares = uint128(record.own.assets * SharesMath.SHARES_PER_ASSET);
        _shrink(operator, record.own.assets);
        (uint256 delegated, uint256 delegatedExiting) = _slashDelegated(record, assets - ownLoss);
        emit Slashed(operator, msg.sender, receiver, own, ownExiting, delegated, delegatedExiting);

        IERC20(TOKEN).safeTransfer(receiver, assets);
    }

    /// @inheritdoc IStaking
    function distribute(address operator, uint256 assets) external {
        require(operator != address(0), ZeroAddress());
        require(assets != 0, ZeroAmount());

        _increaseTotal(assets);
        Pool storage record = _pool[operator];
        uint256 delegatedAssets = _delegatedPart(record, assets);
        uint256 operatorAssets = assets - delegatedAssets;
        if (delegatedAssets != 0) record.delegated.assets += uint128(delegatedAssets);
        uint256 operatorShares = _creditOwn(record, operatorAssets);
        emit RewardDistributed(operator, msg.sender, assets, operatorAssets, operatorShares, delegatedAssets);

        _pull(assets);
    }

    /* OWNER AND GUARDIAN */

    /// @inheritdoc IStaking
    function setModule(address module, bool enabled) external onlyOwner {
        require(module != address(0), ZeroAddress());
        isModule[module] = enabled;
        emit ModuleSet(module, enabled);
    }

    /// @inheritdoc IStaking
    function setGuardian(address newGuardian) external onlyOwner {
        guardian = newGuardian;
        emit GuardianSet(newGuardian);
    }

    /// @inheritdoc IStaking
    function pauseEntries(uint256 duration) external {
        require(msg.sender == guardian || (msg.sender == owner() && duration == 0), Unauthorized(msg.sender));
        require(duration <= MAX_PAUSE, PauseTooLong(duration, MAX_PAUSE));
        uint256 until = block.timestamp + duration;
        _pausedUntil = uint64(until);
        emit EntriesPaused(msg.sender, until);
    }

    /* VIEWS */

    /// @inheritdoc IStaking
    function totalAssets() external view returns (uint256) {
        return _totalAssets;
    }

    /// @inheritdoc IStaking
    function pausedUntil() external view returns (uint256) {
        return _pausedUntil;
    }

    /// @inheritdoc IStaking
    function weigh(address operator, uint256 assets) external view returns (uint256) {
        uint256 stake = stakeOf(operator);
        return stake == 0 ? assets : Math.mulDiv(assets, weightOf(operator), stake);
    }

    /// @inheritdoc IStaking
    function pool(address operator) external view returns (Pool memory) {
        return _pool[operator];
    }

    /// @inheritdoc IStaking
    function delegatedTo(address operator) external view returns (uint256 assets, uint256 shares) {
        Tranche storage delegated = _pool[operator].delegated;
        return (delegated.assets, delegated.shares);
    }

    /// @inheritdoc IStaking
    function assetsOf(address operator, address funder) external view returns (uint256) {
        Tranche storage tranche = _tranche(operator, operator == funder);
        if (operator == funder) return tranche.assets;
        return SharesMath.toAssetsDown(_delegation[operator][funder], tranche.assets, tranche.shares);
    }

    /// @inheritdoc IStaking
    function withdrawal(uint256 withdrawalId) external view returns (Withdrawal memory) {
        return _withdrawal[withdrawalId];
    }

    /// @inheritdoc IStaking
    function withdrawable(uint256 withdrawalId) external view returns (uint256 assets) {
        Withdrawal memory waiting = _withdrawal[withdrawalId];
        if (waiting.funder == address(0)) return 0;
        return _value(waiting, _tranche(waiting.operator, waiting.isOwn));
    }

    /// @inheritdoc IStaking
    function sharesOf(address operator, address funder) public view returns (uint256) {
        return operator == funder ? _pool[operator].own.shares : _delegation[operator][funder];
    }

    /// @inheritdoc IStaking
    function stakeOf(address operator) public view returns (uint256) {
        Pool storage record = _pool[operator];
        return uint256(record.own.assets) + record.delegated.assets;
    }

    /// @inheritdoc IStaking
    function weightOf(address operator) public view returns (uint256) {
        return stakeOf(operator) + _bonus(operator);
    }

    /// @inheritdoc IStaking
    function lockable(address operator) public view returns (uint256) {
        return Math.saturatingSub(stakeOf(operator), _pool[operator].locked);
    }

    /// @inheritdoc IStaking
    function commissionOf(address operator) public view returns (uint256) {
        return _commission(_pool[operator]);
    }

    /* INTERNALS */

    function _requireEntry() private view {
        uint256 until = _pausedUntil;
        require(block.timestamp >= until, EntryPaused(until));
    }

    function _increaseTotal(uint256 assets) private {
        uint256 total = _totalAssets;
        require(assets <= MAX_TOTAL_ASSETS - total, AmountTooLarge(assets));
        _totalAssets = uint128(total + assets);
    }

    function _pull(uint256 assets) private {
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), assets);
        _requireHeld();
    }

    /// @dev A token that keeps a part of a transfer is refused before anybody's stake could be short of it.
    function _requireHeld() private view {
        uint256 held = IERC20(TOKEN).balanceOf(address(this));
        uint256 total = _totalAssets;
        require(held >= total, AssetsMissing(held, total));
    }

    /// @dev Credits what arrives with this call.
    function _enter(address operator, uint256 assets, address onBehalf) private returns (uint256 shares) {
        require(operator != address(0) && onBehalf != address(0), ZeroAddress());
        require(assets != 0, ZeroAmount());

        _requireEntry();
        _increaseTotal(assets);
        shares = operator == onBehalf ? _creditOwn(_pool[operator], assets) : _delegate(operator, assets, onBehalf);
        emit Deposited(operator, onBehalf, msg.sender, assets, shares);
    }

    function _request(
        address operator,
        uint256 shares,
        address receiver,
        bool isHeld
    ) private returns (uint256 withdrawalId) {
        uint256 available = sharesOf(operator, msg.sender);
        require(shares != 0, ZeroAmount());
        require(shares <= available, InsufficientShares(shares, available));

        bool isOwn = operator == msg.sender;
        Tranche storage tranche = _tranche(operator, isOwn);
        uint256 assets;
        (assets, shares) = isOwn ? _burnOwn(operator, shares) : _burnDelegated(operator, shares);
        require(assets != 0, ZeroAmount());

        uint96 exitIndex = tranche.exitIndex;
        if (exitIndex == 0) {
            exitIndex = uint96(WithdrawalMath.INDEX_START);
            tranche.exitIndex = exitIndex;
        }
        tranche.exitingAssets += uint128(assets);
        withdrawalId = ++withdrawalCount;
        uint256 maturesAt = block.timestamp + COOLDOWN;
        _withdrawal[withdrawalId] = Withdrawal({
            operator: operator,
            exitGeneration: tranche.exitGeneration,
            maturesAt: uint64(maturesAt),
            funder: receiver,
            exitIndex: exitIndex,
            assets: uint128(assets),
            isOwn: isOwn,
            isHeld: isHeld
        });
        emit WithdrawalRequested(withdrawalId, operator, msg.sender, shares, assets, maturesAt);
    }

    /// @dev Pays at most `most` of a withdrawal to whom its funder, the caller, names; to the funder if it is zero.
    function _pay(uint256 withdrawalId, uint256 most, address receiver) private returns (uint256 assets) {
        Withdrawal memory paid = _withdrawal[withdrawalId];
        require(paid.funder != address(0), UnknownWithdrawal(withdrawalId));
        bool isFree = receiver == address(0) && !paid.isHeld;
        require(isFree || msg.sender == paid.funder, Unauthorized(msg.sender));
        require(block.timestamp >= paid.maturesAt, NotMatured(paid.maturesAt));
        Pool storage record = _pool[paid.operator];
        Tranche storage tranche = _tranche(paid.operator, paid.isOwn);
        uint256 worth = _value(paid, tranche);
        assets = Math.min(worth, most);
        uint256 locked = record.locked;
        if (locked != 0 && assets != 0) {
            // the own stake is slashed first, so it alone must cover the locks before any of it may leave
            uint256 remaining = _total(record.own) + (paid.isOwn ? 0 : _total(record.delegated)) - assets;
            require(remaining >= locked, StakeLocked(locked, remaining));
        }

        tranche.exitingAssets -= uint128(assets);
        _totalAssets -= uint128(assets);
        if (assets == worth) {
            delete _withdrawal[withdrawalId];
            emit Withdrawn(withdrawalId, paid.operator, paid.funder, paid.assets, assets);
        } else {
            Withdrawal storage waiting = _withdrawal[withdrawalId];
            waiting.assets = uint128(worth - assets);
            waiting.exitIndex = tranche.exitIndex;
            waiting.exitGeneration = tranche.exitGeneration;
            emit PartWithdrawn(withdrawalId, paid.operator, paid.funder, assets, worth - assets);
        }

        IERC20(TOKEN).safeTransfer(receiver == address(0) ? paid.funder : receiver, assets);
    }

    function _creditOwn(Pool storage record, uint256 assets) private returns (uint256 shares) {
        Tranche storage own = record.own;
        (uint256 ownAssets, uint256 ownShares) = (own.assets, own.shares);
        shares = assets * SharesMath.SHARES_PER_ASSET;
        own.assets = uint128(ownAssets + assets);
        own.shares = uint128(ownShares + shares);
    }

    function _delegate(address operator, uint256 assets, address funder) private returns (uint256 shares) {
        Pool storage record = _pool[operator];
        Tranche storage delegated = record.delegated;
        require(record.own.assets != 0, OperatorHasNoStake(operator));
        (uint256 poolAssets, uint256 poolShares) = (delegated.assets, delegated.shares);
        require(!SharesMath.isDegraded(poolAssets, poolShares), PoolDegraded(operator));
        shares = SharesMath.toSharesDown(assets, poolAssets, poolShares);
        require(shares != 0, ZeroAmount());
        require(shares <= type(uint128).max - poolShares, AmountTooLarge(assets));

        delegated.assets = uint128(poolAssets + assets);
        delegated.shares = uint128(poolShares + shares);
        if (record.locked != 0) record.newcomers += uint128(assets);
        _delegation[operator][funder] += shares;
    }

    /// @dev Rounds to whole wei: what is returned may be fewer shares than were asked for.
    function _burnOwn(address operator, uint256 shares) private returns (uint256 assets, uint256 burned) {
        Tranche storage own = _pool[operator].own;
        assets = shares / SharesMath.SHARES_PER_ASSET;
        burned = assets * SharesMath.SHARES_PER_ASSET;
        uint256 remaining = own.assets - assets;
        _release(operator, remaining);
        own.assets = uint128(remaining);
        own.shares -= uint128(burned);
    }

    function _burnDelegated(address operator, uint256 shares) private returns (uint256 assets, uint256 burned) {
        Pool storage record = _pool[operator];
        Tranche storage delegated = record.delegated;
        assets = SharesMath.toAssetsDown(shares, delegated.assets, delegated.shares);
        burned = shares;
        delegated.assets -= uint128(assets);
        delegated.shares -= uint128(shares);
        uint256 newcomers = record.newcomers;
        if (newcomers != 0) record.newcomers = uint128(Math.saturatingSub(newcomers, assets));
        _delegation[operator][msg.sender] -= shares;
    }

    function _decreaseLock(address operator, uint256 assets) private {
        mapping(address module => uint256 assets) storage locks = lockedBy[operator];
        uint256 held = locks[msg.sender];
        require(assets <= held, InsufficientLock(assets, held));
        locks[msg.sender] = held - assets;
        Pool storage record = _pool[operator];
        uint256 left = record.locked - assets;
        record.locked = uint128(left);
        uint256 announced = record.nextCommissionAt;
        if (left == 0 && assets != 0 && announced != 0) {
            uint256 thawed = block.timestamp + FREEZE;
            if (announced < thawed) record.nextCommissionAt = uint64(thawed);
        }
    }

    /// @dev What was announced and has come into force by now stays in force, whatever locks follow.
    function _settleCommission(Pool storage record) private {
        if (!_isInForce(record)) return;
        record.commission = record.nextCommission;
        record.nextCommission = 0;
        record.nextCommissionAt = 0;
    }

    /// @dev Newcomers lose as much of their stake as all delegators do.
    function _slashDelegated(Pool storage record, uint256 assets) private returns (uint256 active, uint256 exiting) {
        (active, exiting) = _slashTranche(record.delegated, assets);
        if (active == 0) return (active, exiting);
        uint256 newcomers = record.newcomers;
        if (newcomers == 0) return (active, exiting);
        uint256 left = record.delegated.assets;
        record.newcomers = uint128(Math.mulDiv(newcomers, left, left + active));
    }

    /// @dev Expects assets <= _total(tranche).
    function _slashTranche(Tranche storage tranche, uint256 assets) private returns (uint256 active, uint256 exiting) {
        if (assets == 0) return (0, 0);
        uint256 exitingBefore = tranche.exitingAssets;
        exiting = Math.mulDiv(assets, exitingBefore, _total(tranche));
        active = assets - exiting;
        tranche.assets -= uint128(active);
        if (exiting == 0) return (active, 0);

        uint256 exitingAfter = exitingBefore - exiting;
        (uint256 index, uint256 generation) = WithdrawalMath.decayDown(
            tranche.exitIndex,
            tranche.exitGeneration,
            exitingBefore,
            exitingAfter
        );
        tranche.exitingAssets = uint128(exitingAfter);
        tranche.exitIndex = uint96(index);
        tranche.exitGeneration = uint32(generation);
    }

    /// @dev What delegators get of a reward, rounded down. A tranche that nobody has shares of has no assets either.
    ///      Newcomers are part of the delegated assets, and do not count.
    function _delegatedPart(Pool storage record, uint256 assets) private view returns (uint256) {
        uint256 delegated = record.delegated.assets;
        if (delegated == 0) return 0;
        delegated -= record.newcomers;
        return Math.mulDiv(assets * (WAD - _commission(record)), delegated, (record.own.assets + delegated) * WAD);
    }

    function _commission(Pool storage record) private view returns (uint256) {
        return _isInForce(record) ? record.nextCommission : record.commission;
    }

    function _isInForce(Pool storage record) private view returns (bool) {
        return record.nextCommissionAt != 0 && record.locked == 0 && block.timestamp >= record.nextCommissionAt;
    }

    function _ownAssets(address operator) internal view override returns (uint256) {
        return _pool[operator].own.assets;
    }

    function _tranche(address operator, bool isOwn) private view returns (Tranche storage) {
        return isOwn ? _pool[operator].own : _pool[operator].delegated;
    }

    function _total(Tranche storage tranche) private view returns (uint256) {
        return uint256(tranche.assets) + tranche.exitingAssets;
    }

    function _value(Withdrawal memory waiting, Tranche storage tranche) private view returns (uint256) {
        return
            WithdrawalMath.valueDown(
                waiting.assets,
                waiting.exitIndex,
                waiting.exitGeneration,
                tranche.exitIndex,
                tranche.exitGeneration
            );
    }
}
