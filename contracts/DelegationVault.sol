// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IERC7540Operator, IERC7540Redeem} from "./interfaces/IERC7540.sol";
import {IDelegationVault} from "./interfaces/IDelegationVault.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {SharesMath} from "./libraries/SharesMath.sol";

/// @title A delegation to one operator as a vault: ERC-4626, left by ERC-7540
/// @notice See IDelegationVault. Holds no rules and no stake: the stake ledger does.
contract DelegationVault is IDelegationVault, ERC20Permit, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IDelegationVault
    address public immutable STAKING;
    /// @inheritdoc IDelegationVault
    address public immutable OPERATOR;
    /// @inheritdoc IDelegationVault
    uint256 public constant COUNTED = 32;
    address private immutable _ASSET;

    /// @param shares What of it is not claimed.
    /// @param next The controller's next request; 0: there is none.
    struct Request {
        uint128 shares;
        uint64 next;
    }

    /// @param first The oldest request that is not claimed; 0: there is none, and `last` says nothing.
    struct Queue {
        uint64 first;
        uint64 last;
    }

    bytes4 private constant ERC7575_MINIMAL = 0x50a526d6;
    bytes4 private constant ERC7575_DEPOSIT = 0xc1f329ef;
    bytes4 private constant ERC7575_MINT = 0xe1550342;
    bytes4 private constant ERC7575_REDEEM = 0x2fd7d42a;
    bytes4 private constant ERC7575_WITHDRAW = 0x70dec094;
    bytes4 private constant ERC7575_ALL = 0x2f0a18c5;

    /// @inheritdoc IERC7540Operator
    mapping(address controller => mapping(address operator => bool)) public isOperator;
    mapping(address controller => Queue) private _queue;
    mapping(address controller => mapping(uint256 requestId => Request)) private _request;

    constructor(
        address staking,
        address operator
    )
        ERC20(string.concat("Skein delegated to ", Strings.toChecksumHexString(operator)), "dSKEIN")
        ERC20Permit("Skein delegation")
    {
        require(staking != address(0) && operator != address(0), ZeroAddress());
        STAKING = staking;
        OPERATOR = operator;
        _ASSET = IStaking(staking).TOKEN();
    }

    /* ENTERING */

    /// @notice See IERC4626.
    function deposit(uint256 assets, address receiver) external nonReentrant returns (uint256 shares) {
        if (assets > 0) shares = _delegate(assets);
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    /// @notice See IERC4626.
    function mint(uint256 shares, address receiver) external nonReentrant returns (uint256 assets) {
        assets = previewMint(shares);
        if (assets > 0) _delegate(assets);
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    /* LEAVING */

    /// @inheritdoc IERC7540Operator
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    /// @inheritdoc IERC7540Redeem
    function requestRedeem(
        uint256 shares,
        address controller,
        address owner
    ) external nonReentrant returns (uint256 requestId) {
        require(controller != address(0), ZeroAddress());
        require(shares != 0, ZeroAmount());
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);
        _burn(owner, shares);

        uint256 leaving = totalSupply() == 0 ? IStaking(STAKING).sharesOf(OPERATOR, address(this)) : shares;
        requestId = IStaking(STAKING).requestHeldWithdrawal(OPERATOR, leaving, controller);
        _append(controller, requestId, shares);
        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    /// @notice See IERC4626 and IDelegationVault: claims `assets` of the controller's requests.
    function withdraw(
        uint256 assets,
        address receiver,
        address controller
    ) external nonReentrant returns (uint256 shares) {
        _requireController(controller, assets);
        uint256 left = assets;
        while (left != 0) {
            (uint256 id, uint256 waiting) = _first(controller);
            require(id != 0, ERC4626ExceededMaxWithdraw(controller, assets, assets - left));
            uint256 worth = IStaking(STAKING).withdrawable(id);
            if (left >= worth) {
                left -= worth;
                shares += waiting;
                _payAll(controller, id, receiver);
            } else {
                uint256 burned = Math.min(Math.mulDiv(left, waiting, worth, Math.Rounding.Ceil), waiting - 1);
                shares += burned;
                _request[controller][id].shares = uint128(waiting - burned);
                IStaking(STAKING).withdrawTo(id, left, receiver);
                left = 0;
            }
        }
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
    }

    /// @notice See IERC4626 and IDelegationVault: claims `shares` of the controller's requests.
    function redeem(
        uint256 shares,
        address receiver,
        address controller
    ) external nonReentrant returns (uint256 assets) {
        _requireController(controller, shares);
        uint256 left = shares;
        while (left != 0) {
            (uint256 id, uint256 waiting) = _first(controller);
            require(id != 0, ERC4626ExceededMaxRedeem(controller, shares, shares - left));
            if (left >= waiting) {
                left -= waiting;
                assets += _payAll(controller, id, receiver);
            } else {
                uint256 most = claimableRedeemRequest(id, controller);
                require(left <= most, ERC4626ExceededMaxRedeem(controller, shares, shares - left + most));
                uint256 part = Math.mulDiv(IStaking(STAKING).withdrawable(id), left, waiting);
                _request[controller][id].shares = uint128(waiting - left);
                if (part != 0) assets += IStaking(STAKING).withdrawTo(id, part, receiver);
                left = 0;
            }
        }
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
    }

    /* VIEWS */

    /// @notice See IERC4626.
    function asset() external view returns (address) {
        return _ASSET;
    }

    /// @notice See IERC4626.
    function totalAssets() external view returns (uint256) {
        return IStaking(STAKING).assetsOf(OPERATOR, address(this));
    }

    /// @notice See IERC4626. What the ledger takes now: nothing while entries are paused, the operator has no stake of
    ///         its own, or its pool is degraded.
    function maxDeposit(address) public view returns (uint256) {
        IStaking.Pool memory pool = IStaking(STAKING).pool(OPERATOR);
        (uint256 assets, uint256 shares) = (pool.delegated.assets, pool.delegated.shares);
        bool closed = pool.own.assets == 0 || block.timestamp < IStaking(STAKING).pausedUntil();
        if (closed || SharesMath.isDegraded(assets, shares)) return 0;
        uint256 space = IStaking(STAKING).MAX_TOTAL_ASSETS() - IStaking(STAKING).totalAssets();
        return Math.min(space, SharesMath.toAssetsDown(type(uint128).max - shares, assets, shares));
    }

    /// @notice See IERC4626.
    function maxMint(address receiver) external view returns (uint256) {
        return convertToShares(maxDeposit(receiver));
    }

    /// @notice See IERC4626: what the controller can claim now, of its oldest requests.
    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (assets, ) = _claimable(controller);
    }

    /// @notice See IERC4626: what the controller can claim now, of its oldest requests.
    function maxRedeem(address controller) external view returns (uint256 shares) {
        (, shares) = _claimable(controller);
    }

    /// @inheritdoc IERC7540Redeem
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return _request[controller][requestId].shares - claimableRedeemRequest(requestId, controller);
    }

    /// @inheritdoc IERC7540Redeem
    function claimableRedeemRequest(uint256 requestId, address controller) public view returns (uint256 shares) {
        (, shares) = _claimableOf(requestId, _request[controller][requestId].shares, _free());
    }

    /// @notice See IERC4626: exactly what `deposit` gives.
    function previewDeposit(uint256 assets) external view returns (uint256) {
        return convertToShares(assets);
    }

    /// @notice See IERC4626: exactly what `mint` takes.
    function previewMint(uint256 shares) public view returns (uint256) {
        return _convert(shares, SharesMath.toAssetsUp);
    }

    /// @notice See IERC4626: the price, whatever can be claimed.
    function previewWithdraw(uint256 assets) external view returns (uint256) {
        return _convert(assets, SharesMath.toSharesUp);
    }

    /// @notice See IERC4626: the price, whatever can be claimed.
    function previewRedeem(uint256 shares) external view returns (uint256) {
        return convertToAssets(shares);
    }

    /// @notice See IERC4626.
    function convertToShares(uint256 assets) public view returns (uint256) {
        return _convert(assets, SharesMath.toSharesDown);
    }

    /// @notice See IERC4626.
    function convertToAssets(uint256 shares) public view returns (uint256) {
        return _convert(shares, SharesMath.toAssetsDown);
    }

    /// @notice The token's 18, and the six of shares at par.
    function decimals() public pure override(ERC20, IERC20Metadata) returns (uint8) {
        return 24;
    }

    /// @inheritdoc IDelegationVault
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return
            id == type(IERC165).interfaceId ||
            id == type(IERC7540Operator).interfaceId ||
            id == type(IERC7540Redeem).interfaceId ||
            id == ERC7575_MINIMAL ||
            id == ERC7575_DEPOSIT ||
            id == ERC7575_MINT ||
            id == ERC7575_REDEEM ||
            id == ERC7575_WITHDRAW ||
            id == ERC7575_ALL;
    }

    /// @dev A controller's requests are a chain, oldest and so ripest first. Shares fit: the ledger counts them so.
    function _append(address controller, uint256 id, uint256 shares) private {
        Queue storage queue = _queue[controller];
        _request[controller][id].shares = uint128(shares);
        if (queue.first == 0) queue.first = uint64(id);
        else _request[controller][queue.last].next = uint64(id);
        queue.last = uint64(id);
    }

    function _payAll(address controller, uint256 id, address receiver) private returns (uint256 assets) {
        _queue[controller].first = _request[controller][id].next;
        delete _request[controller][id];
        return IStaking(STAKING).withdrawTo(id, type(uint256).max, receiver);
    }

    /// @dev Claims of nothing are let through: programs that know only ERC-4626 may try them.
    function _requireController(address controller, uint256 amount) private view {
        bool isAllowed = amount == 0 || msg.sender == controller || isOperator[controller][msg.sender];
        require(isAllowed, Unauthorized(msg.sender));
    }

    function _first(address controller) private view returns (uint256 id, uint256 shares) {
        id = _queue[controller].first;
        shares = _request[controller][id].shares;
    }

    function _claimable(address controller) private view returns (uint256 assets, uint256 shares) {
        uint256 free = _free();
        uint256 id = _queue[controller].first;
        for (uint256 i; i < COUNTED && id != 0; ++i) {
            Request memory request = _request[controller][id];
            (uint256 more, uint256 moreShares) = _claimableOf(id, request.shares, free - assets);
            assets += more;
            shares += moreShares;
            if (moreShares < request.shares) break;
            id = request.next;
        }
    }

    /// @dev Of a request of `shares`, while `free` assets may leave the pool.
    function _claimableOf(uint256 id, uint256 shares, uint256 free) private view returns (uint256, uint256) {
        if (block.timestamp < IStaking(STAKING).withdrawal(id).maturesAt) return (0, 0);
        uint256 worth = IStaking(STAKING).withdrawable(id);
        if (worth <= free) return (worth, shares);
        return (free, Math.mulDiv(shares, free, worth));
    }

    /// @dev What the locks let out of the pool: the ledger's rule for delegated stake.
    function _free() private view returns (uint256) {
        IStaking.Pool memory pool = IStaking(STAKING).pool(OPERATOR);
        (IStaking.Tranche memory own, IStaking.Tranche memory others) = (pool.own, pool.delegated);
        uint256 total = uint256(own.assets) + own.exitingAssets + others.assets + others.exitingAssets;
        return total - pool.locked;
    }

    function _delegate(uint256 assets) private returns (uint256 shares) {
        IERC20(_ASSET).safeTransferFrom(msg.sender, STAKING, assets);
        return IStaking(STAKING).depositSent(OPERATOR, assets, address(this));
    }

    /// @param formula One of SharesMath.
    function _convert(
        uint256 amount,
        function(uint256, uint256, uint256) pure returns (uint256) formula
    ) private view returns (uint256) {
        (uint256 poolAssets, uint256 poolShares) = IStaking(STAKING).delegatedTo(OPERATOR);
        return formula(amount, poolAssets, poolShares);
    }
}
