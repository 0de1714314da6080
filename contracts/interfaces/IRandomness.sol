// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A source of seeds that nobody knows when they are asked for
interface IRandomness {
    error SeedNotReady(uint256 ticket);
    error SeedExpired(uint256 ticket);

    /// @notice A ticket for a seed that will be decided after this call.
    function request() external view returns (uint256 ticket);

    /// @notice The seed of a ticket.
    /// @dev Reverts with SeedNotReady before it is decided and SeedExpired when it can no longer be proved: ask again.
    function seed(uint256 ticket) external view returns (bytes32);

    /// @notice Whether the seed of a ticket can no longer be proved.
    function expired(uint256 ticket) external view returns (bool);
}
