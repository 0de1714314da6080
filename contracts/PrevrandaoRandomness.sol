// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {IRandomness} from "./interfaces/IRandomness.sol";

/// @title Seeds from the randomness of the chain's consensus
/// @notice A seed is the prevrandao of a future block, which anyone proves with that block's header.
/// @dev Assumptions:
///      - A proposer can only leave out a block of its own, and so choose between two values; it cannot try others. How
///        far ahead the values are known to some is the chain's property: DELAY must be more. On Ethereum that is four
///        epochs, 128 blocks.
///      - Somebody proves the header within 256 blocks; later the ticket has expired and a new one is needed.
///      - Headers hash to what `blockhash` gives, and their field 14 is prevrandao. Where it is always the same (as on
///        some rollups), use another source.
contract PrevrandaoRandomness is IRandomness {
    uint256 private constant LONGEST_DELAY = 1 weeks;

    /// @inheritdoc IRandomness
    bytes32 public constant PROOF = "header";
    /// @notice Blocks between a request and the block that decides its seed.
    uint256 public immutable DELAY;

    mapping(uint256 ticket => bytes32) private _seed;

    constructor(uint256 delay) {
        require(delay > 0 && delay <= LONGEST_DELAY, InvalidRandomness("delay"));
        DELAY = delay;
    }

    /// @inheritdoc IRandomness
    function request() external view returns (uint256 ticket) {
        return block.number + DELAY;
    }

    /// @inheritdoc IRandomness
    function prove(uint256 ticket, bytes calldata proof) external returns (bytes32 value) {
        value = _seed[ticket];
        if (value != 0) return value;
        require(block.number > ticket, SeedNotReady(ticket));
        bytes32 hash = blockhash(ticket);
        require(hash != 0, SeedExpired(ticket));
        require(keccak256(proof) == hash, WrongProof(ticket));
        value = BlockHeader.getPrevRandao(proof);
        require(value != 0, WrongProof(ticket));
        _seed[ticket] = value;
        emit SeedProved(ticket, value);
    }

    /// @inheritdoc IRandomness
    function seed(uint256 ticket) external view returns (bytes32 value) {
        value = _seed[ticket];
        require(value != 0 || !expired(ticket), SeedExpired(ticket));
        require(value != 0, SeedNotReady(ticket));
    }

    /// @inheritdoc IRandomness
    function expired(uint256 ticket) public view returns (bool) {
        return _seed[ticket] == 0 && block.number > ticket && blockhash(ticket) == 0;
    }
}
