// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Who owns
/// @notice OpenZeppelin's timelock: what the governor has decided waits here, and is then carried out by anyone's call.
/// @dev Its delay should exceed the stake ledger's cool-down, so that whoever disagrees has left before.
contract SkeinTimelock is TimelockController {
    /// @param admin Gives the governor its roles, and then renounces its own.
    constructor(uint256 delay, address admin) TimelockController(delay, new address[](0), _anyone(), admin) {}

    /// @notice Accepts the ownership that `target` offers; anyone may call it, since nothing else can come of it.
    function acceptOwnershipOf(Ownable2Step target) external {
        target.acceptOwnership();
    }

    function _anyone() private pure returns (address[] memory executors) {
        executors = new address[](1);
    }
}
