// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LibSort} from "solady/utils/LibSort.sol";
import {Scores} from "./Scores.sol";

/// @title The best submissions of a task
/// @notice A bounded set without order in storage, sorted when it is read. What it holds does not depend on the order
///         of the insertions.
/// @dev An entry is the quality of a score above the complement of the submission's id, so that one comparison orders
///      by score and then by the earlier commit.
library Ranking {
    /// @notice Adds a submission; when the set is full the worst one falls out.
    function insert(uint96[] storage entries, uint256 limit, uint256 submissionId, int256 quality) internal {
        uint96 entry = uint96((Scores.biased(quality) << 32) | uint256(type(uint32).max - uint32(submissionId)));
        uint256 length = entries.length;
        if (length < limit) return entries.push(entry);
        uint256 worst;
        uint96 least = type(uint96).max;
        for (uint256 i; i < length; ++i) {
            uint96 other = entries[i];
            if (other < least) (worst, least) = (i, other);
        }
        if (entry > least) entries[worst] = entry;
    }

    /// @notice The submission ids, best first.
    function bestFirst(uint96[] storage entries) internal view returns (uint256[] memory ids) {
        ids = new uint256[](entries.length);
        for (uint256 i; i < ids.length; ++i) ids[i] = entries[i];
        LibSort.insertionSort(ids);
        LibSort.reverse(ids);
        for (uint256 i; i < ids.length; ++i) ids[i] = type(uint32).max - uint32(ids[i]);
    }
}
