// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRandomness} from "../interfaces/IRandomness.sol";

/// @title Seeds that only depend on the ticket
/// @notice For the gas report: with block hashes, any changed byte of any contract would draw other panels.
contract FixedRandomness is IRandomness {
    uint256 private constant LIFETIME = 256; // blocks, as long as block hashes can be looked up

    /// @inheritdoc IRandomness
    bytes32 public constant PROOF = "";

    /// @inheritdoc IRandomness
    function request() external view returns (uint256 ticket) {
        return block.number + 1;
    }

    /// @inheritdoc IRandomness
    function prove(uint256 ticket, bytes calldata) external view returns (bytes32) {
        return seed(ticket);
    }

    /// @inheritdoc IRandomness
    function seed(uint256 ticket) public view returns (bytes32) {
        require(block.number > ticket, SeedNotReady(ticket));
        require(block.number <= ticket + LIFETIME, SeedExpired(ticket));
        return keccak256(abi.encode(ticket));
    }

    /// @inheritdoc IRandomness
    function expired(uint256 ticket) external view returns (bool) {
        return block.number > ticket + LIFETIME;
    }
}
