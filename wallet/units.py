"""What amounts are counted in: SKEIN, or a token of others, which says itself what it is called and how it is cut."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass

from node.amounts import format_amount, parse_amount, round_amount
from protocol.chain import Chain
from protocol.errors import ConfigInvalid, ProtocolError

_WORD = re.compile(r"[^A-Za-z0-9.$_-]")
_MOST_DECIMALS = 36


def require_some(assets: int) -> None:
    """ConfigInvalid for no amount at all."""
    if assets == 0:
        raise ConfigInvalid("The amount is zero: give a larger one.")


@dataclass(frozen=True)
class Unit:
    """A token's symbol and its decimals. `address` is None for SKEIN."""

    symbol: str = "SKEIN"
    decimals: int = 18
    address: str | None = None

    def parse(self, text: str) -> int:
        """The integer of a decimal amount; ConfigInvalid when it is not one, is zero, or is finer than the token."""
        try:
            assets = parse_amount(text, self.decimals, self.symbol)
        except ValueError as error:
            raise ConfigInvalid(str(error)) from error
        require_some(assets)
        return assets

    def format(self, assets: int) -> str:
        """Exact, with the symbol."""
        return f"{format_amount(assets, decimals=self.decimals)} {self.symbol}"

    def round(self, assets: int, *, signed: bool = False) -> str:
        """For tables."""
        return round_amount(assets, signed=signed, decimals=self.decimals)


SKEIN = Unit()


def knowing(chain: Chain, instances: Mapping[str, str]) -> Chain:
    """The same chain and account, with further contracts (name: address)."""
    other = copy.copy(chain)
    other.deployment = chain.deployment.knowing(instances)
    return other


def unit_of(chain: Chain, token: str) -> Unit:
    """What a token says of itself; ConfigInvalid where it does not answer as an ERC-20 does."""
    known = knowing(chain, {"ERC20": token})
    try:
        symbol, decimals = str(known.call("ERC20", "symbol")), int(known.call("ERC20", "decimals"))
    except ProtocolError as error:
        raise ConfigInvalid(f"{token} does not answer as an ERC-20 token: {error}") from error
    if decimals > _MOST_DECIMALS:
        raise ConfigInvalid(f"{token} says that it has {decimals} decimals; at most {_MOST_DECIMALS} are understood.")
    return Unit(_WORD.sub("", symbol)[:12] or "?", decimals, token)
