// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Shares of a pool
/// @dev The price of a share is (assets + 1) / (shares + 1e6), both of the whole pool. With the virtual 1 and 1e6, a
///      gift to a nearly empty pool cannot rob the next depositor: to make him lose x by rounding, the thief must
///      give the pool about 2e6 · x, and loses half of it unless he leaves last. Every conversion rounds in
///      favour of the pool.
library SharesMath {
    /// @notice Shares that stand for one wei at par, that is, in a pool that saw neither reward nor slash.
    uint256 internal constant SHARES_PER_ASSET = 1e6;

    /// @notice A price below par / 1e6 makes a pool degraded.
    uint256 internal constant DEGRADATION = 1e6;

    uint256 private constant VIRTUAL_ASSETS = 1;
    uint256 private constant VIRTUAL_SHARES = VIRTUAL_ASSETS * SHARES_PER_ASSET;

    /// @notice What `assets` buy in a pool of `totalAssets` and `totalShares`.
    function toSharesDown(uint256 assets, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return Math.mulDiv(assets, totalShares + VIRTUAL_SHARES, totalAssets + VIRTUAL_ASSETS);
    }

    /// @notice What `shares` are worth in a pool of `totalAssets` and `totalShares`.
    /// @dev All shares are worth all assets: whoever leaves last takes what rounding and the virtual shares kept, so
    ///      that an empty pool holds nothing and starts at par again.
    function toAssetsDown(uint256 shares, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        if (shares == totalShares) return totalAssets;
        return Math.mulDiv(shares, totalAssets + VIRTUAL_ASSETS, totalShares + VIRTUAL_SHARES);
    }

    /// @notice The least assets that buy `shares`.
    function toAssetsUp(uint256 shares, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return Math.mulDiv(shares, totalAssets + VIRTUAL_ASSETS, totalShares + VIRTUAL_SHARES, Math.Rounding.Ceil);
    }

    /// @notice The least shares that are worth `assets`.
    function toSharesUp(uint256 assets, uint256 totalAssets, uint256 totalShares) internal pure returns (uint256) {
        return Math.mulDiv(assets, totalShares + VIRTUAL_SHARES, totalAssets + VIRTUAL_ASSETS, Math.Rounding.Ceil);
    }

    /// @notice Whether slashes left so little behind the shares that new ones would be too many to be counted.
    function isDegraded(uint256 totalAssets, uint256 totalShares) internal pure returns (bool) {
        return (totalAssets + VIRTUAL_ASSETS) * SHARES_PER_ASSET * DEGRADATION < totalShares + VIRTUAL_SHARES;
    }
}
