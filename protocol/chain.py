"""The chain as the programs see it: typed reads, and transactions that end in a receipt or a named refusal."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from protocol.calls import Record, decode_result, encode_call
from protocol.deployment import Deployment
from protocol.errors import ChainUnavailable, ConfigInvalid, NotNow, OutOfGas
from protocol.rpc import RequestRefused, Rpc
from protocol.transactions import Block, Receipt, Signed, meaning_of, read_receipt, refusal

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount

logger = logging.getLogger(__name__)

# An estimate holds for the state it was made in; the state moves until the transaction is mined: a quarter more, and
# what it takes to begin a few records (emission has some for every second).
GAS_MARGIN, GAS_RESERVE = (5, 4), 200_000
_PRIORITY_FEE = 10**9  # wei a gas, where the node has no opinion
# A transaction that the node already has is as good as sent; the nodes' words for it.
_KNOWN = ("already known", "already imported", "known transaction", "alreadyknown")
# The nodes' words for a nonce that another transaction has.
_TAKEN = ("nonce too low", "underpriced")
_TRIES = 5


class Chain:
    """One network's contracts through RPC endpoints, for one account or, without one, for reading only.

    Network failures are retried and end as `ChainUnavailable`; refusals of the contracts are `ContractReverted`.
    """

    def __init__(
        self,
        rpc_url: str | Sequence[str],
        deployment: Deployment,
        account: "LocalAccount | None" = None,
        timeout: float = 120.0,
        max_fee_per_gas: int | None = None,
    ) -> None:
        """`timeout`: seconds to wait for a receipt; `max_fee_per_gas`: wei, above which nothing is sent."""
        self.rpc = Rpc(rpc_url, deployment.chain_id)
        self.deployment = deployment
        self.account = account
        self.timeout = timeout
        self.max_fee_per_gas = max_fee_per_gas
        self._sending = threading.Lock()
        self._found = False  # whether a contract has answered before

    @property
    def address(self) -> str:
        """The account's address."""
        return str(self._signer().address)

    def _signer(self) -> "LocalAccount":
        if self.account is None:
            raise ConfigInvalid("This needs a key: give a key file with --keystore or SKEIN_KEYSTORE.")
        return self.account

    # --- reading

    def call(self, contract: str, function: str, *args: Any, block: str | int = "latest") -> Any:
        """What a view returns: one value, or a `Record` for a struct or several named values."""
        request = self._request(contract, function, args)
        return self._execute(contract, function, request, hex(block) if isinstance(block, int) else block)

    def simulate(self, contract: str, function: str, *args: Any) -> Any:
        """What the transaction would return if the account sent it now; `ContractReverted` if it would be refused."""
        request = {**self._request(contract, function, args), "from": self.address}
        return self._execute(contract, function, request, "pending")

    def _request(self, contract: str, function: str, args: Sequence[Any]) -> dict[str, Any]:
        return {"to": self.deployment.address(contract), "data": encode_call(contract, function, args)}

    def _execute(self, contract: str, function: str, request: dict[str, Any], block: str) -> Any:
        data = self._revertible("eth_call", contract, request, block)
        try:
            result = decode_result(contract, function, data)
        except ValueError as error:
            if self._found:
                raise ChainUnavailable(
                    f"The chain's node does not know {contract} any more: it is far behind, or its chain was changed."
                ) from error
            raise ConfigInvalid(
                f"There is no {contract} at {request['to']} on chain {self.deployment.chain_id}: the deployment file "
                "is of another network, or the local chain was started anew."
            ) from error
        self._found = True
        return result

    def _revertible(self, method: str, contract: str, *params: Any) -> Any:
        try:
            return self.rpc.request(method, *params)
        except RequestRefused as refused:
            raise meaning_of(refused, contract) from refused

    def head(self) -> Block:
        """The newest block."""
        return self._block("latest")

    def block(self, number: int) -> Block:
        """The block of that number; `ChainUnavailable` when the node does not have it (yet)."""
        return self._block(hex(number))

    def _block(self, tag: str) -> Block:
        found = self._raw_block(tag)
        return Block(int(found["number"], 16), int(found["timestamp"], 16), found["hash"])

    def _raw_block(self, tag: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self.rpc.request("eth_getBlockByNumber", tag, False)
        if found is None:
            raise ChainUnavailable(f"The chain's node has no block {tag} yet: it may still be catching up.")
        return found

    def now(self) -> int:
        """The time that a transaction sent now would see: the pending block's, never before the newest block's.

        The newest block's own time would stand still on a chain that only makes blocks for transactions.
        """
        pending = self.rpc.request("eth_getBlockByNumber", "pending", False)
        latest = self.head().timestamp
        return max(latest, int(pending["timestamp"], 16)) if pending else latest

    def task(self, task_id: int) -> Record:
        """IArena.Task."""
        return _as_record(self.call("Arena", "task", task_id))

    def submission(self, task_id: int, submission_id: int) -> Record:
        """IArena.Submission."""
        return _as_record(self.call("Arena", "submission", task_id, submission_id))

    def validator(self, task_id: int, address: str) -> Record:
        """IArena.Validator; its index is 0 for an address that is not a validator of the task."""
        return _as_record(self.call("Arena", "validator", task_id, address))

    def pool(self, operator: str) -> Record:
        """IStaking.Pool."""
        return _as_record(self.call("Staking", "pool", operator))

    def token_balance(self, address: str) -> int:
        """SKEIN, token wei."""
        return int(self.call("SkeinToken", "balanceOf", address))

    def balance(self, address: str) -> int:
        """The chain's own money, by which gas is paid, wei."""
        return int(self.rpc.request("eth_getBalance", address, "latest"), 16)

    def nonce(self, block: str | int = "pending") -> int:
        """The account's next nonce."""
        tag = hex(block) if isinstance(block, int) else block
        return int(self.rpc.request("eth_getTransactionCount", self.address, tag), 16)

    # --- writing

    def send(self, contract: str, function: str, *args: Any, value: int = 0) -> Receipt:
        """Send a transaction and wait until it is mined; a refusal is `ContractReverted`, mostly before gas is spent.

        Not for clients that may die at any moment: after a crash nobody knows whether it was sent (`node.sender` does).
        """
        for _ in range(_TRIES):
            signed = self._submit(contract, function, args, value)
            # a program with the same key that chose the same nonce, and a higher fee, replaces what waits
            receipt = self._await(signed.hash, self.timeout, signed.nonce)
            if receipt is not None:
                return receipt
        raise ChainUnavailable(
            f"Another program with the key of {self.address} replaces what is sent again and again: stop one of them."
        )

    def _submit(self, contract: str, function: str, args: Sequence[Any], value: int) -> Signed:
        """Broadcast, with another nonce if a program with the same key was quicker."""
        for left in reversed(range(_TRIES)):
            with self._sending:  # two threads must not take the same nonce
                signed = self.sign(self.build(contract, function, *args, value=value))
                try:
                    self.broadcast(signed.raw)
                    break
                except RequestRefused as refused:
                    # a first answer that was lost looks like a nonce that is used up
                    if self.rpc.request("eth_getTransactionByHash", signed.hash):
                        break
                    if not left or not any(word in refused.reason.lower() for word in _TAKEN):
                        raise
        return signed

    def estimate(self, contract: str, function: str, *args: Any, value: int = 0) -> int:
        """Gas that the transaction would use now."""
        request = {**self._request(contract, function, args), "from": self.address, "value": hex(value)}
        return int(self._revertible("eth_estimateGas", contract, request, "pending"), 16)

    def build(
        self, contract: str, function: str, *args: Any, nonce: int | None = None, value: int = 0
    ) -> dict[str, Any]:
        """An unsigned EIP-1559 transaction with gas, fees and nonce filled in."""
        request = self._request(contract, function, args)
        gas = self.estimate(contract, function, *args, value=value) * GAS_MARGIN[0] // GAS_MARGIN[1] + GAS_RESERVE
        latest = self._raw_block("latest")
        return {
            "type": 2,
            "chainId": self.deployment.chain_id,
            "to": request["to"],
            "data": request["data"],
            "value": value,
            "nonce": self.nonce() if nonce is None else nonce,
            "gas": min(gas, int(latest["gasLimit"], 16)),
            **self.fees(int(latest.get("baseFeePerGas", "0x0"), 16)),
        }

    def base_fee(self) -> int:
        """What the newest block asked for a unit of gas, wei."""
        return int(self._raw_block("latest").get("baseFeePerGas", "0x0"), 16)

    def fees(self, base_fee: int) -> dict[str, int]:
        """Fees that stay good while the base fee doubles (six full blocks); `NotNow` above the maximum."""
        try:
            priority = int(self.rpc.request("eth_maxPriorityFeePerGas"), 16)
        except RequestRefused:
            priority = _PRIORITY_FEE
        limit = self.max_fee_per_gas
        if limit is not None and base_fee + priority > limit:
            raise NotNow(
                f"Gas costs {(base_fee + priority) / 1e9:.3g} gwei, above the maximum of {limit / 1e9:.3g} gwei: "
                "wait, or raise SKEIN_MAX_FEE_GWEI."
            )
        highest = 2 * base_fee + priority
        return {"maxFeePerGas": min(highest, limit or highest), "maxPriorityFeePerGas": priority}

    def sign(self, transaction: dict[str, Any]) -> Signed:
        """Sign a built transaction with the account's key."""
        signed = self._signer().sign_transaction(transaction)
        return Signed(
            "0x" + bytes(signed.raw_transaction).hex(),
            "0x" + bytes(signed.hash).hex(),
            transaction["nonce"],
            transaction["maxFeePerGas"],
        )

    def broadcast(self, raw: str) -> None:
        """Give signed bytes to the network. Repeating it is harmless.

        Raises `RequestRefused` when the node does not take them (say, because their nonce is used up).
        """
        try:
            self.rpc.request("eth_sendRawTransaction", raw)
        except RequestRefused as refused:
            if any(word in refused.reason.lower() for word in _KNOWN):
                return
            if "insufficient funds" in refused.reason.lower():
                raise self._no_funds() from refused
            raise

    def _no_funds(self) -> OutOfGas:
        return OutOfGas(
            f"{self.address} has {self.balance(self.address) / 1e18:.6f} of the chain's own money, too little for gas: "
            "send it some."
        )

    def raw_receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        """The receipt as the node gives it, None while the transaction is not mined."""
        found: dict[str, Any] | None = self.rpc.request("eth_getTransactionReceipt", transaction_hash)
        return found if found and found.get("blockNumber") else None

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """The receipt, None while the transaction is not mined; `ContractReverted` when it was mined and refused."""
        found = self.raw_receipt(transaction_hash)
        if found is not None and int(found["status"], 16) == 0:
            raise refusal(self.rpc, self.deployment, found)
        return read_receipt(found, self.deployment) if found else None

    def wait(self, transaction_hash: str, timeout: float | None = None) -> Receipt:
        """The receipt, once there is one; `ChainUnavailable` after `timeout` seconds without."""
        receipt = self._await(transaction_hash, self.timeout if timeout is None else timeout)
        assert receipt is not None
        return receipt

    def _await(self, transaction_hash: str, seconds: float, nonce: int | None = None) -> Receipt | None:
        """The receipt; None when another transaction took the `nonce`, so that this one can never be mined."""
        give_up, pause = time.monotonic() + seconds, 0.02
        while (receipt := self.receipt(transaction_hash)) is None:
            if time.monotonic() > give_up:
                raise ChainUnavailable(
                    f"Transaction {transaction_hash} was not mined in {seconds:g} s; it may still be: look later."
                )
            # not by the transaction itself, mined between the two questions
            is_used = nonce is not None and self.nonce("latest") > nonce
            if is_used and not self.rpc.request("eth_getTransactionByHash", transaction_hash):
                return None
            time.sleep(pause)
            pause = min(1.5 * pause, 1.0)
        return receipt


def _as_record(value: Any) -> Record:
    if not isinstance(value, Record):
        raise TypeError(f"a struct was expected, not {type(value).__name__}")
    return value
