// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Who may act for others in a vault of ERC-7540
interface IERC7540Operator {
    event OperatorSet(address indexed controller, address indexed operator, bool approved);

    /// @notice Lets `operator` request with all shares of the caller, and claim all that it controls to any receiver;
    ///         or takes that back.
    function setOperator(address operator, bool approved) external returns (bool);
    function isOperator(address controller, address operator) external view returns (bool);
}

/// @title Leaving a vault of ERC-7540 in two steps: a request, and later a claim by ERC-4626's `redeem` or `withdraw`
interface IERC7540Redeem {
    event RedeemRequest(
        address indexed controller,
        address indexed owner,
        uint256 indexed requestId,
        address sender,
        uint256 shares
    );

    /// @notice Takes `shares` of `owner`, who has to be the caller, to have made it an operator, or to have allowed it
    ///         that much. What comes of them is `controller`'s to claim.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);

    /// @notice Shares of a request that cannot be claimed yet.
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    /// @notice Shares of a request that can be claimed now, and have not been.
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
}
