// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title A delegation to one operator as shares that can be held, sent and lent
/// @notice ERC-4626 around the delegated tranche of one pool of the stake ledger. One share of the vault is one share
///         of the pool, so both have one price: rewards raise it, slashes lower it.
/// @dev Entering is what ERC-4626 says. Leaving takes the ledger's cool-down, so nothing can be withdrawn at once:
///      maxWithdraw and maxRedeem are 0 and `withdraw` and `redeem` refuse all but 0, while previewWithdraw and
///      previewRedeem say what the price is, as the standard wants it. `requestRedeem` burns shares and opens a
///      withdrawal in the stake ledger, which belongs to the receiver; after the cool-down anyone's call of
///      `Staking.withdraw` pays it, less the slashes until then.
///      A share stands for 1e-6 wei at par, hence 24 decimals. `mint` leaves less than a wei of shares to the vault;
///      they go with the last holder. Tokens sent to the vault past its verbs are lost.
interface IDelegationVault is IERC4626 {
    /* EVENTS */

    /// @param withdrawalId In the stake ledger.
    event RedeemRequested(
        uint256 indexed withdrawalId,
        address indexed receiver,
        address indexed owner,
        address sender,
        uint256 shares
    );

    /* ERRORS */

    error ZeroAddress();
    error ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max);
    error ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max);
    error ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max);
    error ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max);

    /* VERBS */

    /// @notice Burns `shares` of `owner`, who has to be the caller or to have allowed it that much, and requests the
    ///         withdrawal of what they are worth for `receiver`.
    function requestRedeem(uint256 shares, address receiver, address owner) external returns (uint256 withdrawalId);

    /* VIEWS */

    /// @notice The stake ledger.
    function STAKING() external view returns (address);
    function OPERATOR() external view returns (address);
}
