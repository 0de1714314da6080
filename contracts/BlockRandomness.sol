// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRandomness} from "./interfaces/IRandomness.sol";

/// @title Seeds from block hashes
/// @notice A seed is the hash of the block after the one in which it was asked for. It needs no proof.
/// @dev Assumptions:
///      - The proposer of that one block does not care: by trying contents it can choose among many hashes. Nobody else
///        can. Where it may care, PrevrandaoRandomness is better.
///      - A hash can be looked up for 256 blocks; later the ticket has expired and a new one is needed.
contract BlockRandomness is IRandomness {
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
    function expired(uint256 ticket) external view returns (bool) {
        return block.number > ticket && blockhash(ticket) == 0;
    }

    /// @inheritdoc IRandomness
    function seed(uint256 ticket) public view returns (bytes32) {
        require(block.number > ticket, SeedNotReady(ticket));
        bytes32 hash = blockhash(ticket);
        require(hash != 0, SeedExpired(ticket));
        return hash;
    }
}
