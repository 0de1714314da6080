"""Dry runs: an action on a copy of the newest state, in one request that changes nothing (`eth_simulateV1`)."""

from collections.abc import Mapping
from typing import Any

from protocol.calls import decode_result, decode_revert, encode_call
from protocol.chain import Chain
from protocol.errors import ChainUnavailable, ConfigInvalid
from protocol.events import Event, decode
from protocol.rpc import RequestRefused
from wallet.actions import Action, Change, Figure, Outcome, Step
from wallet.units import knowing

_UNKNOWN_METHOD = -32601
_PLACE = {
    "blockNumber": "0x0",
    "blockHash": "0x",
    "transactionHash": "0x",
    "transactionIndex": "0x0",
    "logIndex": "0x0",
}


def preview(chain: Chain, sender: str, action: Action) -> Outcome:
    """What `carry_out` would do now if `sender` signed; raises ContractReverted for the first call that is refused.

    The figures are read in the same simulated block as the calls, before and after them.
    """
    chain = knowing(chain, action.instances)
    reads = [_request(chain, sender, figure.contract, figure.function, figure.arguments) for figure in action.figures]
    sends = [_request(chain, sender, call.contract, call.function, call.arguments) for call in action.calls]
    answers = _simulate(chain, [*reads, *sends, *reads])
    before = _figures(action, answers[: len(reads)])
    done = answers[len(reads) : len(reads) + len(sends)]
    steps = tuple(_step(chain, action, at, answer) for at, answer in enumerate(done))
    after = _figures(action, answers[len(reads) + len(sends) :])
    listed = zip(action.figures, before, after, strict=True)
    changes = tuple(Change(figure.label, old, new, figure.unit) for figure, old, new in listed)
    price = int(chain.rpc.request("eth_gasPrice"), 16)
    return Outcome(True, steps, changes, price * sum(step.gas_used for step in steps))


def _request(chain: Chain, sender: str, contract: str, function: str, arguments: tuple[Any, ...]) -> dict[str, str]:
    data = encode_call(contract, function, arguments)
    return {"from": sender, "to": chain.deployment.address(contract), "data": data}


def _simulate(chain: Chain, calls: list[dict[str, str]]) -> list[dict[str, Any]]:
    time = max(chain.now(), chain.head().timestamp + 1)
    block = {"blockOverrides": {"time": hex(time)}, "calls": calls}
    try:
        result = chain.rpc.request("eth_simulateV1", {"blockStateCalls": [block], "validation": False}, "latest")
    except RequestRefused as refused:
        if refused.code == _UNKNOWN_METHOD:
            raise ConfigInvalid(
                "The chain's node cannot simulate (it does not know eth_simulateV1): use another endpoint, or go "
                "without --dry-run."
            ) from refused
        raise
    answers: list[dict[str, Any]] = result[0]["calls"]
    if len(answers) != len(calls):
        raise ChainUnavailable("The chain's node answered only a part of the simulation: try again.")
    return answers


def _step(chain: Chain, action: Action, at: int, answer: Mapping[str, Any]) -> Step:
    call = action.calls[at]
    if answer["status"] != "0x1":
        data = (answer.get("error") or {}).get("data") or answer["returnData"]
        raise decode_revert(data, call.contract)
    events = (_event(chain, log) for log in answer["logs"])
    return Step(call.what, int(answer["gasUsed"], 16), None, tuple(event for event in events if event))


def _event(chain: Chain, log: Mapping[str, Any]) -> Event | None:
    """Nodes fill in the place of a simulated log differently, and it means nothing."""
    return decode({**_PLACE, "address": log["address"], "topics": log["topics"], "data": log["data"]}, chain.deployment)


def _figures(action: Action, answers: list[dict[str, Any]]) -> list[int]:
    return [_figure(figure, answer) for figure, answer in zip(action.figures, answers, strict=True)]


def _figure(figure: Figure, answer: Mapping[str, Any]) -> int:
    if answer["status"] != "0x1":
        raise decode_revert(answer["returnData"], figure.contract)
    return figure.pick(decode_result(figure.contract, figure.function, answer["returnData"]))
