import inspect
import json
import logging
import pickle
import re

import pytest
from eth_abi.abi import encode

from protocol import errors
from protocol.calls import decode_revert, selector
from protocol.deployment import abi
from protocol.logs import configure_logging

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, errors.ProtocolError)]


@pytest.fixture(autouse=True)
def restore_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_the_docstring_draws_the_whole_tree_and_says_what_is_retried():
    drawn = {
        name: "retry  " in rest and "not" not in rest.split("retry")[0]
        for name, rest in re.findall(r"── (\w+) +(.*)", errors.__doc__)
    }
    assert drawn == {cls.__name__: cls.retryable for cls in CLASSES if cls is not errors.ProtocolError}


@pytest.mark.parametrize(
    "error",
    [
        errors.ContractReverted("WrongPhase", {"task_id": 7, "actual": 3}, "Arena"),
        errors.ModelInvalid("tensor 'x' holds NaN"),
        errors.TaskFailed("classification", "out of memory"),
    ],
)
def test_errors_cross_a_process_border(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_a_revert_names_contract_error_and_arguments():
    assert str(errors.ContractReverted("WrongPhase", {"actual": 3}, "Arena")) == "Arena refused: WrongPhase(actual=3)."


@pytest.mark.parametrize(("contract", "told"), [("Arena", "task_id"), ("Alliance", "federation_id")])
def test_an_error_of_two_contracts_is_told_as_by_the_one_that_was_called(contract, told):
    data = selector(next(each for each in abi(contract) if each.get("name") == "WrongPhase")) + encode(
        ["uint256", "uint8"], [7, 3]
    )
    assert decode_revert("0x" + data.hex(), contract).args_ == {told: 7, "actual": 3}


def test_json_lines_carry_fields_and_exceptions(capsys):
    configure_logging("info", json=True)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("x").exception("Failed task=%d", 7, extra={"task": 7})
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"], line["task"]) == ("ERROR", "x", "Failed task=7", 7)
    assert "ValueError: boom" in line["exception"]


def test_libraries_are_quiet_unless_debugging(capsys):
    configure_logging("INFO")
    logging.getLogger("httpx").info("HTTP Request")
    logging.getLogger("protocol").info("Indexed blocks")
    assert capsys.readouterr().err.strip().endswith("INFO    protocol: Indexed blocks")
    configure_logging("DEBUG")
    logging.getLogger("httpx").info("HTTP Request")
    assert "HTTP Request" in capsys.readouterr().err


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging("loud")
