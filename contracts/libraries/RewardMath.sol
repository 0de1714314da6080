// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";

/// @title How rewards are shared
/// @dev Pure integer arithmetic, all rounded down. Weights have no unit: only their ratios count, hence the missing
///      normalisations. Stakes are below 2^128, so no product overflows.
library RewardMath {
    uint256 internal constant WAD = 1e18;
    /// @dev How fast a validator's weight falls with its distance from the consensus, WAD.
    uint256 internal constant LAMBDA = 10e18;
    /// @dev The part of a reward that each side gets whatever the stakes are, WAD.
    uint256 internal constant GAMMA = 0.1e18;
    /// @dev The weight of a rank over that of the rank above it, WAD.
    uint256 internal constant Q = 0.85e18;

    /// @notice The square root of a stake, with nine decimals.
    function stakeRoot(uint256 stake) internal pure returns (uint256) {
        return FixedPointMathLib.sqrt(stake * WAD);
    }

    /// @notice exp(−λ·distance/scale)·√stake.
    /// @param distance Distance of the score from the consensus, below 2^64.
    /// @param scale The score difference that counts as 1.
    function validatorWeight(uint256 distance, uint256 scale, uint256 stake) internal pure returns (uint256) {
        int256 exponent = -int256((LAMBDA * distance) / scale);
        return uint256(FixedPointMathLib.expWad(exponent)) * stakeRoot(stake);
    }

    /// @notice q^(rank−1)·√stake.
    /// @param rank From 1, the best.
    function rankWeight(uint256 rank, uint256 stake) internal pure returns (uint256) {
        return FixedPointMathLib.rpow(Q, rank - 1, WAD) * stakeRoot(stake);
    }

    /// @notice The trainers' part of a reward, R·(γ + (1−2γ)·T/(T+S)); half of it if nobody has stake.
    function trainerPart(uint256 assets, uint256 trainerStake, uint256 validatorStake) internal pure returns (uint256) {
        uint256 stake = trainerStake + validatorStake;
        if (stake == 0) return assets / 2;
        return FixedPointMathLib.fullMulDiv(assets, GAMMA * stake + (WAD - 2 * GAMMA) * trainerStake, WAD * stake);
    }

    /// @notice The part of a pot that belongs to `weight` out of `total`.
    function share(uint256 pot, uint256 weight, uint256 total) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDiv(pot, weight, total);
    }
}
