// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IArena} from "../interfaces/IArena.sol";
import {Scores} from "../libraries/Scores.sol";
import {TaskState} from "./TaskState.sol";

/// @title The bounds of what a creator may fix
library Parameters {
    /// @dev The least bond over the bounty, WAD.
    uint256 internal constant MIN_BOND_RATE = 0.1e18;
    uint256 internal constant MAX_RANKS = 64;
    /// @dev The least share cap, WAD: it bounds how many points a draw throws.
    uint256 internal constant MIN_SHARE = WAD / 64;
    uint256 internal constant MAX_WINDOW = 365 days;

    uint256 private constant WAD = 1e18;

    /// @dev Every bound, in the order of the struct.
    function check(IArena.TaskParameters calldata p) internal pure {
        _check(p.specDigest != 0, "specDigest");
        _check(p.heldOutDigest != 0, "heldOutDigest");
        _check(p.keyHash != 0, "keyHash");
        _check(p.bounty > 0, "bounty");
        _check(p.bond >= (p.bounty * MIN_BOND_RATE) / WAD, "bond");
        _check(p.minTrainerStake > 0, "minTrainerStake");
        _check(p.minValidatorStake > 0, "minValidatorStake");
        _checkWindow(p.commitWindow, "commitWindow");
        _checkWindow(p.revealWindow, "revealWindow");
        _checkWindow(p.keyWindow, "keyWindow");
        _checkWindow(p.scoreCommitWindow, "scoreCommitWindow");
        _checkWindow(p.scoreRevealWindow, "scoreRevealWindow");
        _check(p.challengeWindow <= MAX_WINDOW, "challengeWindow");
        _check(p.scale > 0 && p.scale <= uint64(Scores.BOUND), "scale");
        _check(p.tolerance <= p.slashTolerance, "tolerance");
        _check(p.slashTolerance <= p.scale, "slashTolerance");
        _check(p.grid > 0 && p.grid <= p.scale, "grid");
        _check(p.panelSize > 0 && p.panelSize <= TaskState.MAX_PANEL, "panelSize");
        _check(p.quorum > 0 && p.quorum <= p.panelSize, "quorum");
        _check(p.paidRanks > 0 && p.paidRanks <= MAX_RANKS, "paidRanks");
        _check(p.maxShare >= MIN_SHARE && p.maxShare <= WAD, "maxShare");
        bool appeals = p.challengeWindow > 0;
        bool larger = p.appealPanelSize > p.panelSize && p.appealPanelSize <= TaskState.MAX_PANEL;
        _check(appeals ? larger : p.appealPanelSize == 0, "appealPanelSize");
        // so that who proves the creator wrong about a canary gets as much as it risked
        _check(appeals == (p.appealBond > 0) && p.appealBond <= p.bond, "appealBond");
        _check(appeals || p.canaryRoot == 0, "canaryRoot");
    }

    function _checkWindow(uint256 window, bytes32 name) private pure {
        _check(window > 0 && window <= MAX_WINDOW, name);
    }

    function _check(bool holds, bytes32 name) private pure {
        require(holds, IArena.InvalidParameter(name));
    }
}
