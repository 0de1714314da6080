// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What slashes leave of requested withdrawals
/// @dev All withdrawals of a tranche that wait are slashed at once: an index holds the part of them that is left. A
///      withdrawal notes the index when it is requested, and is worth assets · index / noted index when it is paid.
///      So that the index keeps 18 digits for ever, it is multiplied by 1e9 whenever it falls below 1e18, and the
///      generation counts how often; no order of slashes and requests can make a late request pay for early slashes.
///      Both functions round down: the values of all withdrawals together never exceed what is left of them.
library WithdrawalMath {
    /// @notice Where the index starts; also the bound it stays under.
    uint256 internal constant INDEX_START = 1e27;
    uint256 internal constant INDEX_FLOOR = 1e18;
    uint256 internal constant RESCALE = 1e9;

    /// @notice Withdrawals older than this many generations are worth nothing: less than one wei in 1e36.
    uint256 internal constant LIVE_GENERATIONS = 4;

    /// @notice The index after a slash that left `afterAssets` of `beforeAssets`.
    /// @dev afterAssets <= beforeAssets < 1e33 and beforeAssets > 0: then at most four turns of the loop.
    function decayDown(
        uint256 index,
        uint256 generation,
        uint256 beforeAssets,
        uint256 afterAssets
    ) internal pure returns (uint256 newIndex, uint256 newGeneration) {
        if (afterAssets == 0) return (INDEX_START, generation + LIVE_GENERATIONS + 1);
        newIndex = Math.mulDiv(index, afterAssets, beforeAssets);
        newGeneration = generation;
        while (newIndex < INDEX_FLOOR) {
            index *= RESCALE;
            newIndex = Math.mulDiv(index, afterAssets, beforeAssets);
            ++newGeneration;
        }
    }

    /// @notice What a withdrawal of `assets`, requested at `fromIndex` of `fromGeneration`, is worth now.
    function valueDown(
        uint256 assets,
        uint256 fromIndex,
        uint256 fromGeneration,
        uint256 index,
        uint256 generation
    ) internal pure returns (uint256) {
        uint256 age = generation - fromGeneration;
        if (age > LIVE_GENERATIONS) return 0;
        return Math.mulDiv(assets, index, fromIndex * RESCALE ** age);
    }
}
