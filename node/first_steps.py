"""`init`: a key, a settings file, and an examination of both."""

import json
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from node.amounts import format_amount
from node.keys import address_in, create_keystore, read_password
from node.output import Output
from node.policy import Policy, read_wei
from node.settings import ClientSettings
from protocol.configuration import DEFAULT, Settings, expanded, read_settings_file, settings_file
from protocol.errors import ConfigInvalid
from protocol.staging import local_storage, write_file

_SHARED = ("rpc_url", "deployment", "store", "home")  # of all programs, hence in [skein]


def begin(output: Output, client: ClientSettings, policy: Policy, name: str, dry_run: bool) -> None:
    """Make a key called `name` if none is chosen, and write what is set now into the settings file.

    ConfigInvalid if the file has a table for the program already: what somebody has chosen is not overwritten.
    """
    path = settings_file() or expanded(DEFAULT)
    if client.program in read_settings_file():
        raise ConfigInvalid(f"{path} has a table [{client.program}] already: edit it, or name another with --config.")
    keystore = client.keystore or client.keystores / f"{name}.json"
    text = _tables(client, policy, keystore)
    if dry_run:
        output.line(f"This would be added to {path}:\n\n{text}")
        return
    key_file = expanded(keystore)
    if not key_file.exists():
        create_keystore(key_file, read_password(client.password_file, confirm=True))
    with local_storage(f"Writing {path}"):
        before = path.read_text(encoding="utf-8").rstrip() + "\n\n" if path.exists() else ""
        write_file(path, (before + text).encode())
    address = address_in(key_file)
    output.record({"address": address, "key_file": str(keystore), "settings": str(path)})
    if not output.json:
        output.line("")
        output.line(f"Next: send {address} SKEIN for its stake and some of the chain's own money for gas.")
        skein = "skein" if path == expanded(DEFAULT) else f"skein --config {path}"
        output.line(f"Then: {skein} {client.program} doctor, and {skein} {client.program} run.")


def _tables(client: ClientSettings, policy: Policy, keystore: Path) -> str:
    """Everything that is set by options or environment; what is not keeps to the defaults of later versions."""
    chosen, known = _chosen(client), read_settings_file().get("skein", {})
    shared = {name: chosen.pop(name) for name in _SHARED if name in chosen}
    lines = []
    if not known and shared:
        lines += ["[skein]", *_lines(shared), ""]
    own = {name: value for name, value in shared.items() if known and known.get(name) != value}
    own |= chosen | {"keystore": str(keystore)} | _chosen(policy)
    return "\n".join([*lines, f"[{client.program}]", *_lines(own)]) + "\n"


def _chosen(settings: Settings) -> dict[str, Any]:
    fields = type(settings).model_fields
    return {
        name: _plain(fields[name], getattr(settings, name))
        for name in fields
        if name in settings.model_fields_set and getattr(settings, name) is not None
    }


def _plain(field: FieldInfo, value: Any) -> Any:
    if any(isinstance(each, BeforeValidator) and each.func is read_wei for each in field.metadata):
        return format_amount(value)
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value) if isinstance(value, Path) else value


def _lines(values: dict[str, Any]) -> list[str]:
    """JSON's texts, numbers, truths and lists are TOML's as well."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
