// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IArena} from "../interfaces/IArena.sol";

/// @title What commitments hash
/// @dev A commitment names its chain, contract, task and author, so that a copy of it opens nowhere else.
library CommitReveal {
    function submissionCommitment(
        uint256 taskId,
        address trainer,
        bytes32 digest,
        bytes32 salt
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), taskId, uint256(1), trainer, digest, salt));
    }

    function scoresCommitment(
        uint256 taskId,
        uint256 attempt,
        address validator,
        uint256 batch,
        IArena.ScoreEntry[] calldata entries,
        bytes32 salt
    ) internal view returns (bytes32) {
        bytes32 scores = keccak256(abi.encode(entries));
        return keccak256(abi.encode(block.chainid, address(this), taskId, attempt, validator, batch, scores, salt));
    }
    function updateCommitment(
        uint256 federationId,
        uint256 roundId,
        address proposer,
        bytes32 digest,
        bytes32 salt
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), federationId, roundId, proposer, digest, salt));
    }

    function ballotCommitment(
        uint256 federationId,
        uint256 roundId,
        address voter,
        uint256 accepts,
        uint256 harms,
        bytes32 salt
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), federationId, roundId, voter, accepts, harms, salt));
    }
}
