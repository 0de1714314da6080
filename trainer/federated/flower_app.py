"""Finding a Flower app and giving it what its runtime would: the configs, a context, and the first message."""

import importlib
import inspect
import logging
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from protocol.errors import ConfigInvalid
from trainer.federated.local import find_modules_here

logger = logging.getLogger(__name__)

Scalar = bool | float | int | str
_NODE = 1


class _Captured(Exception):
    """The ServerApp has sent its first messages."""


@dataclass
class App:
    """A Flower app: its ClientApp, perhaps its ServerApp, and their configs."""

    name: str
    client: Any
    is_legacy: bool
    server: str = ""
    run_config: dict[str, Scalar] = field(default_factory=dict)
    node_config: dict[str, Scalar] = field(default_factory=dict)

    @cached_property
    def context(self) -> Any:
        """What stays with the client between rounds."""
        flwr = flwr_module("flwr.app")
        return flwr.Context(1, _NODE, self.node_config, flwr.RecordDict(), self.run_config)

    @cached_property
    def message_config(self) -> dict[str, Scalar]:
        """What its ServerApp puts into messages, with what the member sets on top."""
        sent = self._first_message
        told = dict(next(iter(sent.config_records.values()), {})) if sent is not None else dict(self.run_config)
        told.pop("server-round", None)
        return {**told, **self.node_config}

    def first_arrays(self) -> dict[str, NDArray[Any]]:
        """The model that the app begins with. ConfigInvalid if it tells none."""
        sent = self._first_message
        if sent is not None:
            return {name: array.numpy() for name, array in next(iter(sent.array_records.values())).items()}
        parameters = self._server_parameters() or self._client_parameters()
        if parameters is None:
            raise ConfigInvalid(f"{self.name} tells no first model: write its arrays with numpy.savez instead.")
        arrays = flwr_module("flwr.common").parameters_to_ndarrays(parameters)
        return {f"{place:04d}": np.asarray(array) for place, array in enumerate(arrays)}

    @cached_property
    def _first_message(self) -> Any:
        """The content of what a ServerApp sends first; None where there is none, or one of the older interface."""
        app = self._server_app
        if app is None or app._main is None:
            return None
        try:
            app(_grid(), self._server_context())
        except _Captured as captured:
            return captured.args[0]
        except Exception as error:  # whatever the app's code raises: its client may do without
            logger.warning("The ServerApp of %s cannot be asked for its config: %s", self.name, error)
        return None

    @cached_property
    def _server_app(self) -> Any:
        return _load(self.server) if self.server else None

    def _server_context(self) -> Any:
        flwr = flwr_module("flwr.app")
        return flwr.Context(1, 0, {}, flwr.RecordDict(), self.run_config)

    def legacy_config(self, what: str, number: int) -> dict[str, Scalar]:
        """What the strategy of a ServerApp of the older interface tells its clients in a round."""
        tell = getattr(self._strategy, "on_fit_config_fn" if what == "train" else "on_evaluate_config_fn", None)
        return dict(tell(number)) if tell is not None else {}

    @cached_property
    def _strategy(self) -> Any:
        app = self._server_app
        if app is None or app._server_fn is None:
            return None
        try:
            return app._server_fn(self._server_context()).strategy
        except Exception as error:  # whatever the app's code raises: its client may do without
            logger.warning("The ServerApp of %s cannot be asked for its strategy: %s", self.name, error)
        return None

    def _server_parameters(self) -> Any:
        return self._strategy and self._strategy.initialize_parameters(None)

    def _client_parameters(self) -> Any:
        if not self.is_legacy:
            return None
        flwr, common = flwr_module("flwr.app"), flwr_module("flwr.common")
        compat = flwr_module("flwr.compat.common.recorddict_compat")
        content = compat.getparametersins_to_recorddict(common.GetParametersIns({}))
        reply = self.client(flwr.Message(content, dst_node_id=_NODE, message_type="get_parameters"), self.context)
        return compat.recorddict_to_getparametersres(reply.content, keep_input=True).parameters


def flwr_module(name: str) -> Any:
    """A module of Flower, which reports nothing to anybody; ConfigInvalid where it is not installed."""
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigInvalid("Flower apps need the extra: pip install '.[flower]'.") from None


def _grid() -> Any:
    """A grid of many nodes that never answer: the first messages are enough."""
    base = flwr_module("flwr.serverapp").Grid

    def capture(messages: Any) -> Any:
        raise _Captured(next(iter(messages)).content)

    methods: dict[str, Any] = {name: (lambda self, *args, **options: None) for name in base.__abstractmethods__}
    methods["get_node_ids"] = lambda self: range(1, 1025)
    methods["push_messages"] = lambda self, messages: capture(messages)
    methods["send_and_receive"] = lambda self, messages, **options: capture(messages)
    return type("Grid", (base,), methods)()


def identify() -> None:
    """Messages can only be made in a process that is some task of some run."""
    identity = flwr_module("flwr.supercore.task_identity").TaskIdentity
    if identity._run_id is None:
        identity.run_id, identity.node_id, identity.task_id = 1, _NODE, 1


def find_app(source: str) -> App:
    """The app that `flower:…` names."""
    identify()
    place, _, query = source.removeprefix("flower:").partition("?")
    chosen = {name: _scalar(text) for name, text in parse_qsl(query, keep_blank_values=True)}
    if Path(place).is_dir():
        folder = Path(place).resolve()
        project = _project(folder / "pyproject.toml")
        sys.path.insert(0, str(folder))
        components = project.get("components", {})
        client, server = str(components.get("clientapp", "")), str(components.get("serverapp", ""))
        run_config = _flat(project.get("config", {}))
    else:
        find_modules_here()
        client, server, run_config = place, "", {}
    made, is_legacy = _client_app(_load(client), source)
    overrides = {name: value for name, value in chosen.items() if name in run_config or not Path(place).is_dir()}
    return App(place, made, is_legacy, server, {**run_config, **overrides}, chosen)


def _project(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["flwr"]["app"]
        tables = [found, found.get("components", {}), found.get("config", {})]
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        tables = [None]
    if not all(isinstance(table, dict) for table in tables):
        raise ConfigInvalid(f"{path} has no [tool.flwr.app]: it is no Flower app.")
    return dict(found)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    flat: dict[str, Scalar] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _scalar(text: str) -> Scalar:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigInvalid(f"{name!r} cannot be loaded: {error}.") from error
    except Exception as error:  # whatever its code raises when it is imported
        raise ConfigInvalid(f"{name!r} cannot be loaded: {type(error).__name__}: {error}.") from error
    return found


def _client_app(found: Any, source: str) -> tuple[Any, bool]:
    """A ClientApp, and whether it takes messages of the older interface."""
    kind, client = flwr_module("flwr.clientapp").ClientApp, flwr_module("flwr.client")
    clients = client.Client, client.NumPyClient
    if isinstance(found, kind):
        return found, found._call is not None
    if not callable(found) and not isinstance(found, clients):
        raise ConfigInvalid(f"{source} is no ClientApp, client function or client of Flower.")
    takes_context = inspect.isfunction(found) and bool(inspect.signature(found).parameters)

    def client_fn(context: Any) -> Any:
        made = found if isinstance(found, clients) else found(context) if takes_context else found()
        if not isinstance(made, clients):
            raise ConfigInvalid(f"{source} made no client of Flower.")
        return made.to_client()

    return kind(client_fn=client_fn), True
