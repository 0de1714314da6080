// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DelegationVault} from "./DelegationVault.sol";
import {IDelegationVaults} from "./interfaces/IDelegationVaults.sol";

/// @title The vaults of all operators, one each
contract DelegationVaults is IDelegationVaults {
    /// @notice The stake ledger.
    address public immutable STAKING;

    /// @inheritdoc IDelegationVaults
    mapping(address operator => address vault) public vaultOf;

    constructor(address staking) {
        STAKING = staking;
    }

    /// @inheritdoc IDelegationVaults
    function createVault(address operator) external returns (address vault) {
        require(vaultOf[operator] == address(0), VaultExists(operator, vaultOf[operator]));
        vault = address(new DelegationVault(STAKING, operator));
        vaultOf[operator] = vault;
        emit VaultCreated(operator, vault);
    }
}
