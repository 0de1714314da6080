// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The stake ledger
/// @notice Holds every staked token: one pool per operator, in two tranches. The operator's own stake is the first to
///         be slashed, the stake of its delegators the second. Modules (such as the Arena) lock, unlock and slash.
/// @dev Assumes one plain ERC-20 (no fee on transfer, no callbacks), fixed at deployment.
///      Every verb is O(1): nothing loops over funders, withdrawals or locks.
interface IStaking {
    /* STRUCTS */

    /// @notice One tranche of a pool: either the operator's own stake, or that of all its delegators.
    /// @param assets Active stake, token wei: counts as weight, earns rewards.
    /// @param shares Shares of the active stake; 1e6 shares stand for 1 wei at par. The own tranche has one holder,
    ///        so it is always at par: a slash burns shares instead of lowering their price.
    /// @param exitingAssets Requested but not withdrawn, token wei: no weight, no rewards, still slashed.
    /// @param exitIndex What slashes left of 1e27 units of exiting stake; 0 before the first request. See
    ///        WithdrawalMath.
    /// @param exitGeneration How often the index was multiplied by 1e9 to keep its digits; + 5 when nothing was left.
    struct Tranche {
        uint128 assets;
        uint128 shares;
        uint128 exitingAssets;
        uint96 exitIndex;
        uint32 exitGeneration;
    }

    /// @notice The pool of one operator.
    /// @param own The operator's own stake.
    /// @param delegated The stake of its delegators.
    /// @param locked Assets that modules hold locked, token wei; never more than all four asset amounts together.
    /// @param commission The operator's part of its delegators' rewards, WAD.
    /// @param nextCommissionAt Timestamp from which the next one is in force, unless locks hold it up; 0: none is
    ///        announced. In one slot with the two above, which are read with it; the next one hardly ever is.
    /// @param nextCommission The announced one, WAD.
    /// @param newcomers What of the delegated assets was deposited while the pool had locks, since the newest of them
    ///        was made, token wei: it does not count when a reward is split between operator and delegators.
    struct Pool {
        Tranche own;
        Tranche delegated;
        uint128 locked;
        uint64 commission;
        uint64 nextCommissionAt;
        uint64 nextCommission;
        uint128 newcomers;
    }

    /// @notice Own stake that its operator promised to leave where it is.
    /// @param assets Token wei; never more than the own tranche's active assets: slashes reduce it.
    /// @param until Timestamp from which anyone can end the promise; it holds until somebody does.
    /// @param multiplier What a wei of it weighs, WAD. See EscrowMath.
    struct Escrow {
        uint128 assets;
        uint64 until;
        uint64 multiplier;
    }

    /// @notice A requested withdrawal.
    /// @param operator The pool it comes from.
    /// @param exitGeneration The tranche's exit generation at the time of the request, or of the last part payment.
    /// @param maturesAt Timestamp from which it can be withdrawn.
    /// @param funder Who gets the assets.
    /// @param exitIndex The tranche's exit index at that time.
    /// @param assets Token wei that were waiting at that time.
    /// @param isOwn Whether it comes from the own tranche.
    /// @param isHeld Whether only its funder can have it paid.
    struct Withdrawal {
        address operator;
        uint32 exitGeneration;
        uint64 maturesAt;
        address funder;
        uint96 exitIndex;
        uint128 assets;
        bool isOwn;
        bool isHeld;
    }

    /* EVENTS */

    event Deposited(
        address indexed operator,
        address indexed funder,
        address indexed sender,
        uint256 assets,
        uint256 shares
    );
    event WithdrawalRequested(
        uint256 indexed withdrawalId,
        address indexed operator,
        address indexed funder,
        uint256 shares,
        uint256 assets,
        uint256 maturesAt
    );
    /// @dev Follows WithdrawalRequested: not the funder who requested it is paid, but `receiver`. The withdrawal is its
    ///      from now on, and Withdrawn and PartWithdrawn name it.
    event WithdrawalAssigned(uint256 indexed withdrawalId, address indexed operator, address indexed receiver);
    /// @dev Follows WithdrawalRequested: only the funder who requested it can have it paid, and keeps it for
    ///      `beneficiary`. The ledger takes its word for that.
    event WithdrawalHeld(uint256 indexed withdrawalId, address indexed operator, address indexed beneficiary);
    event Withdrawn(
        uint256 indexed withdrawalId,
        address indexed operator,
        address indexed funder,
        uint256 requested,
        uint256 assets
    );
    /// @param left What is still waiting, token wei: as if requested now, but matured.
    event PartWithdrawn(
        uint256 indexed withdrawalId,
        address indexed operator,
        address indexed funder,
        uint256 assets,
        uint256 left
    );
    /// @param assets All that is in escrow now, token wei.
    event Escrowed(address indexed operator, uint256 assets, uint256 until, uint256 multiplier);
    event EscrowEnded(address indexed operator, uint256 assets);
    event CommissionAnnounced(address indexed operator, uint256 commission, uint256 effectiveAt);
    event Locked(address indexed operator, address indexed module, uint256 assets);
    event Unlocked(address indexed operator, address indexed module, uint256 assets);
    /// @dev The four amounts add up to what `receiver` got.
    event Slashed(
        address indexed operator,
        address indexed module,
        address indexed receiver,
        uint256 ownAssets,
        uint256 ownExitingAssets,
        uint256 delegatedAssets,
        uint256 delegatedExitingAssets
    );
    /// @dev operatorAssets + delegatedAssets = assets; operatorShares are new shares of the own tranche.
    event RewardDistributed(
        address indexed operator,
        address indexed sender,
        uint256 assets,
        uint256 operatorAssets,
        uint256 operatorShares,
        uint256 delegatedAssets
    );
    event ModuleSet(address indexed module, bool enabled);
    event GuardianSet(address indexed guardian);
    /// @param until Timestamp; the present one when a pause is ended.
    event EntriesPaused(address indexed caller, uint256 until);

    /* ERRORS */

    error ZeroAddress();
    error ZeroAmount();
    error Unauthorized(address caller);
    error OperatorHasNoStake(address operator);
    error PoolDegraded(address operator);
    error AmountTooLarge(uint256 amount);
    error InsufficientShares(uint256 required, uint256 available);
    error InsufficientStake(uint256 required, uint256 available);
    error InsufficientLock(uint256 required, uint256 available);
    error UnknownWithdrawal(uint256 withdrawalId);
    error NotMatured(uint256 maturesAt);
    error StakeLocked(uint256 locked, uint256 remaining);
    error CommissionTooHigh(uint256 commission, uint256 maximum);
    error CooldownTooLong(uint256 cooldown, uint256 maximum);
    error EntryPaused(uint256 until);
    error PauseTooLong(uint256 duration, uint256 maximum);
    error AssetsMissing(uint256 held, uint256 required);
    error EscrowTooLong(uint256 duration, uint256 maximum);
    error EscrowShortened(uint256 assets, uint256 until);
    error StakeEscrowed(uint256 escrowed, uint256 remaining);
    error EscrowNotOver(uint256 until);

    /* FUNDERS */

    /// @notice Moves `assets` from the caller into `operator`'s pool; `onBehalf` owns the shares.
    /// @dev Refused while entries are paused, and when the token does not arrive in full (AssetsMissing).
    ///      The operator's own deposits form the own tranche; anyone else's the delegated one. A pool takes
    ///      delegations only while its operator has stake of its own (a guard against mistyped addresses), and none
    ///      while slashes hold the price of a delegated share below a millionth of par (PoolDegraded).
    /// @return shares New shares, rounded down.
    function deposit(address operator, uint256 assets, address onBehalf) external returns (uint256 shares);

    /// @notice The same for `assets` that the caller has sent to the ledger before, in the same transaction: one
    ///         transfer instead of two for contracts that enter for others, such as a DelegationVault.
    /// @dev Takes for sent whatever the ledger holds beyond its pools, whoever calls: what was sent and is not credited
    ///      in the same transaction is anybody's.
    function depositSent(address operator, uint256 assets, address onBehalf) external returns (uint256 shares);

    /// @notice Takes `shares` of the caller out of the weight of `operator`'s pool; they mature after the cool-down.
    /// @dev Never blocked by a lock: locks already made keep their cover from exiting stake, new ones cannot use it.
    ///      Own stake in escrow stays until the promise is over (StakeEscrowed).
    ///      Assets are rounded down; of own shares only whole wei are burned; the last delegated shares take all
    ///      assets.
    function requestWithdrawal(address operator, uint256 shares) external returns (uint256 withdrawalId);

    /// @notice The same for somebody else: `receiver` is paid, whoever calls `withdraw`.
    function requestWithdrawalTo(
        address operator,
        uint256 shares,
        address receiver
    ) external returns (uint256 withdrawalId);

    /// @notice The same for a contract that keeps the accounts of many, such as a DelegationVault: the withdrawal stays
    ///         the caller's, and nobody else can have it paid, so that no payment goes past those accounts.
    /// @param beneficiary Whom the caller keeps it for; told in WithdrawalHeld, and of no effect here.
    function requestHeldWithdrawal(
        address operator,
        uint256 shares,
        address beneficiary
    ) external returns (uint256 withdrawalId);

    /// @notice Pays a matured withdrawal to its funder, less the slashes since the request. Anyone may call it; where
    ///         it is held, only its funder (Unauthorized).
    /// @dev Reverts with StakeLocked while the pool's locks need the assets; locks end with their tasks. What stays
    ///      must cover all locks of the pool: own stake that stays if own stake leaves (it is slashed first, and
    ///      could else leave the loss to the delegators), the whole pool if delegated stake leaves.
    function withdraw(uint256 withdrawalId) external returns (uint256 assets);

    /// @notice The same for at most `assets` of it: the rest waits on, as it did. For what locks leave free.
    /// @dev When less is left, it pays that; nothing to pay ends a withdrawal that slashes left nothing of.
    function withdrawPart(uint256 withdrawalId, uint256 assets) external returns (uint256 paid);

    /// @notice The same to `receiver`, of a withdrawal of the caller's (Unauthorized), held or not.
    function withdrawTo(uint256 withdrawalId, uint256 assets, address receiver) external returns (uint256 paid);

    /// @notice Promises that `assets` of the caller's own stake stay for `duration` seconds from now.
    /// @dev Replaces the caller's last promise, which must not be cut: neither its assets nor its end. They weigh
    ///      `EscrowMath.multiplier(duration)` each from now on, and that is also the caller's voting power, which it
    ///      gets itself unless it has delegated it. Stake in escrow is slashed like all other.
    function escrow(uint256 assets, uint256 duration) external;

    /// @notice Ends `operator`'s promise once its time is over. Anyone may call it, as a request for withdrawal does.
    function endEscrow(address operator) external;

    /// @notice Announces the caller's commission; it is in force after the cool-down, so that delegators can leave.
    /// @dev While the caller's pool has locks, and until FREEZE after the last of them ended, the commission stays what
    ///      it was when the first was made: what a task earns is shared as it was when the stake was locked for it.
    function setCommission(uint256 newCommission) external;

    /* MODULES */

    /// @notice Locks `assets` of the operator's active stake for the calling module.
    /// @dev Locks are exclusive: the same wei never covers two locks.
    function lock(address operator, uint256 assets) external;

    /// @notice Releases `assets` that the calling module had locked.
    /// @dev Zero is allowed here and in `slash`: what is left of a lock, or a small part of it, may be nothing.
    function unlock(address operator, uint256 assets) external;

    /// @notice Takes `assets` out of the caller's lock and sends them to `receiver`.
    /// @dev Own tranche first, then the delegated one; within a tranche active and exiting stake alike, pro rata (the
    ///      exiting part rounded down).
    function slash(address operator, uint256 assets, address receiver) external;

    /// @notice Moves `assets` from the caller into the pool as a reward. Anyone may pay one.
    /// @dev With F = assets, own stake s, delegated stake S and commission σ: delegators get F·(1−σ)·S/(s+S) through
    ///      the share price (rounded down), the operator the rest as new shares. s = S = 0: all of it. S is without
    ///      newcomers: else anyone could delegate just before a reward and take most of it.
    function distribute(address operator, uint256 assets) external;

    /* OWNER AND GUARDIAN */

    /// @notice Allows or forbids `module` to make new locks. A forbidden module can still unlock and slash its old
    ///         ones.
    function setModule(address module, bool enabled) external;

    /// @notice Names who may pause entries; the zero address: nobody.
    function setGuardian(address newGuardian) external;

    /// @notice Refuses deposits and new locks for `duration` seconds from now, at most MAX_PAUSE; 0 ends a pause.
    /// @dev The guardian's; the owner can end a pause as well. Nothing else ever looks at it: whatever leads out of the
    ///      ledger, or ends a lock, goes on.
    function pauseEntries(uint256 duration) external;

    /* VIEWS */

    /// @notice The ERC-20 that is staked.
    function TOKEN() external view returns (address);
    /// @notice Seconds between a request and its maturity; also the notice of a commission change.
    function COOLDOWN() external view returns (uint256);
    /// @notice The highest commission, WAD.
    function MAX_COMMISSION() external view returns (uint256);
    /// @notice The most that all pools together can hold, token wei: amounts and shares then fit their 128 bits.
    function MAX_TOTAL_ASSETS() external view returns (uint256);
    /// @notice Seconds for which the commission stays after the last lock of a pool ended.
    function FREEZE() external view returns (uint256);
    /// @notice Seconds.
    function MAX_PAUSE() external view returns (uint256);
    /// @notice Seconds.
    function MAX_ESCROW() external view returns (uint256);
    function guardian() external view returns (address);
    /// @notice Entries are refused before this timestamp.
    function pausedUntil() external view returns (uint256);
    function isModule(address module) external view returns (bool);
    function pool(address operator) external view returns (Pool memory);
    /// @notice The active assets and the shares of the delegated tranche: the price of a share.
    function delegatedTo(address operator) external view returns (uint256 assets, uint256 shares);
    /// @notice Shares of `funder` in the tranche of `operator`'s pool that it belongs to.
    function sharesOf(address operator, address funder) external view returns (uint256);
    /// @notice The same in assets, rounded down.
    function assetsOf(address operator, address funder) external view returns (uint256);
    /// @notice Active stake of a pool, own and delegated.
    function stakeOf(address operator) external view returns (uint256);
    function escrowOf(address operator) external view returns (Escrow memory);
    /// @notice What a pool weighs: its active stake, that in escrow times its multiplier.
    function weightOf(address operator) external view returns (uint256);
    /// @notice What `assets` of a pool's active stake weigh on average, rounded down: for modules, which lock a part.
    function weigh(address operator, uint256 assets) external view returns (uint256);
    /// @notice Active stake that can still be locked.
    function lockable(address operator) external view returns (uint256);
    function lockedBy(address operator, address module) external view returns (uint256);
    /// @notice The commission in force now, WAD.
    function commissionOf(address operator) external view returns (uint256);
    function withdrawal(uint256 withdrawalId) external view returns (Withdrawal memory);
    /// @notice What a withdrawal would pay now, after slashes.
    function withdrawable(uint256 withdrawalId) external view returns (uint256 assets);
    function withdrawalCount() external view returns (uint256);
    /// @notice Assets of all pools, active and exiting; equals the ledger's token balance (gifts aside).
    function totalAssets() external view returns (uint256);
}
