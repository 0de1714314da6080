// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EmissionMath} from "../contracts/libraries/EmissionMath.sol";
import {EscrowMath} from "../contracts/libraries/EscrowMath.sol";
import {IEmissions} from "../contracts/interfaces/IEmissions.sol";

/// @notice Sentences about the pure formulas that hold for all inputs, checked symbolically by halmos (functions that
///         begin with check_; `scripts/prove` runs them). Where a solver cannot multiply two unknowns of 256 bits, the
///         unknowns are narrower and the sentence says so.
contract Symbolic {
    uint256 private constant WAD = 1e18;

    /// The multiplier lies between 1 and 3.01, and is 1 up to 30 days, 3.01 from 365 on.
    function check_multiplierBounds(uint256 duration) external pure {
        uint256 factor = EscrowMath.multiplier(duration);
        assert(factor >= WAD && factor <= 3.01e18);
        if (duration <= 30 days) assert(factor == WAD);
        if (duration >= 365 days) assert(factor == 3.01e18);
    }

    /// A longer promise never weighs less.
    function check_multiplierIsMonotone(uint32 shorter, uint32 longer) external pure {
        if (shorter > longer) return;
        assert(EscrowMath.multiplier(shorter) <= EscrowMath.multiplier(longer));
    }

    /// A factor of at least one never takes weight away, and no amount of the ledger overflows.
    function check_weightNeverLoses(uint112 assets, uint8 hundredths) external pure {
        uint256 factor = WAD + uint256(hundredths) * 1e16;
        assert(EscrowMath.weight(assets, factor) >= assets);
    }

    /// The emission never grows from one epoch to the next. Decay in thousandths.
    function check_emissionNeverGrows(uint96 emission, uint16 permille) external pure {
        if (permille > 1000) return;
        assert(EmissionMath.next(emission, uint256(permille) * 1e24) <= emission);
    }

    /// An epoch begins with exactly what it mints and what it releases of what was carried; neither is more than there
    /// is, and the sum of budget and carried is the sum of before and what was minted.
    function check_openLosesNothing(uint96 carried, uint96 emission, uint96 room) external pure {
        IEmissions.State memory s;
        s.carried = carried;
        (uint256 minted, uint256 released) = EmissionMath.open(s, emission, room, 16);
        assert(minted <= emission && minted <= room);
        assert(released <= carried && (carried == 0 || released > 0));
        assert(uint256(s.budget) + s.carried == minted + carried);
    }

    /// While nobody has weight, what an epoch shares out is carried whole, whenever it is looked at in between. Epochs
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

    /// What an account has earned never falls as emission goes on.
    function check_earningsNeverFall(uint32 weight, uint64 mark, uint64 now_, uint64 later, uint64 had) external pure {
        if (now_ < mark || later < now_) return;
        IEmissions.Account memory a = IEmissions.Account(weight, mark, had);
        assert(EmissionMath.earnedBy(a, later) >= EmissionMath.earnedBy(a, now_));
        assert(EmissionMath.earnedBy(a, mark) == had);
    }
}
