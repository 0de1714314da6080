// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ranking} from "../libraries/Ranking.sol";
import {RewardMath} from "../libraries/RewardMath.sol";
import {Scores} from "../libraries/Scores.sol";
import {Sortition} from "../libraries/Sortition.sol";

/// @title What tests need to reach the internal functions of the arena's libraries
contract RewardMathHarness {
    using Ranking for uint96[];

    mapping(uint256 index => Sortition.Seat) private _seats;
    uint256 private _seatCount;
    uint96[] private _ranking;

    /* REWARDS */

    function stakeRoot(uint256 stake) external pure returns (uint256) {
        return RewardMath.stakeRoot(stake);
    }

    function validatorWeight(uint256 distance, uint256 scale, uint256 stake) external pure returns (uint256) {
        return RewardMath.validatorWeight(distance, scale, stake);
    }

    function rankWeight(uint256 rank, uint256 stake) external pure returns (uint256) {
        return RewardMath.rankWeight(rank, stake);
    }

    function trainerPart(uint256 assets, uint256 trainerStake, uint256 validatorStake) external pure returns (uint256) {
        return RewardMath.trainerPart(assets, trainerStake, validatorStake);
    }

    function share(uint256 pot, uint256 weight, uint256 total) external pure returns (uint256) {
        return RewardMath.share(pot, weight, total);
    }

    /* SCORES */

    function isAllowed(int256 score) external pure returns (bool) {
        return Scores.isAllowed(score);
    }

    function quality(int256 score, bool maximise) external pure returns (int256) {
        return Scores.quality(score, maximise);
    }

    function distance(int256 a, int256 b) external pure returns (uint256) {
        return Scores.distance(a, b);
    }

    function floorToGrid(int256 score, uint256 grid) external pure returns (int256) {
        return Scores.floorToGrid(score, grid);
    }

    function median(int256[] memory qualities, uint256[] memory stakes) external pure returns (int256) {
        return Scores.median(qualities, stakes);
    }

    /* RANKING AND SORTITION */

    function rank(
        uint256 limit,
        uint256[] calldata submissionIds,
        int256[] calldata qualities
    ) external returns (uint256[] memory) {
        for (uint256 i; i < submissionIds.length; ++i) _ranking.insert(limit, submissionIds[i], qualities[i]);
        return _ranking.bestFirst();
    }

    function seat(uint96[] calldata stakes) external {
        for (uint256 i; i < stakes.length; ++i) {
            uint96 before = _seats[_seatCount].cumulativeStake;
            _seats[++_seatCount] = Sortition.Seat(address(uint160(_seatCount)), before + stakes[i]);
        }
    }

    function draw(
        uint256 places,
        uint256 cap,
        bytes32 seed,
        uint256 submissionId
    ) external view returns (uint256[] memory) {
        return Sortition.draw(_seats, _seatCount, places, cap, seed, submissionId);
    }
}
