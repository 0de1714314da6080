"""`skein kind example` writes tasks that `skein task create` makes; base models are named by directory or digest."""

from pathlib import Path

import pytest
from shell import Shell

from protocol import tasks
from protocol.errors import ConfigInvalid
from protocol.specs import MAX_SPEC_BYTES, read_spec
from protocol.store import Limits, open_store


@pytest.mark.parametrize("kind", tasks.KINDS)
def test_the_example_of_every_kind_is_a_task(shell: Shell, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "example"
    shell.run("kind", "example", kind, str(place))
    with pytest.raises(ConfigInvalid, match="exists already; name a new folder"):
        shell.run("kind", "example", kind, str(place))
    made = shell.json("task", "create", str(place / "task.json"), "-a", "a1")
    terms = shell.network.chain().task(made["task"]).parameters
    store = open_store(f"dir:{tmp_path / 'store'}")
    spec = read_spec(store.get(terms.spec_digest, tmp_path / "spec", Limits(MAX_SPEC_BYTES, 1)))
    assert spec.kind == kind
    base = spec.base_digest and store.get(spec.base_digest, tmp_path / "base", Limits(10**8))
    task = tasks.load(spec, base or None)
    assert (
        len(task.load(store.get(spec.training_digest, tmp_path / "training", Limits(10**8)))) == made["training_rows"]
    )


def test_a_base_model_is_named_by_its_digest(shell: Shell, tmp_path: Path) -> None:
    place = tmp_path / "example"
    shell.run("kind", "example", "causal_lm", str(place))
    digest = shell.json("kind", "base", str(place / "base-published"))["digest"]
    made = shell.json("task", "create", str(place / "task.json"), "--set", f"base={digest}", "-a", "a1")
    terms = shell.network.chain().task(made["task"]).parameters
    store = open_store(f"dir:{tmp_path / 'store'}")
    assert read_spec(store.get(terms.spec_digest, tmp_path / "spec", Limits(MAX_SPEC_BYTES, 1))).base_digest == digest
    with pytest.raises(ConfigInvalid, match=r"config\.json is missing; a base model is a directory with"):
        shell.run("task", "create", str(place / "task.json"), "--set", f"base={tmp_path}", "-a", "a1")
