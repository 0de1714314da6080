// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IEmissions} from "../interfaces/IEmissions.sol";

/// @title The schedule of the emission, and how it is shared out
/// @dev E(0) and the decay of one epoch give every E(n), by exact integers: E(n + 1) = E(n) · r / RAY, rounded down.
library EmissionMath {
    uint256 internal constant RAY = 1e27;
    /// @notice Units of a wei that earnings are counted in. Weights stay below 2^112 < SCALE, so that what a division
    ///         leaves is always less than a wei.
    uint256 internal constant SCALE = 1e36;

    /* SCHEDULE */

    /// @notice base^exponent, RAY, every product rounded down. base <= RAY.
    function power(uint256 base, uint256 exponent) internal pure returns (uint256 result) {
        result = RAY;
        while (exponent > 0) {
            if (exponent % 2 == 1) result = (result * base) / RAY;
            base = (base * base) / RAY;
            exponent /= 2;
        }
    }

    /// @notice The largest r with power(r, period) <= decay, RAY. decay <= RAY.
    function root(uint256 decay, uint256 period) internal pure returns (uint256 low) {
        uint256 high = RAY + 1;
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (power(middle, period) <= decay) low = middle;
            else high = middle;
        }
    }

    /// @notice E of the next epoch.
    function next(uint256 emission, uint256 decay) internal pure returns (uint256) {
        return (emission * decay) / RAY;
    }

    /* SHARING OUT */

    /// @notice Shares out what the present epoch brings until `time`, which is not after its end.
    /// @param begun Timestamp of the epoch's first second.
    function stream(IEmissions.State memory s, uint256 begun, uint256 length, uint256 time) internal pure {
        // differences of the same rounded line: every wei of the budget has its second
        uint256 assets = _until(s, time - begun, length) - _until(s, s.updatedAt - begun, length);
        s.updatedAt = uint64(time);
        if (assets == 0) return; // so that nothing depends on how often one looks
        if (s.totalWeight == 0) {
            s.carried += uint128(assets);
            return;
        }
        uint256 scaled = assets * SCALE + s.rest;
        s.perWeight += scaled / s.totalWeight;
        s.rest = uint128(scaled % s.totalWeight);
    }

    /// @notice Begins the next epoch.
    /// @param room What the token's cap leaves.
    /// @return minted What the epoch is to mint.
    /// @return released What it shares out besides, of what is carried: one part in `parts`, rounded up.
    function open(
        IEmissions.State memory s,
        uint256 emission,
        uint256 room,
        uint256 parts
    ) internal pure returns (uint256 minted, uint256 released) {
        minted = Math.min(emission, room);
        released = Math.ceilDiv(s.carried, parts);
        s.scheduled = uint128(emission);
        s.carried -= uint128(released);
        s.budget = uint128(minted + released);
        ++s.epochs;
    }

    /// @notice What an account has earned by now, in units of a wei / SCALE.
    /// @dev Never overflows: a weight that was there while perWeight grew was part of the total that it was divided by.
    function earnedBy(IEmissions.Account memory a, uint256 perWeight) internal pure returns (uint256) {
        return a.earned + a.weight * (perWeight - a.mark);
    }

    function _until(IEmissions.State memory s, uint256 elapsed, uint256 length) private pure returns (uint256) {
        return (uint256(s.budget) * elapsed) / length;
    }
}
