"""Flower's apps as members, and Skein's rules as Flower's strategies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from federating import Federated
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters, parameters_to_ndarrays
from network import Network
from typer.testing import CliRunner

from protocol.errors import ConfigInvalid, TaskFailed
from protocol.federated.fixed import flatten
from protocol.federated.spec import FederationSpec, Privacy, Tensor
from protocol.federated.votes import Voting
from skein.cli import app as skein
from trainer.federated.flower import FlowerData, open_flower, write_first_model
from trainer.federated.flower_app import identify
from trainer.federated.local import checked_training, open_local
from trainer.federated.perceptron import Effort
from trainer.federated.strategies import SkeinFedAvg, SkeinStrategy

APP = Path(__file__).resolve().parents[1] / "flower_app"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP))
    identify()


def spec_of(path: Path, **changes: Any) -> tuple[FederationSpec, dict[str, Any]]:
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    tensors = tuple(Tensor(name=n, shape=a.shape, dtype=str(a.dtype)) for n, a in arrays.items())  # type: ignore[arg-type]
    return FederationSpec(title="Line", tensors=tensors, exponent=3, **changes), arrays


@pytest.fixture(params=[f"flower:{APP}?partition-id={{}}", "flower:legacy:client_fn?partition-id={}"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_unmodified_app_takes_part_in_a_federation(network: Network, tmp_path: Path, source: str) -> None:
    write_first_model(source.format(0), tmp_path / "first.npz")
    # the losses are squares in tens: what counts as harm is told in the same unit
    spec, arrays = spec_of(tmp_path / "first.npz", voting=Voting(slack=5000, harm=5000))
    federated = Federated(network, tmp_path, spec, first=flatten(arrays))
    federated.found(rounds=1)
    for account in (2, 3, 4, 5):
        federated.join(account, data=source.format(account))
    federated.run()
    round_ = federated.round()
    assert round_.counted and round_.accepted == 3 and round_.model_digest == federated.record().model_digest
    assert not round_.harmful and federated.adds_up()
    work = federated.members[2].work(federated.record())
    assert work is not None
    first, now = (work._loss(work.model(d)) for d in (federated.record().parameters.model_digest, round_.model_digest))
    assert now < 0.8 * first
    federated.close()


def test_the_first_model_is_the_servers(tmp_path: Path) -> None:
    path = tmp_path / "first.npz"
    shown = CliRunner().invoke(skein, ["trainer", "first-model", f"flower:{APP}", str(path), "--json"])
    assert shown.exit_code == 0 and '"line.weight"' in shown.stdout
    spec, arrays = spec_of(path)
    assert [tensor.dtype for tensor in spec.tensors if tensor.name == "seen"] == ["int64"]
    assert arrays["line.weight"].shape == (1, 3) and int(arrays["seen"]) == 7


def test_a_clients_own_first_model(tmp_path: Path) -> None:
    assert write_first_model("flower:legacy:Client", tmp_path / "first.npz") == {"0000": (3,), "0001": (1,)}


def test_an_older_server_tells_its_clients_what_to_do_and_they_remember(tmp_path: Path) -> None:
    source = f"flower:{APP.with_name('flower_logistic')}?partition-id=1&num-partitions=3"
    assert write_first_model(source, tmp_path / "first.npz") == {"0000": (3, 4), "0001": (3,)}
    spec, weights = spec_of(tmp_path / "first.npz")
    data = open_flower(source, spec)
    first = data.evaluate(weights)
    for number in (1, 2):
        weights = checked_training(data, weights, number)  # type: ignore[assignment]
        assert data.app.context.state["seen"]["rounds"] == number
        assert data.app.context.state["seen"]["steps"] == 2 * number
    assert data.evaluate(weights) < 0.5 * first
    assert open_flower(f"{source}&steps=9", spec).app.context.run_config["steps"] == 9


def test_configs_are_what_flower_would_give(tmp_path: Path) -> None:
    write_first_model(f"flower:{APP}", tmp_path / "first.npz")
    spec, arrays = spec_of(tmp_path / "first.npz")
    quick, slow = (open_flower(f"flower:{APP}?partition-id=1&{more}", spec) for more in ("", "lr=0.0"))
    assert quick.app.message_config["lr"] == 0.1 and slow.app.message_config["lr"] == 0.0
    assert quick.app.context.run_config["local.epochs"] == 3
    weights = {name: array.astype(np.float64) for name, array in arrays.items()}
    moved, stood = (checked_training(data, weights, 1) for data in (quick, slow))
    assert np.array_equal(stood["line.weight"], weights["line.weight"].astype(np.float32))
    assert quick.evaluate(moved) < quick.evaluate(weights) and moved["seen"] == 7
    assert flatten(moved).tolist() == flatten(checked_training(quick, weights, 1)).tolist()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("flower:nowhere:app", "cannot be loaded: No module named 'nowhere'"),
        ("flower:legacy:nothing", "cannot be loaded"),
        ("flower:legacy:SLOPE", "is no ClientApp, client function or client of Flower"),
        ("flower:linear.task", "cannot be loaded"),
        (f"flower:{APP / 'linear'}", "pyproject.toml cannot be read"),
    ],
)
def test_what_is_no_app_is_named(tmp_path: Path, named: str, reason: str) -> None:
    spec = FederationSpec(title="Line", tensors=(Tensor(name="w", shape=(3,)),))
    with pytest.raises(ConfigInvalid, match=reason):
        open_local(named, spec, Effort())
    with pytest.raises(ConfigInvalid, match="its members' own code"):
        open_local("rows.csv", spec, Effort())
    private = spec.model_copy(update={"privacy": Privacy(method="dp_sgd", noise=1000, budget=1000)})
    with pytest.raises(ConfigInvalid, match="which a Flower app cannot be held to"):
        open_flower("flower:legacy:Client", private)


def test_an_app_that_fails_costs_its_member_alone() -> None:
    spec = FederationSpec(title="Line", tensors=(Tensor(name="w", shape=(3,)),))
    data = open_flower("flower:legacy:Client", spec)
    with pytest.raises(TaskFailed, match="not enough values to unpack"):
        checked_training(data, {"w": np.zeros(3)}, 0)
    assert isinstance(data, FlowerData)


# --- strategies

START = {"w": np.zeros(4, np.float32), "n": np.array(3)}


def reply(node: int, w: Any, weight: int = 1) -> Message:
    arrays = ArrayRecord(array_dict={"w": Array(np.asarray(w, np.float32)), "n": Array(np.array(9))})
    content = RecordDict({"arrays": arrays, "metrics": MetricRecord({"num-examples": weight, "loss": 1.0})})
    message = Message(RecordDict(), dst_node_id=node, message_type="train")
    return Message(content, reply_to=message)


def test_a_rule_is_a_strategy_of_flower() -> None:
    strategy = SkeinStrategy(rule="median", exponent=3)
    strategy._start = START
    replies = [reply(node, [node, 0, -node, 0.5]) for node in range(1, 6)]
    arrays, metrics = strategy.aggregate_train(1, [*replies, reply(6, [np.nan] * 4)])
    assert arrays is not None and metrics is not None and metrics["loss"] == pytest.approx(1.0)
    assert np.allclose(arrays["w"].numpy(), [3, 0, -3, 0.5], atol=1e-5) and int(arrays["n"].numpy()) == 3
    again, _ = strategy.aggregate_train(1, [reply(6, [np.nan] * 4), *reversed(replies)])
    assert again is not None and np.array_equal(again["w"].numpy(), arrays["w"].numpy())
    assert strategy.aggregate_train(1, [reply(6, [np.nan] * 4)])[0] is None


def test_a_rule_is_a_strategy_of_the_older_interface() -> None:
    class Proxy:
        def __init__(self, cid: str) -> None:
            self.cid = cid

    strategy = SkeinFedAvg(rule="mean", exponent=3)
    strategy.configure_fit(1, ndarrays_to_parameters([np.zeros(2, np.float32)]), Nobody())
    results = [
        (Proxy(str(at)), FitRes(Status(Code.OK, ""), ndarrays_to_parameters([np.full(2, at, np.float32)]), at, {}))
        for at in (1, 3)
    ]
    parameters, _ = strategy.aggregate_fit(1, results, [])
    assert np.allclose(parameters_to_ndarrays(parameters)[0], 2.5, atol=1e-5)


class Nobody:
    """A client manager without clients."""

    def num_available(self) -> int:
        return 0

    def sample(self, **_: Any) -> list[Any]:
        return []
