"""Transactions that take the place of another one with the same nonce: they must pay more."""

import logging
from typing import Any

from protocol.chain import Chain
from protocol.errors import ChainUnavailable

logger = logging.getLogger(__name__)

# Nodes take a replacement whose fees are a tenth higher; a quarter reaches the market's price in a few steps.
_BUMP = (5, 4)
_CANCEL_GAS = 21_000
_FEES = ("maxFeePerGas", "maxPriorityFeePerGas")


def cancelling(fields: dict[str, Any]) -> dict[str, Any]:
    """A transaction that does nothing: no money, to nobody, for the gas of an empty one."""
    nothing = {"to": "0x" + "00" * 20, "data": "0x", "value": 0, "gas": _CANCEL_GAS}
    return {**fields, **nothing, **_raised(fields)}


def dearer(fields: dict[str, Any], chain: Chain) -> dict[str, Any] | None:
    """The same at fees that are not below the market's; None while that is above the account's maximum."""
    try:
        market = chain.fees(chain.base_fee())
    except ChainUnavailable as error:
        logger.warning("%s", error)
        return None
    fees = {name: max(raised, market[name]) for name, raised in _raised(fields).items()}
    limit = chain.max_fee_per_gas
    return None if limit is not None and fees["maxFeePerGas"] > limit else {**fields, **fees}


def _raised(fields: dict[str, Any]) -> dict[str, int]:
    return {name: fields[name] * _BUMP[0] // _BUMP[1] + 1 for name in _FEES}
