// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "../libraries/Bn254.sol";

/// @title What tests need to reach the internal functions of the signature library
contract Bn254Harness {
    function hashToPoint(bytes32 message) external view returns (uint256 x, uint256 y) {
        return Bn254.hashToPoint(message);
    }

    function isKey(uint256[4] memory key) external view returns (bool) {
        return Bn254.isKey(key);
    }

    function verify(uint256 x, uint256 y, bytes32 message, uint256[4] memory key) external view returns (bool) {
        return Bn254.verify(x, y, message, key);
    }
}
