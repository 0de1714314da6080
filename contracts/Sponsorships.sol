// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IArena} from "./interfaces/IArena.sol";
import {ISponsorships} from "./interfaces/ISponsorships.sol";
import {RewardMath} from "./libraries/RewardMath.sol";

/// @title Bounties in other tokens
/// @notice See ISponsorships.
/// @dev Nobody can be paid twice, in whatever order tokens call back: every verb is guarded, and notes a payment before
///      it makes it.
contract Sponsorships is ISponsorships, ReentrancyGuardTransient {
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @inheritdoc ISponsorships
    address public immutable ARENA;

    mapping(uint256 taskId => mapping(address token => Pot)) private _pot;
    mapping(uint256 taskId => mapping(address token => mapping(address sponsor => uint256))) private _contribution;
    mapping(uint256 taskId => mapping(address token => mapping(uint256 submissionId => bool))) private _trainerPaid;
    mapping(uint256 taskId => mapping(address token => mapping(address validator => bool))) private _validatorPaid;

    constructor(address arena) {
        require(arena != address(0), ZeroAddress());
        ARENA = arena;
    }

    /* EVERYBODY */

    /// @inheritdoc ISponsorships
    function sponsorTask(uint256 taskId, address token, uint256 assets) external nonReentrant {
        require(assets > 0, ZeroAmount());
        require(IArena(ARENA).phase(taskId) == IArena.Phase.Commit, NotOpen(taskId));
        _pot[taskId][token].assets += assets.toUint128();
        _contribution[taskId][token][msg.sender] += assets;
        emit TaskSponsored(taskId, token, msg.sender, assets);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        require(received == assets, NotPlain(token, assets, received));
    }

    /// @inheritdoc ISponsorships
    function claimSubmission(
        uint256 taskId,
        address token,
        uint256 submissionId
    ) external nonReentrant returns (uint256 assets) {
        IArena.Task memory t = _over(taskId);
        IArena.Submission memory s = IArena(ARENA).submission(taskId, submissionId);
        require(!_trainerPaid[taskId][token][submissionId], AlreadyClaimed(taskId, token, s.trainer));
        _trainerPaid[taskId][token][submissionId] = true;
        Pot storage p = _pot[taskId][token];
        if (_isEarned(t) && s.weight > 0) {
            uint256 part = _trainerPart(t, p.assets);
            bool isLast = p.trainerWeight + s.weight == t.trainerWeight;
            assets = isLast ? part - p.paidToTrainers : RewardMath.share(part, s.weight, t.trainerWeight);
            p.trainerWeight += s.weight;
            p.paidToTrainers += uint128(assets);
        }
        emit SponsoredRewardClaimed(taskId, token, s.trainer, submissionId, assets);
        if (assets > 0) IERC20(token).safeTransfer(s.trainer, assets);
    }

    /// @inheritdoc ISponsorships
    function claimValidator(
        uint256 taskId,
        address token,
        address validator
    ) external nonReentrant returns (uint256 assets) {
        IArena.Task memory t = _over(taskId);
        require(!_validatorPaid[taskId][token][validator], AlreadyClaimed(taskId, token, validator));
        _validatorPaid[taskId][token][validator] = true;
        uint256 weight = IArena(ARENA).validator(taskId, validator).weight;
        Pot storage p = _pot[taskId][token];
        if (_isEarned(t) && weight > 0) {
            uint256 part = p.assets - _trainerPart(t, p.assets);
            bool isLast = p.validatorWeight + weight == t.validatorWeight;
            assets = isLast ? part - p.paidToValidators : RewardMath.share(part, weight, t.validatorWeight);
            p.validatorWeight += weight;
            p.paidToValidators += uint128(assets);
        }
        emit SponsoredRewardClaimed(taskId, token, validator, 0, assets);
        if (assets > 0) IERC20(token).safeTransfer(validator, assets);
    }

    /// @inheritdoc ISponsorships
    function refund(uint256 taskId, address token, address sponsor) external nonReentrant returns (uint256 assets) {
        IArena.Task memory t = _over(taskId);
        uint256 given = _contribution[taskId][token][sponsor];
        _contribution[taskId][token][sponsor] = 0;
        Pot storage p = _pot[taskId][token];
        uint256 unearned = p.assets;
        if (_isEarned(t)) unearned = t.trainerWeight > 0 ? 0 : _trainerPart(t, p.assets);
        if (given > 0 && unearned > 0) {
            bool isLast = p.refundedFor + given == p.assets;
            assets = isLast ? unearned - p.refunded : RewardMath.share(unearned, given, p.assets);
            p.refundedFor += given;
            p.refunded += uint128(assets);
        }
        emit SponsorRefunded(taskId, token, sponsor, assets);
        if (assets > 0) IERC20(token).safeTransfer(sponsor, assets);
    }

    /* VIEWS */

    /// @inheritdoc ISponsorships
    function pot(uint256 taskId, address token) external view returns (Pot memory) {
        return _pot[taskId][token];
    }

    /// @inheritdoc ISponsorships
    function contributionOf(uint256 taskId, address token, address sponsor) external view returns (uint256) {
        return _contribution[taskId][token][sponsor];
    }

    /* INTERNALS */

    function _over(uint256 taskId) private view returns (IArena.Task memory t) {
        t = IArena(ARENA).task(taskId);
        require(t.finalized || t.cancelled, NotOver(taskId));
    }

    /// @dev Whether the task was settled: else its weights, where it has any, are compensations by stake.
    function _isEarned(IArena.Task memory t) private pure returns (bool) {
        return !t.sharedByStake && t.validatorWeight > 0;
    }

    function _trainerPart(IArena.Task memory t, uint256 assets) private pure returns (uint256) {
        return RewardMath.trainerPart(assets, t.trainerStake, t.validatorStake);
    }
}
