"""Base models as artifacts: `architecture.json`, `model.safetensors`, `tokenizer.json`; made from a directory as people
publish them (config.json, tokenizer.json, model.safetensors or its shards).

Nothing of such a directory is run: its configuration is read as data, and what it cannot say as data is refused.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from protocol.documents import canonical_json, explain
from protocol.errors import ConfigInvalid, ModelInvalid, TaskFailed
from protocol.models import Tensors, read_tensors
from protocol.staging import local_storage, promote, require_free_place, staged_directory, write_file
from protocol.tasks.transformer import Architecture

ARCHITECTURE_FILE, BASE_FILE, TOKENIZER_FILE = "architecture.json", "model.safetensors", "tokenizer.json"
MAX_BASE_BYTES = 2**38
_MAX_JSON_BYTES = 2**16
_PRECISIONS = {"F32": "F32", "F16": "F16", "BF16": "BF16"}
# What must have this value, or not be there: everything else would be another function than the one that is evaluated.
_FIXED = {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "use_sliding_window": False}


def make_base(source: Path, into: Path) -> Path:
    """Make the artifact of a base model from a local directory; ConfigInvalid says why that is not possible."""
    config = _read_json(source / "config.json")
    if not (source / TOKENIZER_FILE).is_file():
        raise ConfigInvalid(f"{source} has no {TOKENIZER_FILE}, the tokenizer in the form of the tokenizers library.")
    with ExitStack() as files, local_storage(f"Making a base model of {source}"), staged_directory(into) as stage:
        require_free_place(into)
        tensors = _open_tensors(source, files)
        embedding = tensors.get("model.embed_tokens.weight")
        if embedding is None:
            raise ConfigInvalid(f"{source} has no tensor model.embed_tokens.weight.")
        architecture = _architecture(source, config, embedding.get_dtype())
        _write_tensors(stage / BASE_FILE, source, architecture, tensors)
        shutil.copyfile(source / TOKENIZER_FILE, stage / TOKENIZER_FILE)
        write_file(stage / ARCHITECTURE_FILE, architecture.to_bytes())
        promote(stage, into)
    return into


def read_architecture(base: Path) -> Architecture:
    """The description in the artifact of a base model; TaskFailed if there is none."""
    if not (base / ARCHITECTURE_FILE).is_file():
        raise TaskFailed("base model", f"{ARCHITECTURE_FILE} is missing")
    try:
        with local_storage(f"Reading {base}"), (base / ARCHITECTURE_FILE).open("rb") as file:
            return Architecture.parse(file.read(_MAX_JSON_BYTES + 1), _MAX_JSON_BYTES)
    except ValueError as error:
        raise TaskFailed("base model", f"{ARCHITECTURE_FILE}: {error}") from None


def read_base(base: Path, architecture: Architecture) -> Tensors:
    """The tensors of a base model, through the gate; TaskFailed if they are not those of the architecture."""
    if read_architecture(base) != architecture:
        raise TaskFailed("base model", "its architecture is not the one of the specification")
    try:
        return read_tensors(base / BASE_FILE, architecture.tensors(), MAX_BASE_BYTES)
    except ModelInvalid as error:
        raise TaskFailed("base model", error.reason) from None


def read_tokenizer(base: Path) -> Any:
    """The base model's `tokenizers.Tokenizer`; TaskFailed if the file is none."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ConfigInvalid("The kind causal_lm needs the tokenizers library; install skein[lm].") from None
    try:
        return Tokenizer.from_file(str(base / TOKENIZER_FILE))
    except Exception as error:  # the library raises nothing more special
        raise TaskFailed("base model", f"{TOKENIZER_FILE} cannot be read: {str(error)[:200]}") from None


def tokens(tokenizer: Any, document: bytes) -> NDArray[np.int64]:
    """A document's tokens; TaskFailed if the tokenizer fails at it."""
    try:
        return np.array(tokenizer.encode(document.decode(), add_special_tokens=False).ids, np.int64)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # a failure inside the library is no Exception
        raise TaskFailed("base model", f"its tokenizer fails at a document: {str(error)[:200]}") from None


# --- directories as people publish them


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigInvalid(f"{path} is missing; a base model is a directory with {path.name} in it.") from None
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigInvalid(f"{path} is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise ConfigInvalid(f"{path} must hold names and values.")
    return content


def _architecture(source: Path, config: Mapping[str, Any], dtype: str) -> Architecture:
    for name, value in _FIXED.items():
        if config.get(name, value) not in (value, None):
            raise ConfigInvalid(f"{source}: {name} = {config[name]!r} is not supported, only {value!r}.")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ConfigInvalid(f"{source}: only the default type of rotary positions is known; it has others.")
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        fields = {
            "family": config["model_type"],
            "vocabulary": config["vocab_size"],
            "hidden": hidden,
            "intermediate": config["intermediate_size"],
            "layers": config["num_hidden_layers"],
            "heads": heads,
            "kv_heads": config.get("num_key_value_heads") or heads,
            "head_dim": config.get("head_dim") or hidden // heads,
            "rope_theta": _whole(source, "rope_theta", rope.get("rope_theta") or config.get("rope_theta", 10_000)),
            "norm_epsilon": _whole(source, "rms_norm_eps in billionths", config["rms_norm_eps"] * 1e9),
            "tied": bool(config.get("tie_word_embeddings", False)),
            "start": _start(source, config),
            "precision": _PRECISIONS.get(dtype, dtype),
        }
        return Architecture.model_validate_json(canonical_json(fields))
    except KeyError as error:
        raise ConfigInvalid(f"{source}: config.json says nothing of {error.args[0]}.") from None
    except ValidationError as error:
        raise ConfigInvalid(f"{source} is no model that can be adapted: {explain(error)}.") from None
    except (TypeError, ValueError) as error:
        raise ConfigInvalid(f"{source}: config.json cannot be understood: {error}.") from None


def _whole(source: Path, name: str, value: float) -> int:
    """Numbers that went through float32 on their way are taken for what they were."""
    if abs(value - round(value)) > 1e-6 * value:
        raise ConfigInvalid(f"{source}: {name} = {value} cannot be expressed here.")
    return round(value)


def _start(source: Path, config: Mapping[str, Any]) -> int:
    """The token that every window begins with."""
    for name in ("bos_token_id", "eos_token_id"):
        value = config.get(name)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, int):
            return value
    raise ConfigInvalid(f"{source}: config.json names neither bos_token_id nor eos_token_id.")


def _open_tensors(source: Path, files: ExitStack) -> dict[str, Any]:
    """Slices of all tensors in model.safetensors, or in the shards that its index names."""
    from safetensors import SafetensorError, safe_open

    index = source / "model.safetensors.index.json"
    names = sorted(set(_read_json(index)["weight_map"].values())) if index.is_file() else [BASE_FILE]
    found: dict[str, Any] = {}
    for name in names:
        if Path(name).name != name or not (source / name).is_file():
            raise ConfigInvalid(f"{source} has no {name}; only safetensors files are read.")
        try:
            file = files.enter_context(safe_open(source / name, framework="pt"))
        except SafetensorError as error:
            raise ConfigInvalid(f"{source / name} is no safetensors file: {error}.") from None
        found |= {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    return found


def _write_tensors(path: Path, source: Path, architecture: Architecture, tensors: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    save_file(dict(_chosen(source, architecture, tensors)), path)


def _chosen(source: Path, architecture: Architecture, tensors: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, kind in architecture.tensors().items():
        if name not in tensors:
            raise ConfigInvalid(f"{source} has no tensor {name}.")
        piece = tensors[name]
        if not kind.admits(piece.get_dtype(), tuple(piece.get_shape())):
            raise ConfigInvalid(f"{source}: tensor {name} is {piece.get_dtype()} {piece.get_shape()}, expected {kind}.")
        yield name, piece[:].contiguous().clone()
