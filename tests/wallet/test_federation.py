"""`skein federation`: from a file to an ended federation, and every exit on the way."""

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from federating import any_data
from network import SKEIN
from safetensors.numpy import save_file
from shell import Shell

from node.output import NotFound
from protocol.errors import ConfigInvalid, ContractReverted
from protocol.federated.fixed import decode, flatten
from protocol.federated.spec import MAX_SPEC_BYTES, read_federation
from protocol.federated.votes import Voting
from protocol.federated.wire import read_model
from protocol.store import Limits, open_store

SMALL = ("--set=rounds.proposers=1", "--set=rounds.quorum=1", "--set=windows.rest=0")


@pytest.fixture
def folder(shell: Shell, tmp_path: Path) -> Path:
    """The example's files."""
    shell.run("federation", "example", str(tmp_path / "example"), "--members", "4")
    return tmp_path / "example"


def create(shell: Shell, folder: Path, *more: str) -> int:
    return int(
        shell.json("federation", "create", str(folder / "federation.toml"), *SMALL, *more, "-a", "a1")["federation"]
    )


def join(shell: Shell, number: int, *accounts: int) -> None:
    """Without a client: stake, and any data."""
    for account in accounts:
        shell.run("stake", "deposit", "20", "-a", f"a{account}")
        shell.network.chain(account).send("Alliance", "join", number, 10 * SKEIN, any_data())


def test_create_publishes_what_the_chain_names(shell: Shell, folder: Path, tmp_path: Path) -> None:
    number = create(shell, folder, "--title", "Masses", "--bounty", "7", "--set=voting.focus=0")
    record = shell.network.chain().call("Alliance", "federation", number)
    store = open_store(f"dir:{tmp_path / 'store'}")
    spec = read_federation(store.get(record.parameters.spec_digest, tmp_path / "spec", Limits(MAX_SPEC_BYTES, 1)))
    model = store.get(record.model_digest, tmp_path / "model", Limits(10**6, 1))
    assert (spec.title, len(spec.columns), spec.classes, spec.hidden) == ("Masses", 10, 2, (8,))
    assert (spec.packing.bits, spec.rule.tolerated, record.pool) == (8, 400, 7 * SKEIN)
    assert spec.voting == Voting(focus=0)
    assert len(read_model(model, spec.parameters)) == spec.parameters
    rows = np.loadtxt(folder / "member-1.csv", delimiter=",", skiprows=1)
    assert spec.columns[0].mean == round(1e6 * rows[:, 0].mean())
    assert spec.columns[0].scale == round(1e6 / rows[:, 0].std())


def test_a_dry_run_publishes_and_sends_nothing(shell: Shell, folder: Path, tmp_path: Path) -> None:
    shown = shell.json("federation", "create", str(folder / "federation.toml"), "-a", "a1", "--dry-run")
    (change,) = shown["changes"]
    assert int(change["before"]) - int(change["after"]) == 100 * SKEIN
    assert shell.network.chain().call("Alliance", "federationCount") == 0 and not (tmp_path / "store").exists()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_federation_of_any_model(shell: Shell, tmp_path: Path, suffix: str) -> None:
    arrays = {"b": np.arange(3, dtype=np.float32), "a": np.eye(2), "n": np.array(5, np.int64)}
    path = tmp_path / f"first.{suffix}"
    np.savez(path, **arrays) if suffix == "npz" else save_file(arrays, path)
    made = shell.json("federation", "create", f"--set=model.first={path}", *SMALL, "-a", "a1")
    store = open_store(f"dir:{tmp_path / 'store'}")
    spec = read_federation(store.get(made["specification"], tmp_path / "spec", Limits(MAX_SPEC_BYTES, 1)))
    assert {tensor.name: tensor.dtype for tensor in spec.tensors} == {"b": "float32", "a": "float64", "n": "int64"}
    words = read_model(store.get(made["model"], tmp_path / "model", Limits(10**6, 1)), 8)
    assert np.allclose(decode(words, spec.exponent), flatten(arrays), atol=1e-6)


REFUSED = {
    "rounds.quorum must not exceed rounds.committee": ["rounds.quorum=30"],
    "rounds.min_members must be at least proposers": ["rounds.min_members=2", "rounds.proposers=4"],
    "reward.floor_stake must not exceed": ["reward.floor_stake=11"],
    "name the column to predict": ["data.label="],
    "has no rows with a column 'mood'": ["data.label=mood"],
    "give data.columns, or a CSV file": ["data.source="],
    "there are no data.columns": ["model.first=model.npz"],
    "cannot be read: No such file": ["data.source=nowhere.csv"],
    "0.3333 is finer than a thousandth": ["rule.tolerated=0.3333"],
    "too large, or no number": ["rule.tolerated=1e400"],
    '"1e99999999999" is too large': ['voting.slack="1e99999999999"'],
    "true can only be for what is true or false": ["rounds.count=true"],
    "rule.name": ["rule.name=wishful"],
    "rule.tolerated": ["rule.tolerated=0.6"],
    "privacy.budget: Field required": ['privacy={"method": "update", "noise": 1}'],
    "Extra inputs": ["rounds.many=3"],
    "The bounty is 2000000 SKEIN": ["reward.bounty=2000000"],
    "windows.commit": ["windows.commit=0"],
    "deviation": ['data.columns=[{"name": "x", "deviation": 0}]', "data.source="],
    "mean: Input should be a finite number": ['data.columns=[{"name": "x", "mean": 1e400}]', "data.source="],
    "of column 'x' is out of range": ['data.columns=[{"name": "x", "mean": 1e305}]', "data.source=", "data.classes=2"],
    "a column is named twice": ['data.columns=[{"name": "x"}, {"name": "x"}]', "data.source=", "data.classes=2"],
}


def test_what_cannot_be_is_refused(shell: Shell, folder: Path) -> None:
    for sentence, settings in REFUSED.items():
        with pytest.raises(ConfigInvalid, match=sentence):
            create(shell, folder, *(f"--set={each}" for each in settings))
    assert shell.network.chain().call("Alliance", "federationCount") == 0


def test_bad_columns_of_the_source_are_named(shell: Shell, folder: Path) -> None:
    def refused(text: str, sentence: str) -> None:
        (folder / "member-1.csv").write_text(text)
        with pytest.raises(ConfigInvalid, match=sentence):
            create(shell, folder)

    refused("x,malignant\n1,0\nmany,1\n", "Line 3 of .* has 'many' in column 'x', which is not a number")
    refused("x,x,malignant\n1,1,0\n2,3,1\n", "must name every column, each differently")
    refused("x,malignant\n1,0\n2,1,5\n", "Line 3 of .* has 3 columns, the first line has 2")
    refused("x,malignant\n1,0\n2,0.5\n", "classes must be the whole numbers from 0")
    refused("x,malignant\n1,0\n2,0\n", "at least 2 classes")
    refused("malignant\n1\n0\n", "columns")


@pytest.mark.parametrize("content", ["PK\x03\x04 and no more", "", "an array", "a text in an archive"])
def test_a_first_model_that_is_none(shell: Shell, tmp_path: Path, content: str) -> None:
    path = tmp_path / "first.npz"
    path.write_text(content)
    if content == "an array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
    if content == "a text in an archive":
        with ZipFile(path, "w") as archive:
            archive.writestr("tensor", content)
    with pytest.raises(ConfigInvalid, match=r"The first model .*npz (cannot be read|does not hold arrays alone)"):
        shell.run("federation", "create", f"--set=model.first={path}", *SMALL, "-a", "a1")


def test_list_show_and_watch(shell: Shell, folder: Path) -> None:
    number = create(shell, folder)
    join(shell, number, 2, 3)
    (listed,) = shell.json("federation", "list")
    assert (listed["federation"], listed["phase"], listed["pool"]) == (number, "resting", str(100 * SKEIN))
    shown = shell.json("federation", "show", str(number))
    assert [member["account"] for member in shown["members"]] == [shell.address(2), shell.address(3)]
    assert shown["specification"]["label"] == "malignant" and shown["members"][0]["stake"] == str(10 * SKEIN)
    text = shell.run("federation", "show", str(number)).stdout
    assert "trimmed mean" in text and shell.address(2) in text and f"{shown['update_bytes']:,} bytes" in text
    told = shell.run("federation", "watch", str(number), "--once").stdout
    assert f"{shell.address(3)} joins with 10 SKEIN" in told
    lines = shell.run("federation", "watch", str(number), "--once", "--json").stdout.splitlines()
    assert [json.loads(line)["event"] for line in lines] == [
        "Alliance.FederationCreated",
        *["Alliance.MemberJoined"] * 2,
    ]
    with pytest.raises(NotFound, match="Federation 9 does not exist: there are 1 federations"):
        shell.run("federation", "show", "9")


def test_fund_and_invite(shell: Shell, folder: Path) -> None:
    number = create(shell, folder, "--set=invited=true")
    shell.run("federation", "fund", str(number), "2.5", "-a", "a2")
    assert shell.network.chain().call("Alliance", "federation", number).pool == 205 * SKEIN // 2
    with pytest.raises(ContractReverted, match="NotInvited"):
        join(shell, number, 2)
    with pytest.raises(ConfigInvalid, match="Only its creator"):
        shell.run("federation", "invite", str(number), shell.address(2), "-a", "a2")
    shell.run("federation", "invite", str(number), shell.address(2), "-a", "a1")
    join(shell, number, 2)
    shell.run("federation", "invite", str(number), shell.address(3), "-a", "a1")
    shell.run("federation", "invite", str(number), shell.address(3), "--withdraw", "-a", "a1")
    with pytest.raises(ContractReverted, match="NotInvited"):
        join(shell, number, 3)


def test_push_leave_claim_and_end(shell: Shell, folder: Path) -> None:
    number = create(shell, folder, "--set=rounds.count=1", "--set=rounds.silent_slash=0.1")
    _refused(shell, "push", number, "has 0 members, a round needs 2")
    join(shell, number, 2, 3)
    shell.run("stake", "deposit", "40", "-a", "a3")
    _refused(shell, "add-stake", number, "takes at most 40 SKEIN, and yours has 10", account="a3", more=["31"])
    shell.run("federation", "push", str(number), "-a", "a1")
    _refused(shell, "leave", number, "while a round is being drawn", account="a2")
    _refused(shell, "add-stake", number, "while a round is being drawn", account="a2", more=["1"])
    shell.network.mine(2)
    assert "draw the round" in shell.run("federation", "push", str(number), "-a", "a1").stdout
    _refused(shell, "push", number, "in the phase commit, which only its members or time can end")
    _refused(shell, "end", number, "cannot be ended now")
    told = shell.run("federation", "leave", str(number), "-a", "a2").stdout
    assert "You have a role in round 1" in told
    shell.network.sleep(1000)
    before = shell.network.chain().call("Staking", "stakeOf", shell.address(2))
    shell.run("federation", "push", str(number), "-a", "a1")
    _refused(shell, "leave", number, "is no member of federation 1 any more", account="a2")
    _refused(shell, "claim", number, "has nothing to claim", account="a3")
    _refused(shell, "claim", number, "never joined", account="a1")
    chain = shell.network.chain()
    record = chain.call("Alliance", "federation", number)
    lost = 60 * SKEIN + before - sum(chain.call("Staking", "stakeOf", shell.address(each)) for each in (2, 3))
    assert lost == SKEIN and record.pool == 100 * SKEIN + 9 * SKEIN // 10
    _refused(shell, "end", number, "1 paid rounds left, and can be ended when no round has started for 7d: in [67]d")
    _refused(shell, "end", number, "until they are over only its creator", account="a3")
    shell.network.sleep(8 * 24 * 3600)
    shell.run("federation", "end", str(number), "-a", "a1")
    assert chain.call("Alliance", "federation", number).ended and chain.call("Alliance", "federation", number).pool == 0
    _refused(shell, "fund", number, "has ended", more=["1"])


def _refused(shell: Shell, verb: str, number: int, sentence: str, account: str = "a1", more: Any = ()) -> None:
    with pytest.raises(ConfigInvalid, match=sentence):
        shell.run("federation", verb, str(number), *more, "-a", account)
