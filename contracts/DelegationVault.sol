// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDelegationVault} from "./interfaces/IDelegationVault.sol";
import {IStaking} from "./interfaces/IStaking.sol";
import {SharesMath} from "./libraries/SharesMath.sol";

/// @title A delegation to one operator as an ERC-4626 vault
/// @notice See IDelegationVault. Holds no rules and no stake: the stake ledger does.
contract DelegationVault is IDelegationVault, ERC20Permit, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IDelegationVault
    address public immutable STAKING;
    /// @inheritdoc IDelegationVault
    address public immutable OPERATOR;
    address private immutable _ASSET;

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

    /// @inheritdoc IDelegationVault
    function requestRedeem(
        uint256 shares,
        address receiver,
        address owner
    ) external nonReentrant returns (uint256 withdrawalId) {
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);
        _burn(owner, shares);
        emit RedeemRequested(IStaking(STAKING).withdrawalCount() + 1, receiver, owner, msg.sender, shares);

        uint256 leaving = totalSupply() == 0 ? IStaking(STAKING).sharesOf(OPERATOR, address(this)) : shares;
        withdrawalId = IStaking(STAKING).requestWithdrawalTo(OPERATOR, leaving, receiver);
    }

    /// @notice See IERC4626 and `maxWithdraw`.
    function withdraw(uint256 assets, address receiver, address owner) external returns (uint256 shares) {
        require(assets == 0, ERC4626ExceededMaxWithdraw(owner, assets, 0));
        emit Withdraw(msg.sender, receiver, owner, 0, 0);
        return 0;
    }

    /// @notice See IERC4626 and `maxRedeem`.
    function redeem(uint256 shares, address receiver, address owner) external returns (uint256 assets) {
        require(shares == 0, ERC4626ExceededMaxRedeem(owner, shares, 0));
        emit Withdraw(msg.sender, receiver, owner, 0, 0);
        return 0;
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

    /// @notice 0: leaving takes the cool-down. See `requestRedeem`.
    function maxWithdraw(address) external pure returns (uint256) {
        return 0;
    }

    /// @notice 0: leaving takes the cool-down. See `requestRedeem`.
    function maxRedeem(address) external pure returns (uint256) {
        return 0;
    }

    /// @notice See IERC4626: exactly what `deposit` gives.
    function previewDeposit(uint256 assets) external view returns (uint256) {
        return convertToShares(assets);
    }

    /// @notice See IERC4626: exactly what `mint` takes.
    function previewMint(uint256 shares) public view returns (uint256) {
        return _convert(shares, SharesMath.toAssetsUp);
    }

    /// @notice See IERC4626: the price, whatever maxWithdraw is.
    function previewWithdraw(uint256 assets) external view returns (uint256) {
        return _convert(assets, SharesMath.toSharesUp);
    }

    /// @notice See IERC4626: the price, whatever maxRedeem is.
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
