// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRandomness} from "./interfaces/IRandomness.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title Seeds from a drand beacon
/// @notice A seed is the randomness of a future round, which anyone proves with the beacon's signature of that round.
/// @dev The scheme is drand's bls-bn254-unchained-on-g1 (of its network evmnet): the message of a round is the
///      keccak256 of its number as 8 bytes, its randomness the sha256 of the signature. Assumptions:
///      - Fewer than the beacon's threshold of operators conspire: they would know rounds ahead, but not choose them.
///      - The chain's time lags behind the beacon's by less than DELAY, so that a requested round is not known yet.
///      - Somebody proves the signature within LIFETIME seconds; later the ticket has expired and a new one is needed,
///        so that a beacon that was silent for hours cannot decide windows that have passed.
contract DrandRandomness is IRandomness {
    uint256 private constant LONGEST = 30 days;

    /// @inheritdoc IRandomness
    bytes32 public constant PROOF = "signature";
    /// @notice Timestamp of round 1.
    uint256 public immutable GENESIS;
    /// @notice Seconds between rounds.
    uint256 public immutable PERIOD;
    /// @notice Seconds between a request and its round, at least.
    uint256 public immutable DELAY;
    /// @notice Seconds after a round in which its signature can be proved.
    uint256 public immutable LIFETIME;

    uint256[4] private _publicKey;
    mapping(uint256 round => bytes32) private _seed;

    /// @param publicKey The point on G2 as EIP-197 encodes it: x and y, the imaginary part of each first.
    constructor(uint256[4] memory publicKey, uint256 genesis, uint256 period, uint256 delay, uint256 lifetime) {
        require(Bn254.isKey(publicKey), InvalidRandomness("publicKey"));
        require(genesis > 0 && genesis <= block.timestamp, InvalidRandomness("genesis"));
        require(period > 0 && period <= LONGEST, InvalidRandomness("period"));
        require(delay > 0 && delay <= LONGEST, InvalidRandomness("delay"));
        require(lifetime > 0 && lifetime <= LONGEST, InvalidRandomness("lifetime"));
        _publicKey = publicKey;
        (GENESIS, PERIOD, DELAY, LIFETIME) = (genesis, period, delay, lifetime);
    }

    /// @inheritdoc IRandomness
    function request() external view returns (uint256 ticket) {
        uint256 elapsed = block.timestamp + DELAY - GENESIS;
        return (elapsed + PERIOD - 1) / PERIOD + 1;
    }

    /// @inheritdoc IRandomness
    function prove(uint256 ticket, bytes calldata proof) external returns (bytes32 value) {
        value = _seed[ticket];
        if (value != 0) return value;
        require(block.timestamp >= timeOf(ticket), SeedNotReady(ticket));
        require(!expired(ticket), SeedExpired(ticket));
        require(proof.length == 64, WrongProof(ticket));
        (uint256 x, uint256 y) = abi.decode(proof, (uint256, uint256));
        bytes32 message = keccak256(abi.encodePacked(uint64(ticket)));
        require(Bn254.verify(x, y, message, _publicKey), WrongProof(ticket));
        value = sha256(proof);
        _seed[ticket] = value;
        emit SeedProved(ticket, value);
    }

    /// @inheritdoc IRandomness
    function seed(uint256 ticket) external view returns (bytes32 value) {
        value = _seed[ticket];
        require(value != 0 || !expired(ticket), SeedExpired(ticket));
        require(value != 0, SeedNotReady(ticket));
    }

    /// @notice The beacon's key, as given to the constructor.
    function publicKey() external view returns (uint256[4] memory) {
        return _publicKey;
    }

    /// @inheritdoc IRandomness
    function expired(uint256 ticket) public view returns (bool) {
        return _seed[ticket] == 0 && block.timestamp > timeOf(ticket) + LIFETIME;
    }

    /// @notice When a round is due, as timestamp.
    function timeOf(uint256 round) public view returns (uint256) {
        return round == 0 ? 0 : GENESIS + (round - 1) * PERIOD;
    }
}
