// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title BLS signatures on BN254
/// @notice Signatures are on G1, keys on G2, messages are hashed to G1 by RFC 9380: expand_message_xmd with keccak256,
///         two field elements, the map of Shallue and van de Woestijne with Z = 1.
/// @dev Uses the precompiles of EIP-196 and EIP-197, which check that points are on their curve and in their group.
library Bn254 {
    /// @dev The field's order, ≡ 3 (mod 4): x^((P + 1) / 4) is the root of a square x.
    uint256 private constant P = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    uint256 private constant G1_Y_NEGATED = P - 2; // of the generator (1, 2)
    uint256 private constant G2_X1 = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant G2_X0 = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant G2_Y1 = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant G2_Y0 = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;

    address private constant ADD = address(6);
    address private constant PAIRING = address(8);

    // the constants of the map for y² = g(x) = x³ + 3 and Z = 1
    uint256 private constant C1 = 4; // g(Z)
    uint256 private constant C2 = (P - 1) / 2; // −Z / 2
    uint256 private constant C3 = 0x16789af3a83522eb353c98fc6b36d713d5d8d1cc5dffffffa; // √(−3·Z²·g(Z)), even
    uint256 private constant C4 = 0x10216f7ba065e00de81ac1e7808072c9dd2b2385cd7b438469602eb24829a9bd; // −4·g(Z)/3Z²

    /// @dev With its length, as RFC 9380 appends it.
    bytes private constant DST = "BLS_SIG_BN254G1_XMD:KECCAK-256_SVDW_RO_NUL_\x2b";
    uint256 private constant EXPANDED = 96;

    /// @notice Whether (x, y) is the signature of `message` by the owner of `key`.
    function verify(uint256 x, uint256 y, bytes32 message, uint256[4] memory key) internal view returns (bool) {
        (uint256 hx, uint256 hy) = hashToPoint(message);
        return _pairing([x, y, G2_X1, G2_X0, P - G2_Y1, P - G2_Y0, hx, hy, key[0], key[1], key[2], key[3]]);
    }

    /// @notice Whether `key` is a point of G2 other than its zero.
    function isKey(uint256[4] memory key) internal view returns (bool) {
        if (key[0] | key[1] | key[2] | key[3] == 0) return false;
        uint256[12] memory input = [
            1,
            2,
            key[0],
            key[1],
            key[2],
            key[3],
            1,
            G1_Y_NEGATED,
            key[0],
            key[1],
            key[2],
            key[3]
        ];
        return _pairing(input);
    }

    /// @notice hash_to_curve of RFC 9380.
    function hashToPoint(bytes32 message) internal view returns (uint256 x, uint256 y) {
        (uint256 u0, uint256 u1) = _hashToField(message);
        uint256[4] memory points;
        (points[0], points[1]) = _map(u0);
        (points[2], points[3]) = _map(u1);
        (, bytes memory sum) = ADD.staticcall(abi.encode(points)); // both are on the curve
        return abi.decode(sum, (uint256, uint256));
    }

    /// @dev Two times 48 bytes of expand_message_xmd, modulo P.
    function _hashToField(bytes32 message) private pure returns (uint256 u0, uint256 u1) {
        bytes32 b0 = keccak256(abi.encodePacked(new bytes(136), message, uint16(EXPANDED), uint8(0), DST));
        bytes32 b1 = keccak256(abi.encodePacked(b0, uint8(1), DST));
        bytes32 b2 = keccak256(abi.encodePacked(b0 ^ b1, uint8(2), DST));
        bytes32 b3 = keccak256(abi.encodePacked(b0 ^ b2, uint8(3), DST));
        u0 = addmod(mulmod(uint256(b1), 1 << 128, P), uint256(b2) >> 128, P);
        u1 = addmod(mulmod(uint128(uint256(b2)), mulmod(1 << 128, 1 << 128, P), P), uint256(b3), P);
    }

    /// @dev map_to_curve_svdw.
    function _map(uint256 u) private view returns (uint256 x, uint256 y) {
        uint256 tv1 = mulmod(mulmod(u, u, P), C1, P);
        uint256 tv2 = addmod(1, tv1, P);
        tv1 = addmod(1, P - tv1, P);
        uint256 tv3 = Math.modExp(mulmod(tv1, tv2, P), P - 2, P);
        uint256 tv4 = mulmod(mulmod(mulmod(u, tv1, P), tv3, P), C3, P);
        bool found;
        x = addmod(C2, P - tv4, P);
        (found, y) = _ordinate(x);
        if (!found) {
            x = addmod(C2, tv4, P);
            (found, y) = _ordinate(x);
        }
        if (!found) {
            x = mulmod(mulmod(tv2, tv2, P), tv3, P);
            x = addmod(1, mulmod(mulmod(x, x, P), C4, P), P);
            (, y) = _ordinate(x);
        }
        if (u % 2 != y % 2) y = P - y;
    }

    /// @dev The root of g(x), if there is one.
    function _ordinate(uint256 x) private view returns (bool found, uint256 y) {
        uint256 square = addmod(mulmod(mulmod(x, x, P), x, P), 3, P);
        y = Math.modExp(square, (P + 1) / 4, P);
        found = mulmod(y, y, P) == square;
    }

    /// @dev Whether the product of two pairings is one; false too if an input is no point.
    function _pairing(uint256[12] memory input) private view returns (bool) {
        (bool done, bytes memory one) = PAIRING.staticcall(abi.encode(input));
        return done && abi.decode(one, (bool));
    }
}
