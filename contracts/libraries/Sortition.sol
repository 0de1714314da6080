// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stake-weighted draws without replacement
/// @notice Every seat owns an interval of the line of all stakes, in the order of registration. A draw throws points at
///         the line; the intervals of seats that are already drawn are cut out of it. What a seat's interval has beyond
///         the cap is no place to hit: a point that falls there cuts that part out, and the next point is thrown.
library Sortition {
    /// @param cumulativeStake Stake of this seat and all before it, token wei: where its interval ends.
    struct Seat {
        address account;
        uint96 cumulativeStake;
    }

    /// @notice Seat indices (from 1) in the order of the draw; every seat when there are not more than places.
    /// @param seats From index 1 on, each with stake.
    /// @param cap The most that counts of a seat's stake, at least 1.
    /// @dev Point j is keccak256(abi.encode(seed, submissionId, j)) modulo the stake not yet cut out. At most
    ///      cuts = places + stake/cap points are thrown. O(cuts·(cuts + log seats)).
    function draw(
        mapping(uint256 index => Seat) storage seats,
        uint256 seatCount,
        uint256 places,
        uint256 cap,
        bytes32 seed,
        uint256 submissionId
    ) internal view returns (uint256[] memory drawn) {
        if (seatCount <= places) return _everyone(seatCount);
        drawn = new uint256[](places);
        uint256 left = seats[seatCount].cumulativeStake;
        uint256[] memory taken = new uint256[](places + left / cap);
        uint256 hits;
        for (uint256 j; hits < places; ++j) {
            uint256 point = uint256(keccak256(abi.encode(seed, submissionId, j))) % left;
            point = _skipTaken(taken, j, point);
            uint256 index = _seatAt(seats, seatCount, point);
            uint256 start = seats[index - 1].cumulativeStake;
            uint256 length = seats[index].cumulativeStake - start;
            if (point >= start + cap) {
                (start, length) = (start + cap, length - cap);
            } else {
                drawn[hits++] = index;
                if (length > cap) length = cap;
            }
            _take(taken, j, (start << 128) | length);
            left -= length;
        }
    }

    function _everyone(uint256 seatCount) private pure returns (uint256[] memory drawn) {
        drawn = new uint256[](seatCount);
        for (uint256 j; j < seatCount; ++j) drawn[j] = j + 1;
    }

    /// @dev Moves a point on the line without the taken intervals to its place on the whole line.
    function _skipTaken(uint256[] memory taken, uint256 count, uint256 point) private pure returns (uint256) {
        for (uint256 i; i < count && point >= taken[i] >> 128; ++i) point += uint128(taken[i]);
        return point;
    }

    /// @dev Inserts an interval (start above length) so that they stay sorted by start.
    function _take(uint256[] memory taken, uint256 count, uint256 interval) private pure {
        for (; count > 0 && taken[count - 1] > interval; --count) taken[count] = taken[count - 1];
        taken[count] = interval;
    }

    /// @dev The first seat whose interval ends behind the point.
    function _seatAt(
        mapping(uint256 index => Seat) storage seats,
        uint256 high,
        uint256 point
    ) private view returns (uint256 low) {
        low = 1;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (seats[middle].cumulativeStake > point) high = middle;
            else low = middle + 1;
        }
    }
}
