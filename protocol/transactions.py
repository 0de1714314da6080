"""What the chain says of blocks and transactions, as values."""

from typing import Any, NamedTuple

from protocol.calls import decode_revert
from protocol.deployment import Deployment
from protocol.errors import ConfigInvalid, ContractReverted
from protocol.events import Event, decode
from protocol.rpc import RequestRefused, Rpc


class Block(NamedTuple):
    """A block's number, timestamp (seconds) and hash."""

    number: int
    timestamp: int
    hash: str


class Receipt(NamedTuple):
    """A mined transaction: gas_price in wei a gas, events those of our contracts, in order."""

    transaction_hash: str
    block_number: int
    block_hash: str
    gas_used: int
    gas_price: int
    events: list[Event]

    def event(self, name: str) -> Event:
        """The first event of that name ("Arena.TaskCreated"); LookupError if there is none."""
        return next(event for event in self.events if event.name == name)


class Signed(NamedTuple):
    """A signed transaction: the bytes to send (hex), its hash, and the nonce and fees that it carries."""

    raw: str
    hash: str
    nonce: int
    max_fee_per_gas: int


def read_receipt(raw: dict[str, Any], deployment: Deployment) -> Receipt:
    """A JSON-RPC receipt of a transaction that succeeded."""
    events = (decode(log, deployment) for log in raw["logs"])
    return Receipt(
        raw["transactionHash"],
        int(raw["blockNumber"], 16),
        raw["blockHash"],
        int(raw["gasUsed"], 16),
        int(raw.get("effectiveGasPrice", "0x0"), 16),
        [event for event in events if event is not None],
    )


def meaning_of(refused: RequestRefused, contract: str) -> ContractReverted | ConfigInvalid | RequestRefused:
    """A refusal by a contract, by an empty purse, or by the node itself."""
    data = refused.data.get("data") if isinstance(refused.data, dict) else refused.data
    if refused.code == 3 or "revert" in refused.reason.lower():
        return decode_revert(data if isinstance(data, str) and data.startswith("0x") else None, contract)
    if "insufficient funds" in refused.reason.lower():
        return ConfigInvalid("The account has too little of the chain's own money for gas: send it some.")
    return refused


def refusal(rpc: Rpc, deployment: Deployment, mined: dict[str, Any]) -> ContractReverted:
    """Why a mined transaction was refused. Receipts do not say: it is run again on the state around it."""
    sent = rpc.request("eth_getTransactionByHash", mined["transactionHash"])
    contract = deployment.name_of(mined["to"] or "") or "The contract"
    if int(mined["gasUsed"], 16) >= int(sent["gas"], 16):
        return ContractReverted("OutOfGas", {"gas": int(sent["gas"], 16)}, contract)
    request = {key: sent[key] for key in ("from", "to", "value")} | {"data": sent["input"]}
    for block in (int(mined["blockNumber"], 16) - 1, int(mined["blockNumber"], 16)):
        try:
            rpc.request("eth_call", request, hex(max(block, 0)))
        except RequestRefused as refused:
            meaning = meaning_of(refused, contract)
            if isinstance(meaning, ContractReverted):
                return meaning
    return ContractReverted("Reverted", {"transaction": mined["transactionHash"]}, contract)
