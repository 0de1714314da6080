// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A token that does what tokens should not: it takes fees, and calls back while it moves
contract HostileToken is ERC20("Hostile", "HOSTILE") {
    /// @notice Of 10,000.
    uint256 public fee;
    address private _target;
    bytes private _data;

    function mint(address receiver, uint256 assets) external {
        _mint(receiver, assets);
    }

    function setFee(uint256 newFee) external {
        fee = newFee;
    }

    /// @notice Calls `target` with `data`, as the token itself, in the midst of the next transfer.
    function callBack(address target, bytes calldata data) external {
        _target = target;
        _data = data;
        _approve(address(this), target, type(uint256).max);
    }

    function _update(address from, address to, uint256 assets) internal override {
        uint256 taken = from == address(0) || to == address(0) ? 0 : (assets * fee) / 10_000;
        super._update(from, to, assets - taken);
        if (taken > 0) super._update(from, address(0xfee), taken);
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        Address.functionCall(target, _data);
    }
}
