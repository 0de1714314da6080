// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IERC7540Operator, IERC7540Redeem} from "./IERC7540.sol";

/// @title A delegation to one operator as shares that can be held, sent and lent
/// @notice ERC-4626 around the delegated tranche of one pool of the stake ledger. One share of the vault is one share
///         of the pool, so both have one price: rewards raise it, slashes lower it. Entering is at once; leaving takes
///         the ledger's cool-down, and is by ERC-7540.
/// @dev `requestRedeem` burns shares and opens a withdrawal in the stake ledger, whose number is the request's. It can
///      be claimed as soon as the ledger pays it: after the cool-down, as far as the pool's locks leave it free, less
///      the slashes until then. `redeem` and `withdraw` claim: the controller's oldest requests first, from the ledger
///      to the receiver, as many as they need. Nobody else can have them paid.
///      Within a request all shares are worth the same. A part of them is paid rounded down, the last of them all that
///      is left, so that no split of a claim gains or loses a wei; the last share stays while assets do.
///      previewWithdraw and previewRedeem say what the price is, as ERC-4626 wants it, where ERC-7540 wants them to
///      refuse; what a request is worth is its own. Claims of nothing are anybody's, and do nothing.
///      A share stands for 1e-6 wei at par, hence 24 decimals. `mint` leaves less than a wei of shares to the vault;
///      they go with the last holder. Tokens sent to the vault past its verbs are lost.
interface IDelegationVault is IERC4626, IERC7540Operator, IERC7540Redeem, IERC165 {
    /* ERRORS */

    error ZeroAddress();
    error ZeroAmount();
    error Unauthorized(address caller);
    error ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max);
    error ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max);

    /* VIEWS */

    /// @notice The stake ledger.
    function STAKING() external view returns (address);
    function OPERATOR() external view returns (address);
    /// @notice How many requests maxWithdraw and maxRedeem look at, the oldest first: whoever has more can claim more.
    function COUNTED() external view returns (uint256);
    /// @notice The token of the shares: the vault itself. See ERC-7575.
    function share() external view returns (address);
}
