// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibSort} from "solady/utils/LibSort.sol";

/// @title Scores, verdicts and the consensus about them
/// @notice A score is value × 1e9, or one of three verdicts. Its quality orders all of them from worst to best:
///         UNOPENABLE, UNAVAILABLE, INVALID, then the scores in the direction of the task.
library Scores {
    /// @dev The key does not open the held-out set: nothing can be said about any model.
    int64 internal constant UNOPENABLE = type(int64).min;
    /// @dev The model could not be had from any store.
    int64 internal constant UNAVAILABLE = type(int64).min + 1;
    /// @dev The model breaks the specification.
    int64 internal constant INVALID = type(int64).min + 2;
    /// @dev Largest magnitude of a score. Leaves room below for the verdicts and for flooring to the grid.
    int64 internal constant BOUND = 2 ** 62;

    uint256 private constant BIAS = 2 ** 63;

    function isVerdict(int256 score) internal pure returns (bool) {
        return score == UNOPENABLE || score == UNAVAILABLE || score == INVALID;
    }

    /// @notice Whether it is a verdict or a score within the bound.
    function isAllowed(int256 score) internal pure returns (bool) {
        return isVerdict(score) || (score >= -BOUND && score <= BOUND);
    }

    /// @notice A number that is greater the better the score is; its own inverse.
    function quality(int256 score, bool maximise) internal pure returns (int256) {
        return maximise || isVerdict(score) ? score : -score;
    }

    function distance(int256 a, int256 b) internal pure returns (uint256) {
        return uint256(a > b ? a - b : b - a);
    }

    /// @notice The largest multiple of `grid` that is not above `score`, for negative scores as well.
    function floorToGrid(int256 score, uint256 grid) internal pure returns (int256) {
        int256 remainder = score % int256(grid);
        if (remainder < 0) remainder += int256(grid);
        return score - remainder;
    }

    /// @notice The lower stake-weighted median: the lowest quality up to which at least half of the stake lies.
    /// @param qualities At least one; each within int64.
    /// @param stakes One per quality, each below 2^128.
    function median(int256[] memory qualities, uint256[] memory stakes) internal pure returns (int256) {
        uint256[] memory entries = new uint256[](qualities.length);
        uint256 total;
        for (uint256 i; i < qualities.length; ++i) {
            entries[i] = (biased(qualities[i]) << 128) | stakes[i];
            total += stakes[i];
        }
        LibSort.insertionSort(entries);
        uint256 at;
        for (uint256 sum = uint128(entries[0]); 2 * sum < total; sum += uint128(entries[at])) ++at;
        return int256(entries[at] >> 128) - int256(BIAS);
    }

    /// @notice An int64 as an unsigned number that sorts alike.
    function biased(int256 value) internal pure returns (uint256) {
        return uint256(value + int256(BIAS));
    }
}
