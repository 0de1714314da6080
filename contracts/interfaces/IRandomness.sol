// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A source of seeds that nobody knows when they are asked for
interface IRandomness {
    /// @notice What decides the seed of a ticket was proved.
    event SeedProved(uint256 indexed ticket, bytes32 seed);

    error SeedNotReady(uint256 ticket);
    error SeedExpired(uint256 ticket);
    error WrongProof(uint256 ticket);
    /// @param parameter The name of the parameter out of range, as left-aligned ASCII.
    error InvalidRandomness(bytes32 parameter);

    /// @notice A ticket for a seed that will be decided after this call.
    function request() external view returns (uint256 ticket);

    /// @notice Proves the seed of a ticket, so that `seed` gives it from then on; where seeds need no proof, until it
    ///         expires. Anyone may; once more does nothing.
    /// @param proof What `PROOF` names.
    /// @dev Reverts with SeedNotReady before the seed is decided, with SeedExpired when it is too late, and with
    ///      WrongProof.
    function prove(uint256 ticket, bytes calldata proof) external returns (bytes32);

    /// @notice The seed of a ticket.
    /// @dev Reverts with SeedNotReady before it is decided and proved, and with SeedExpired when it can no longer be
    ///      proved: ask again.
    function seed(uint256 ticket) external view returns (bytes32);

    /// @notice Whether the seed of a ticket was not proved and can no longer be.
    function expired(uint256 ticket) external view returns (bool);

    /// @notice What `prove` takes, as left-aligned ASCII: "header", the RLP of the ticket's block header; "signature",
    ///         a beacon's signature of the ticket's round; or nothing, where seeds need no proof.
    function PROOF() external view returns (bytes32);
}
