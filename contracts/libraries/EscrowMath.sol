// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What stake weighs for the time that it is promised to stay
library EscrowMath {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant FREE = 30 days;
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant SLOPE = 2.19e18;

    /// @notice 1 up to 30 days, then 1 + 2.19 · (days − 30) / 365, the same beyond 365 days; WAD, rounded down.
    /// @param duration Seconds.
    function multiplier(uint256 duration) internal pure returns (uint256) {
        return WAD + (SLOPE * Math.saturatingSub(Math.min(duration, YEAR), FREE)) / YEAR;
    }

    /// @notice What `assets` weigh, rounded down. assets < 2^128, factor < 2^64.
    function weight(uint256 assets, uint256 factor) internal pure returns (uint256) {
        return (assets * factor) / WAD;
    }
}
