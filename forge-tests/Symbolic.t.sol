// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EmissionMath} from "../contracts/libraries/EmissionMath.sol";
import {EscrowMath} from "../contracts/libraries/EscrowMath.sol";
import {Ranking} from "../contracts/libraries/Ranking.sol";
import {Scores} from "../contracts/libraries/Scores.sol";
import {IEmissions} from "../contracts/interfaces/IEmissions.sol";
import {Base} from "./Base.sol";

/// @notice Sentences about the pure formulas that hold for all inputs of these types, checked symbolically by halmos:
///         functions that begin with check_; `scripts/prove halmos` runs them. No solver decides products of two
///         unknowns that are divided, and the sorting library is beyond the symbolic machine (it reports
///         counterexamples that the contract, run with them, does not have), so such sentences are fuzzed, below.
contract Symbolic is Base {
    using Ranking for uint96[];

    uint256 private constant WAD = 1e18;

    uint96[] private _ranking;

    /* SCORES */

    /// Every verdict is worse than every score, whichever direction is better.
    function check_verdictsAreWorst(int64 score, bool maximise) external pure {
        if (!Scores.isAllowed(score) || Scores.isVerdict(score)) return;
        int256 quality = Scores.quality(score, maximise);
        assert(quality > Scores.INVALID && quality > Scores.UNAVAILABLE && quality > Scores.UNOPENABLE);
        assert(Scores.quality(quality, maximise) == score);
    }

    /// Where less is better, the better one of two scores has the greater quality.
    function check_qualityReversesTheOrder(int64 a, int64 b) external pure {
        if (!Scores.isAllowed(a) || Scores.isVerdict(a) || !Scores.isAllowed(b) || Scores.isVerdict(b)) return;
        assert((a < b) == (Scores.quality(a, false) > Scores.quality(b, false)));
        assert(Scores.distance(a, b) == Scores.distance(b, a));
    }

    /* ESCROW AND EMISSION */

    /// The multiplier lies between 1 and 3.01, and is 1 up to 30 days, 3.01 from 365 on.
    function check_multiplierBounds(uint256 duration) external pure {
        uint256 factor = EscrowMath.multiplier(duration);
        assert(factor >= WAD && factor <= 3.01e18);
        if (duration <= 30 days) assert(factor == WAD);
        if (duration >= 365 days) assert(factor == 3.01e18);
    }

    /// is, and the sum of budget and carried is the sum of before and what was minted.
    function check_openLosesNothing(uint96 carried, uint96 emission, uint96 room) external pure {
        IEmissions.State memory s;
        s.carried = carried;
        (uint256 minted, uint256 released) = EmissionMath.open(s, emission, room, 16);
        assert(minted <= emission && minted <= room);
        assert(released <= carried && (carried == 0 || released > 0));
        assert(uint256(s.budget) + s.carried == minted + carried);
    }

    /// of 64 seconds.
    function check_streamCarriesEverything(uint64 budget, uint8 first, uint8 second) external pure {
        if (first > second || second > 64) return;
        IEmissions.State memory s;
        s.budget = budget;
        EmissionMath.stream(s, 0, 64, first);
        EmissionMath.stream(s, 0, 64, second);
        EmissionMath.stream(s, 0, 64, 64);
        assert(s.carried == budget);
        assert(s.updatedAt == 64);
    }

    /* WHAT NO SOLVER DECIDES, FUZZED */

    /// The consensus is one of the scores; at least half of the stake lies up to it, and less than half below it.
    function testFuzz_median(int64 a, int64 b, int64 c, uint64 x, uint64 y, uint64 z) external pure {
        uint256 total = uint256(x) + y + z;
        if (total == 0) return;
        int256[] memory qualities = new int256[](3);
        (qualities[0], qualities[1], qualities[2]) = (a, b, c);
        uint256[] memory stakes = new uint256[](3);
        (stakes[0], stakes[1], stakes[2]) = (x, y, z);
        int256 found = Scores.median(qualities, stakes);
        assert(found == a || found == b || found == c);
        uint256 upTo = (a <= found ? x : 0) + uint256(b <= found ? y : 0) + (c <= found ? z : 0);
        uint256 below = (a < found ? x : 0) + uint256(b < found ? y : 0) + (c < found ? z : 0);
        assert(2 * upTo >= total && 2 * below < total);
    }

    /// Of three submissions the best two stay, best first, and of equal ones the earlier.
    function testFuzz_rankingKeepsTheBest(int64 a, int64 b, int64 c) external {
        _ranking.insert(2, 1, a);
        _ranking.insert(2, 2, b);
        _ranking.insert(2, 3, c);
        uint256[] memory ids = _ranking.bestFirst();
        int64[4] memory quality = [int64(0), a, b, c];
        assert(ids.length == 2 && ids[0] != ids[1]);
        uint256 out = 6 - ids[0] - ids[1];
        assert(_isBefore(ids[0], quality[ids[0]], ids[1], quality[ids[1]]));
        assert(_isBefore(ids[1], quality[ids[1]], out, quality[out]));
    }

    function _isBefore(uint256 id, int64 quality, uint256 other, int64 otherQuality) private pure returns (bool) {
        return quality > otherQuality || (quality == otherQuality && id < other);
    }

    /// A longer promise never weighs less.
    function testFuzz_multiplierIsMonotone(uint40 shorter, uint40 longer) external pure {
        if (shorter > longer) (shorter, longer) = (longer, shorter);
        vm.assertLe(EscrowMath.multiplier(shorter), EscrowMath.multiplier(longer));
    }

    /// A factor of at least one never takes weight away, and no amount of the ledger overflows.
    function testFuzz_weightNeverLoses(uint112 assets, uint256 factor) external pure {
        factor = _bound(factor, WAD, 3.01e18);
        vm.assertGe(EscrowMath.weight(assets, factor), assets);
        vm.assertLe(EscrowMath.weight(assets, factor), (uint256(assets) * 301) / 100);
    }

    /// The emission never grows from one epoch to the next.
    function testFuzz_emissionNeverGrows(uint96 emission, uint256 decay) external pure {
        vm.assertLe(EmissionMath.next(emission, _bound(decay, 0, EmissionMath.RAY)), emission);
    }

    /// What an account has earned never falls as emission goes on.
    function testFuzz_earningsNeverFall(
        uint112 weight,
        uint128 mark,
        uint64 first,
        uint64 more,
        uint128 had
    ) external pure {
        IEmissions.Account memory a = IEmissions.Account(weight, mark, had);
        uint256 earned = EmissionMath.earnedBy(a, uint256(mark) + first);
        vm.assertGe(EmissionMath.earnedBy(a, uint256(mark) + first + more), earned);
        vm.assertEq(EmissionMath.earnedBy(a, mark), had);
    }

    /// Flooring never raises a score, never by a whole step, and ends on the grid.
    function testFuzz_floorToGrid(int64 score, uint64 grid) external pure {
        grid = uint64(_bound(grid, 1, 2 ** 62));
        int256 floored = Scores.floorToGrid(score, grid);
        vm.assertTrue(floored <= score && score - floored < int256(uint256(grid)));
        vm.assertTrue(floored % int256(uint256(grid)) == 0);
    }
}
