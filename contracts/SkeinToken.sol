// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

/// @title The token of the network
/// @notice Stakes, bounties and rewards are paid in it. At most a billion exist; the owner alone mints.
/// @dev Votes are counted at timestamps. The deployer owns it at first, and hands it to whatever follows the schedule.
contract SkeinToken is ERC20Capped, ERC20Permit, ERC20Votes, Ownable2Step {
    /// @param holder Who gets the genesis allocation.
    /// @param assets The genesis allocation, token wei.
    constructor(
        address holder,
        uint256 assets
    ) ERC20("Skein", "SKEIN") ERC20Permit("Skein") ERC20Capped(1_000_000_000e18) Ownable(msg.sender) {
        _mint(holder, assets);
    }

    /// @notice Creates `assets` for `receiver`, within the cap.
    function mint(address receiver, uint256 assets) external onlyOwner {
        _mint(receiver, assets);
    }

    /// @inheritdoc ERC20Permit
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /// @notice The timestamp: proposals of a governor then last as long on every chain.
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @notice Says so in the form of ERC-6372.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _update(address from, address to, uint256 assets) internal override(ERC20, ERC20Capped, ERC20Votes) {
        super._update(from, to, assets);
    }
}
