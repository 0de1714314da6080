// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {SkeinToken} from "./SkeinToken.sol";
import {IEmissions} from "./interfaces/IEmissions.sol";
import {EmissionMath} from "./libraries/EmissionMath.sol";

/// @title The emission ledger
/// @notice See IEmissions.
/// @dev Holds what was minted until it is drawn. In units of a wei / SCALE it holds exactly what accounts have earned,
///      what the present epoch has yet to share out, what is carried, and `rest`: nothing is ever lost.
contract Emissions is IEmissions, Ownable2Step {
    using SafeERC20 for IERC20;
    using EmissionMath for State;
    using EmissionMath for Account;

    uint256 private constant LONGEST_EPOCH = 366 days;
    uint256 private constant LONGEST_PERIOD = 1e6;

    /// @inheritdoc IEmissions
    uint256 public constant CARRY_PARTS = 16;

    /// @inheritdoc IEmissions
    address public immutable TOKEN;
    /// @inheritdoc IEmissions
    uint256 public immutable START;
    /// @inheritdoc IEmissions
    uint256 public immutable EPOCH_LENGTH;
    /// @inheritdoc IEmissions
    uint256 public immutable FIRST_EMISSION;
    /// @inheritdoc IEmissions
    uint256 public immutable EPOCH_DECAY;

    /// @inheritdoc IEmissions
    mapping(address module => bool) public isModule;

    State private _state;
    mapping(address module => mapping(bytes32 id => Account)) private _account;

    /// @param start Timestamp of the first epoch; not in the past.
    /// @param epochLength Seconds.
    /// @param firstEmission E(0), token wei.
    /// @param decay E(period) / E(0), RAY.
    /// @param period Epochs.
    constructor(
        address token,
        uint256 start,
        uint256 epochLength,
        uint256 firstEmission,
        uint256 decay,
        uint256 period,
        address owner
    ) Ownable(owner) {
        require(token != address(0), ZeroAddress());
        require(start >= block.timestamp && start <= type(uint64).max / 2, InvalidSchedule("start"));
        require(epochLength > 0 && epochLength <= LONGEST_EPOCH, InvalidSchedule("epochLength"));
        require(firstEmission <= SkeinToken(token).cap(), InvalidSchedule("firstEmission"));
        require(decay > 0 && decay <= EmissionMath.RAY, InvalidSchedule("decay"));
        require(period > 0 && period <= LONGEST_PERIOD, InvalidSchedule("period"));
        TOKEN = token;
        START = start;
        EPOCH_LENGTH = epochLength;
        FIRST_EMISSION = firstEmission;
        EPOCH_DECAY = EmissionMath.root(decay, period);
        _state.updatedAt = uint64(start);
    }

    /* MODULES */

    /// @inheritdoc IEmissions
    function setWeight(bytes32 id, uint256 weight) external {
        Account memory a = _account[msg.sender][id];
        require(weight <= a.weight || isModule[msg.sender], Unauthorized(msg.sender));
        require(weight <= type(uint112).max, WeightTooLarge(weight));

        State memory s = _advance(type(uint256).max);
        a.earned = a.earnedBy(s.perWeight);
        a.mark = s.perWeight;
        uint256 total = s.totalWeight - a.weight + weight;
        require(total <= type(uint112).max, WeightTooLarge(weight));
        a.weight = uint112(weight);
        _account[msg.sender][id] = a;
        _state.totalWeight = uint112(total);
        emit WeightSet(msg.sender, id, weight, total);
    }

    /// @inheritdoc IEmissions
    function draw(bytes32 id, address receiver) external returns (uint256 assets) {
        require(receiver != address(0), ZeroAddress());
        State memory s = _advance(type(uint256).max);
        Account storage a = _account[msg.sender][id];
        uint256 scaled = EmissionMath.earnedBy(a, s.perWeight);
        assets = scaled / EmissionMath.SCALE;
        a.mark = s.perWeight;
        a.earned = scaled % EmissionMath.SCALE;
        emit Drawn(msg.sender, id, receiver, assets);

        IERC20(TOKEN).safeTransfer(receiver, assets);
    }

    /* EVERYBODY */

    /// @inheritdoc IEmissions
    function advance(uint256 mostEpochs) external returns (State memory) {
        return _advance(mostEpochs);
    }

    /// @inheritdoc IEmissions
    function acceptToken() external {
        SkeinToken(TOKEN).acceptOwnership();
    }

    /* OWNER */

    /// @inheritdoc IEmissions
    function setModule(address module, bool enabled) external onlyOwner {
        require(module != address(0), ZeroAddress());
        isModule[module] = enabled;
        emit ModuleSet(module, enabled);
    }

    /* VIEWS */

    /// @inheritdoc IEmissions
    function account(address module, bytes32 id) external view returns (Account memory) {
        return _account[module][id];
    }

    /// @inheritdoc IEmissions
    function state() external view returns (State memory) {
        return _state;
    }

    /// @inheritdoc IEmissions
    function drawable(address module, bytes32 id) external view returns (uint256 assets) {
        State memory s = _state;
        uint256 room = _room();
        while (_isDue(s)) {
            (uint256 minted, ) = _begin(s, room);
            room -= minted;
        }
        _streamToNow(s);
        return EmissionMath.earnedBy(_account[module][id], s.perWeight) / EmissionMath.SCALE;
    }

    /// @inheritdoc IEmissions
    function currentEpoch() external view returns (uint256) {
        return (block.timestamp - START) / EPOCH_LENGTH;
    }

    /// @inheritdoc IEmissions
    function scheduledEmission(uint256 epoch) external view returns (uint256 emission) {
        emission = FIRST_EMISSION;
        for (uint256 n; n < epoch && emission > 0; ++n) emission = EmissionMath.next(emission, EPOCH_DECAY);
    }

    /* INTERNALS */

    function _advance(uint256 mostEpochs) private returns (State memory s) {
        s = _state;
        if (block.timestamp <= s.updatedAt && !_isDue(s)) return s;
        uint256 room = _isDue(s) ? _room() : 0;
        uint256 toMint;
        for (uint256 n; n < mostEpochs && _isDue(s); ++n) {
            (uint256 minted, uint256 released) = _begin(s, room - toMint);
            toMint += minted;
            emit EpochFunded(s.epochs - 1, minted, released);
        }
        if (!_isDue(s)) _streamToNow(s);
        _state = s;
        if (toMint > 0) SkeinToken(TOKEN).mint(address(this), toMint);
    }

    /// @dev Shares out the rest of the present epoch and begins the next one.
    function _begin(State memory s, uint256 room) private view returns (uint256 minted, uint256 released) {
        uint256 emission = FIRST_EMISSION;
        if (s.epochs > 0) {
            s.stream(_endOf(s) - EPOCH_LENGTH, EPOCH_LENGTH, _endOf(s));
            emission = EmissionMath.next(s.scheduled, EPOCH_DECAY);
        }
        return s.open(emission, room, CARRY_PARTS);
    }

    function _streamToNow(State memory s) private view {
        if (s.epochs > 0) s.stream(_endOf(s) - EPOCH_LENGTH, EPOCH_LENGTH, block.timestamp);
    }

    function _isDue(State memory s) private view returns (bool) {
        return block.timestamp >= _endOf(s);
    }

    /// @dev Timestamp of the first second after the epochs that have begun.
    function _endOf(State memory s) private view returns (uint256) {
        return START + s.epochs * EPOCH_LENGTH;
    }

    function _room() private view returns (uint256) {
        return SkeinToken(TOKEN).cap() - SkeinToken(TOKEN).totalSupply();
    }
}
