// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice The cheatcodes these tests use. forge-std is not on npm in a usable form, and this is
///         all of it that is needed; add a line here for a further cheatcode.
interface Vm {
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function deal(address who, uint256 balance) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function assume(bool condition) external pure;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectPartialRevert(bytes4 selector) external;
    function expectEmit() external;
    function label(address who, string calldata name) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
    function snapshotGasLastCall(string calldata name) external returns (uint256);
    function cool(address who) external;
    function record() external;
    function accesses(address who) external returns (bytes32[] memory reads, bytes32[] memory writes);
    function load(address who, bytes32 slot) external view returns (bytes32);
    function snapshotValue(string calldata name, uint256 value) external;
    function startSnapshotGas(string calldata name) external;
    function stopSnapshotGas() external returns (uint256);
    function assertEq(uint256 a, uint256 b) external pure;
    function assertEq(uint256 a, uint256 b, string calldata why) external pure;
    function assertEq(address a, address b) external pure;
    function assertEq(bytes32 a, bytes32 b) external pure;
    function assertLe(uint256 a, uint256 b) external pure;
    function assertLe(uint256 a, uint256 b, string calldata why) external pure;
    function assertGe(uint256 a, uint256 b) external pure;
    function assertTrue(bool ok) external pure;
    function assertTrue(bool ok, string calldata why) external pure;
}

abstract contract Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address[] private _targets;
    FuzzSelector[] private _selectors;

    function IS_TEST() external pure returns (bool) {
        return true;
    }

    /// Invariant runs call only these contracts (read by forge).
    function targetContracts() external view returns (address[] memory) {
        return _targets;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    function _target(address who) internal {
        _targets.push(who);
    }

    function _targetSelectors(address who, bytes4[] memory selectors) internal {
        _selectors.push(FuzzSelector(who, selectors));
    }

    /// Maps x into [lo, hi] without rejecting inputs.
    function _bound(uint256 x, uint256 lo, uint256 hi) internal pure returns (uint256) {
        require(lo <= hi, "bound");
        if (x >= lo && x <= hi) return x;
        uint256 size = hi - lo;
        return size == type(uint256).max ? x : lo + (x % (size + 1));
    }
}
