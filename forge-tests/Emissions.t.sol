// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Emissions} from "../contracts/Emissions.sol";
import {SkeinToken} from "../contracts/SkeinToken.sol";
import {IEmissions} from "../contracts/interfaces/IEmissions.sol";
import {EmissionMath} from "../contracts/libraries/EmissionMath.sol";
import {Base} from "./Base.sol";

/// @notice Calls the ledger at random, only with what it must accept: a revert is a failure.
contract EmissionsHandler is Base {
    Emissions public immutable EMISSIONS;
    address public constant SINK = address(0x51);

    uint256 public drawn;
    address[2] public modules = [address(0xa1), address(0xa2)];

    constructor(Emissions emissions) {
        EMISSIONS = emissions;
    }

    function setWeight(uint256 moduleSeed, uint256 id, uint256 weight) external {
        uint256 bits = weight % 110;
        vm.prank(modules[moduleSeed % 2]);
        EMISSIONS.setWeight(bytes32(id % 3), bits < 20 ? 0 : (weight >> 8) % (uint256(1) << (bits - 19)));
    }

    function draw(uint256 moduleSeed, uint256 id) external {
        address module = modules[moduleSeed % 2];
        uint256 expected = EMISSIONS.drawable(module, bytes32(id % 3));
        vm.prank(module);
        uint256 assets = EMISSIONS.draw(bytes32(id % 3), SINK);
        vm.assertEq(assets, expected);
        drawn += assets;
    }

    function advance(uint256 epochs) external {
        EMISSIONS.advance(epochs % 4);
    }

    function wait(uint256 secondsLater) external {
        uint256 epoch = EMISSIONS.EPOCH_LENGTH();
        vm.warp(block.timestamp + _bound(secondsLater, 1, 3 * epoch));
    }
}

contract EmissionsInvariants is Base {
    Emissions private _emissions;
    SkeinToken private _token;
    EmissionsHandler private _handler;

    function setUp() public {
        _token = new SkeinToken(address(this), 500_000_000e18);
        _emissions = new Emissions(address(_token), block.timestamp, 1 days, 3_000_000e18, 0.5e27, 30, address(this));
        _token.transferOwnership(address(_emissions));
        _emissions.acceptToken();
        _handler = new EmissionsHandler(_emissions);
        for (uint256 i; i < 2; ++i) _emissions.setModule(_handler.modules(i), true);

        bytes4[] memory verbs = new bytes4[](4);
        verbs[0] = EmissionsHandler.setWeight.selector;
        verbs[1] = EmissionsHandler.draw.selector;
        verbs[2] = EmissionsHandler.advance.selector;
        verbs[3] = EmissionsHandler.wait.selector;
        _target(address(_handler));
        _targetSelectors(address(_handler), verbs);
    }

    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_nothingIsLost() public view {
        IEmissions.State memory s = _emissions.state();
        uint256 weights;
        uint256 earned = s.rest;
        for (uint256 i; i < 6; ++i) {
            IEmissions.Account memory a = _emissions.account(_handler.modules(i % 2), bytes32(i / 2));
            weights += a.weight;
            earned += EmissionMath.earnedBy(a, s.perWeight);
        }
        vm.assertEq(weights, s.totalWeight, "weights add up");
        uint256 minted = _token.totalSupply() - 500_000_000e18;
        vm.assertEq(_token.balanceOf(address(_emissions)), minted - _handler.drawn(), "holds what was not drawn");
        vm.assertEq((minted - _handler.drawn() - s.carried - _ahead(s)) * 1e36, earned, "to the last unit");
    }

    function invariant_noMoreThanScheduled() public view {
        uint256 minted = _token.totalSupply() - 500_000_000e18;
        uint256 scheduled;
        uint256 emission = _emissions.FIRST_EMISSION();
        for (uint256 n; n < _emissions.state().epochs; ++n) {
            scheduled += emission;
            emission = EmissionMath.next(emission, _emissions.EPOCH_DECAY());
        }
        vm.assertEq(minted, scheduled < 500_000_000e18 ? scheduled : 500_000_000e18);
    }

    /// What the present epoch has yet to share out.
    function _ahead(IEmissions.State memory s) private view returns (uint256) {
        if (s.epochs == 0) return 0;
        uint256 begun = _emissions.START() + (s.epochs - 1) * _emissions.EPOCH_LENGTH();
        return s.budget - (uint256(s.budget) * (s.updatedAt - begun)) / _emissions.EPOCH_LENGTH();
    }
}

contract EmissionsGas is Base {
    function test_aCenturyWithoutCallsFitsABlock() public {
        SkeinToken token = new SkeinToken(address(this), 0);
        Emissions emissions = new Emissions(address(token), block.timestamp, 7 days, 2e24, 0.5e27, 208, address(this));
        token.transferOwnership(address(emissions));
        emissions.acceptToken();
        vm.warp(block.timestamp + 5200 * 7 days);
        uint256 before = gasleft();
        emissions.advance(type(uint256).max);
        vm.assertLe(before - gasleft(), 28_000_000);
        vm.assertEq(emissions.state().epochs, 5201);
    }
}
