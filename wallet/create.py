"""Making a task: data are split, the held-out part is sealed, everything is published, the task is created."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eth_utils.crypto import keccak

from node.amounts import format_amount
from protocol import heldout
from protocol.artifacts import manifest_of
from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.errors import ConfigInvalid
from protocol.models import tensor_bytes
from protocol.specs import TaskSpec, make_spec, spec_digest, write_spec
from protocol.store import ArtifactStore, Limits
from protocol.tasks.base import Origin, Task
from protocol.tasks.sets import split
from wallet.actions import Action, Call, with_approval
from wallet.canaries import Canary, measured, root_of
from wallet.stakes import wallet_figure
from wallet.task_file import TaskFile

_HEADER_BYTES = 64 * 1024  # of a model's file, beside its tensors
_ANY_SIZE = 2**40
_DIGEST = re.compile("0x[0-9a-f]{64}")


@dataclass(frozen=True)
class Prepared:
    """A task ready to be published: its specification, its key, and the directories that go to the store."""

    file: TaskFile
    spec: TaskSpec
    key: bytes
    folders: tuple[Path, ...]
    training_rows: int
    held_out_rows: int
    canaries: tuple[Canary, ...] = ()


@contextmanager
def prepared(file: TaskFile, store: ArtifactStore | None = None, canaries: Sequence[Path] = ()) -> Iterator[Prepared]:
    """Split, seal and specify in a temporary directory; ConfigInvalid or SpecInvalid for what cannot be.

    `store`: where a base model that the file names by its digest is. `canaries`: folders of models whose scores are to
    be measured and committed to.
    """
    from protocol.tasks import kind

    maker = kind(file.kind)
    source = maker.read(Origin(file.data.source, file.data.label))
    # The division is secret until the key is: the seed is forgotten, the sealed set remembers.
    training, held_out = split(source.data, file.data.held_out, secrets.token_bytes(32))
    key = heldout.new_key()
    with TemporaryDirectory(prefix="skein-task-") as name:
        root = Path(name)
        public = maker.write(root / "training", training, source.card)
        plain = maker.write(root / "plain", held_out, source.card)
        sealed = heldout.encrypt(plain, key, root / "sealed")
        digests = {"training_digest": manifest_of(public).digest, "held_out_digest": manifest_of(sealed).digest}
        shape, folders = dict(source.model), [public, sealed]
        base = None
        if file.base:
            base = _base(maker, file.base, store, root / "base")
            shape |= maker.read_base(base)
            digests["base_digest"] = manifest_of(base).digest
            folders.append(base)
        spec = _specify(file, shape, digests)
        folders.append(write_spec(spec, root / "spec"))
        rows = len(training), len(held_out)
        yield Prepared(file, spec, key, tuple(folders), *rows, measured(canaries, spec, plain, root, base))


def _base(maker: type[Task[Any]], named: str, store: ArtifactStore | None, into: Path) -> Path:
    """The artifact of the base model that a file names: by its digest, or as a local directory."""
    if _DIGEST.fullmatch(named) and store is not None:
        return store.get(named, into, Limits(_ANY_SIZE))
    return maker.make_base(expanded(named), into)


def _specify(file: TaskFile, shape: Mapping[str, Any], digests: Mapping[str, str]) -> TaskSpec:
    """The specification, accepted by its kind. The model's size follows from its tensors unless the file says it."""
    from protocol.tasks import load

    scoring, limits = file.scoring, file.limits
    fields: dict[str, Any] = {
        "kind": file.kind,
        "title": file.title or Path(file.data.source).stem,
        "description": file.description,
        "metric": file.metric,
        "maximise": file.maximise,
        "scale": scoring.scale,
        "tolerance": scoring.tolerance,
        "slash_tolerance": scoring.slash_tolerance,
        "grid": scoring.grid,
        "model": {**shape, **file.model},
        **digests,
        "copy_distance": scoring.copy_distance or None,
    }

    def spec(max_model_bytes: int) -> TaskSpec:
        costs = {"max_seconds": limits.max_seconds, "max_memory_bytes": limits.max_memory_bytes}
        return make_spec(**fields, limits={"max_model_bytes": max_model_bytes, **costs})

    size = limits.max_model_bytes
    if size is None:
        size = tensor_bytes(load(spec(_ANY_SIZE)).tensors()) + _HEADER_BYTES
    made = spec(size)
    load(made)
    return made


def parameters(task: Prepared) -> dict[str, Any]:
    """IArena.TaskParameters."""
    reward, windows, scoring = task.file.reward, task.file.windows, task.file.scoring
    return {
        "spec_digest": spec_digest(task.spec),
        "held_out_digest": task.spec.held_out_digest,
        "key_hash": "0x" + keccak(task.key).hex(),
        "bounty": reward.bounty,
        "bond": task.file.bond,
        "min_trainer_stake": reward.min_trainer_stake,
        "min_validator_stake": reward.min_validator_stake,
        "commit_window": windows.commit,
        "reveal_window": windows.reveal,
        "key_window": windows.key,
        "score_commit_window": windows.score_commit,
        "score_reveal_window": windows.score_reveal,
        "challenge_window": windows.challenge,
        "scale": task.spec.scale,
        "tolerance": task.spec.tolerance,
        "slash_tolerance": task.spec.slash_tolerance,
        "grid": task.spec.grid,
        "panel_size": scoring.panel_size,
        "quorum": scoring.quorum,
        "paid_ranks": reward.paid_ranks,
        "maximise": task.spec.maximise,
        "appeal_panel_size": task.file.appeal_panel_size if windows.challenge else 0,
        "max_share": scoring.max_share,
        "appeal_bond": task.file.appeal_bond if windows.challenge else 0,
        "canary_root": root_of(task.canaries),
    }


def creation(chain: Chain, creator: str, task: Prepared) -> Action:
    """Approve and create; ConfigInvalid when the creator cannot pay."""
    cost = task.file.reward.bounty + task.file.bond
    held = chain.token_balance(creator)
    if held < cost:
        raise ConfigInvalid(
            f"Bounty and bond are {format_amount(cost)} SKEIN together; {creator} holds {format_amount(held)}."
        )
    what = f"create the task, with {format_amount(cost)} SKEIN of bounty and bond"
    call = Call(what, "Arena", "createTask", (parameters(task),))
    return Action(with_approval(chain, creator, "Arena", cost, call), (wallet_figure(creator),))


def publish(task: Prepared, store: ArtifactStore) -> None:
    """Put training data, sealed held-out set, specification and base model, if there is one, into the store."""
    for folder in task.folders:
        store.put(folder)
