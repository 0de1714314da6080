// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The vaults of all operators
interface IDelegationVaults {
    event VaultCreated(address indexed operator, address indexed vault);

    error VaultExists(address operator, address vault);

    /// @notice Makes the one vault of `operator`. Anyone may; nobody has power over it afterwards.
    function createVault(address operator) external returns (address vault);

    /// @notice The zero address where there is none yet.
    function vaultOf(address operator) external view returns (address vault);
}
