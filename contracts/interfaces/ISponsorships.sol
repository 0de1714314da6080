// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Bounties in other tokens
/// @notice Anyone adds a bounty in any plain ERC-20 to a task of the arena. It is shared like the task's own: the
///         trainers' part by rank and stake, the validators' part by closeness and stake. What nobody earned goes back.
/// @dev Holds strangers' tokens, so it stands apart from the arena: a bad token harms only those who are to be paid in
///      it. It reads the arena's final records and changes nothing there.
interface ISponsorships {
    /* STRUCTS */

    /// @notice All bounties of one task in one token.
    /// @param assets Paid in, token units.
    /// @param paidToTrainers, paidToValidators, refunded What left so far.
    /// @param trainerWeight, validatorWeight, refundedFor Weights, and contributions, that were paid so far.
    struct Pot {
        uint128 assets;
        uint128 paidToTrainers;
        uint128 paidToValidators;
        uint128 refunded;
        uint256 trainerWeight;
        uint256 validatorWeight;
        uint256 refundedFor;
    }

    /* EVENTS */

    event TaskSponsored(uint256 indexed taskId, address indexed token, address indexed sponsor, uint256 assets);
    /// @dev submissionId is 0 for a validator.
    event SponsoredRewardClaimed(
        uint256 indexed taskId,
        address indexed token,
        address indexed operator,
        uint256 submissionId,
        uint256 assets
    );
    event SponsorRefunded(uint256 indexed taskId, address indexed token, address indexed sponsor, uint256 assets);

    /* ERRORS */

    error ZeroAddress();
    error ZeroAmount();
    error NotOpen(uint256 taskId);
    error NotOver(uint256 taskId);
    /// @dev The token took a fee, or did something else while it moved.
    error NotPlain(address token, uint256 expected, uint256 received);
    error AlreadyClaimed(uint256 taskId, address token, address operator);

    /* EVERYBODY */

    /// @notice Adds `assets` of `token` to a task, until its commit phase ends.
    function sponsorTask(uint256 taskId, address token, uint256 assets) external;

    /// @notice Pays a submission's part of the bounties in `token` to its trainer, once.
    function claimSubmission(uint256 taskId, address token, uint256 submissionId) external returns (uint256 assets);

    /// @notice Pays a validator's part of the bounties in `token` to it, once.
    function claimValidator(uint256 taskId, address token, address validator) external returns (uint256 assets);

    /// @notice Pays back what nobody earned of a sponsor's contribution: all of it where the task came to nothing, the
    ///         trainers' part where no model was ranked.
    function refund(uint256 taskId, address token, address sponsor) external returns (uint256 assets);

    /* VIEWS */

    function ARENA() external view returns (address);
    function pot(uint256 taskId, address token) external view returns (Pot memory);
    function contributionOf(uint256 taskId, address token, address sponsor) external view returns (uint256);
}
