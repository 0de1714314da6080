// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EmissionMath} from "../libraries/EmissionMath.sol";
import {SharesMath} from "../libraries/SharesMath.sol";
import {WithdrawalMath} from "../libraries/WithdrawalMath.sol";

/// @title What tests need to reach the internal functions of the ledgers' libraries
contract LibraryHarness {
    function toSharesDown(uint256 assets, uint256 totalAssets, uint256 totalShares) external pure returns (uint256) {
        return SharesMath.toSharesDown(assets, totalAssets, totalShares);
    }

    function toAssetsDown(uint256 shares, uint256 totalAssets, uint256 totalShares) external pure returns (uint256) {
        return SharesMath.toAssetsDown(shares, totalAssets, totalShares);
    }

    function isDegraded(uint256 totalAssets, uint256 totalShares) external pure returns (bool) {
        return SharesMath.isDegraded(totalAssets, totalShares);
    }

    function decayDown(
        uint256 index,
        uint256 generation,
        uint256 beforeAssets,
        uint256 afterAssets
    ) external pure returns (uint256 newIndex, uint256 newGeneration) {
        return WithdrawalMath.decayDown(index, generation, beforeAssets, afterAssets);
    }

    function valueDown(
        uint256 assets,
        uint256 fromIndex,
        uint256 fromGeneration,
        uint256 index,
        uint256 generation
    ) external pure returns (uint256) {
        return WithdrawalMath.valueDown(assets, fromIndex, fromGeneration, index, generation);
    }

    function power(uint256 base, uint256 exponent) external pure returns (uint256) {
        return EmissionMath.power(base, exponent);
    }

    function root(uint256 decay, uint256 period) external pure returns (uint256) {
        return EmissionMath.root(decay, period);
    }
}
