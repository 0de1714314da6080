// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The emission ledger
/// @notice The only minter of the token. What each epoch brings follows from a schedule that nobody can change, and
///         flows, second by second, to the tasks and federations that stake is at work in, in proportion to it.
/// @dev Modules (the Arena, the Alliance) keep one account for each of their tasks or federations, under an id of
///      their choice: they say with `setWeight` how much stake is active in it, and take with `draw` what it earned.
///      Every verb is O(1) in accounts, weights and draws. Only the epochs that passed since the last call are gone
///      through one by one, a few thousand gas each; `advance` does it in parts where that should be too much.
interface IEmissions {
    /* STRUCTS */

    /// @notice What one task or federation earns.
    /// @param weight Stake at work, token wei.
    /// @param mark What a unit of weight had earned when this account was last looked at, 1e-36 token wei.
    /// @param earned Earned until then and not drawn, 1e-36 token wei.
    struct Account {
        uint112 weight;
        uint256 mark;
        uint256 earned;
    }

    /// @notice Where the schedule stands.
    /// @param totalWeight Of all accounts.
    /// @param updatedAt Timestamp until which emission has been shared out.
    /// @param epochs Epochs that have begun; the id of the present one is one less.
    /// @param budget What the present epoch shares out from its first second to its last, token wei.
    /// @param carried What fell to nobody so far, token wei.
    /// @param scheduled E of the present epoch, token wei, before the cap is looked at.
    /// @param perWeight What a unit of weight that was there from the start has earned, 1e-36 token wei.
    /// @param rest What the last division by totalWeight left, 1e-36 token wei; goes with the next one.
    struct State {
        uint112 totalWeight;
        uint64 updatedAt;
        uint64 epochs;
        uint128 budget;
        uint128 carried;
        uint128 scheduled;
        uint128 rest;
        uint256 perWeight;
    }

    /* EVENTS */

    /// @param minted min(E(epoch), what the cap leaves), token wei.
    /// @param released What is shared out besides, of that which fell to nobody before, token wei.
    event EpochFunded(uint256 indexed epoch, uint256 minted, uint256 released);
    event WeightSet(address indexed module, bytes32 indexed id, uint256 weight, uint256 totalWeight);
    event Drawn(address indexed module, bytes32 indexed id, address indexed receiver, uint256 assets);
    event ModuleSet(address indexed module, bool enabled);

    /* ERRORS */

    error ZeroAddress();
    error Unauthorized(address caller);
    error InvalidSchedule(string parameter);
    error WeightTooLarge(uint256 weight);

    /* MODULES */

    /// @notice Sets the stake at work in the caller's account `id`, from now on.
    /// @dev Only an enabled module can raise a weight; a forbidden one can still lower what it has.
    function setWeight(bytes32 id, uint256 weight) external;

    /// @notice Pays what the caller's account `id` earned until now to `receiver`, rounded down; the fraction of a wei
    ///         stays for the next time. Anyone has accounts, but only modules ever had weight in theirs.
    /// @return assets Token wei; zero is allowed.
    function draw(bytes32 id, address receiver) external returns (uint256 assets);

    /* EVERYBODY */

    /// @notice Begins at most `mostEpochs` of the epochs that are due.
    /// @return State after that.
    function advance(uint256 mostEpochs) external returns (State memory);

    /// @notice Takes the token's ownership, when it is offered: from then on nobody else can ever mint.
    function acceptToken() external;

    /* OWNER */

    /// @notice Allows or forbids `module` to raise weights.
    function setModule(address module, bool enabled) external;

    /* VIEWS */

    function TOKEN() external view returns (address);
    /// @notice Timestamp of epoch 0's first second.
    function START() external view returns (uint256);
    /// @notice Seconds.
    function EPOCH_LENGTH() external view returns (uint256);
    /// @notice E(0), token wei.
    function FIRST_EMISSION() external view returns (uint256);
    /// @notice What an epoch's emission is of the one's before, RAY (1e27): E(n + 1) = E(n) · this / RAY, rounded down.
    ///         The largest number whose power of `period` is at most `decay`.
    function EPOCH_DECAY() external view returns (uint256);
    /// @notice One part in this many of what is carried is released with every epoch.
    function CARRY_PARTS() external view returns (uint256);
    function isModule(address module) external view returns (bool);
    function account(address module, bytes32 id) external view returns (Account memory);
    /// @notice As it was left by the last call that changed it.
    function state() external view returns (State memory);
    /// @notice What `draw` would pay now.
    function drawable(address module, bytes32 id) external view returns (uint256 assets);
    /// @notice The id of the epoch that the clock is in, begun or due; reverts before START.
    function currentEpoch() external view returns (uint256);
    /// @notice E(epoch) by the schedule alone, token wei. Loops over epochs: for readers, no contract calls it.
    function scheduledEmission(uint256 epoch) external view returns (uint256);
}
