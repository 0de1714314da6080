// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

import {IStaking} from "../interfaces/IStaking.sol";
import {EscrowMath} from "../libraries/EscrowMath.sol";

/// @title Own stake that is promised to stay, and the votes that it gives
/// @notice The part of the stake ledger that IStaking calls escrow.
/// @dev Votes are counted at timestamps, in units of a wei of stake in escrow times its multiplier. A promise never
///      exceeds the own stake that is there: `_burnOwn` and `slash` of the ledger see to it.
abstract contract VoteEscrow is IStaking, Votes {
    /// @inheritdoc IStaking
    uint256 public constant MAX_ESCROW = 4 * 365 days;

    mapping(address operator => Escrow) private _escrow;

    constructor() EIP712("Skein stake", "1") {}

    /// @inheritdoc IStaking
    function escrow(uint256 assets, uint256 duration) external {
        require(assets != 0 && duration != 0, ZeroAmount());
        require(duration <= MAX_ESCROW, EscrowTooLong(duration, MAX_ESCROW));
        uint256 available = _ownAssets(msg.sender);
        require(assets <= available, InsufficientStake(assets, available));
        Escrow memory last = _escrow[msg.sender];
        uint256 until = block.timestamp + duration;
        bool cut = assets < last.assets || until < last.until;
        require(!cut || block.timestamp >= last.until, EscrowShortened(last.assets, last.until));

        if (delegates(msg.sender) == address(0)) _delegate(msg.sender, msg.sender);
        uint256 multiplier = EscrowMath.multiplier(duration);
        _set(msg.sender, Escrow(uint128(assets), uint64(until), uint64(multiplier)));
        emit Escrowed(msg.sender, assets, until, multiplier);
    }

    /// @inheritdoc IStaking
    function endEscrow(address operator) external {
        Escrow memory last = _escrow[operator];
        require(last.assets != 0, ZeroAmount());
        require(block.timestamp >= last.until, EscrowNotOver(last.until));
        _end(operator, last.assets);
    }

    /// @inheritdoc IStaking
    function escrowOf(address operator) external view returns (Escrow memory) {
        return _escrow[operator];
    }

    /// @notice The timestamp, as in the token.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice Says so in the form of ERC-6372.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @dev Before own stake leaves, so that `remaining` stays: ends a promise that is in its way, if its time is over.
    function _release(address operator, uint256 remaining) internal {
        Escrow memory promised = _escrow[operator];
        if (promised.assets <= remaining) return;
        require(block.timestamp >= promised.until, StakeEscrowed(promised.assets, remaining));
        _end(operator, promised.assets);
    }

    /// @dev After a slash: what is no longer there can be neither promised nor voted with.
    function _shrink(address operator, uint256 remaining) internal {
        Escrow memory promised = _escrow[operator];
        if (promised.assets <= remaining) return;
        promised.assets = uint128(remaining);
        _set(operator, promised);
    }

    /// @dev The voting power of an operator, before anybody delegates it.
    function _getVotingUnits(address operator) internal view override returns (uint256) {
        Escrow storage promised = _escrow[operator];
        return EscrowMath.weight(promised.assets, promised.multiplier);
    }

    /// @dev What stake in escrow weighs beyond its amount.
    function _bonus(address operator) internal view returns (uint256) {
        return _getVotingUnits(operator) - _escrow[operator].assets;
    }

    function _ownAssets(address operator) internal view virtual returns (uint256);

    function _end(address operator, uint256 assets) private {
        _set(operator, Escrow(0, 0, 0));
        emit EscrowEnded(operator, assets);
    }

    function _set(address operator, Escrow memory promised) private {
        uint256 had = _getVotingUnits(operator);
        _escrow[operator] = promised;
        uint256 has = _getVotingUnits(operator);
        if (has > had) _transferVotingUnits(address(0), operator, has - had);
        else if (has < had) _transferVotingUnits(operator, address(0), had - has);
    }
}
