"""Tasks as people write them: units, files, options, and what does not add up."""

from pathlib import Path

import pytest

from protocol.errors import ConfigInvalid
from wallet.task_file import read_task_file

SKEIN = 10**18
TOML = """
title = "Digits"
[data]
source = "digits"
[reward]
bounty = 250.5
[windows]
commit = "15m"
[scoring]
tolerance = 0.00001
"""
YAML = """
title: Digits
data: {source: digits}
reward: {bounty: '250.5'}
windows: {commit: 15m}
scoring: {tolerance: 0.00001}
"""
JSON = """
{"title": "Digits", "data": {"source": "digits"}, "reward": {"bounty": 250.5},
 "windows": {"commit": 900}, "scoring": {"tolerance": "0.00001"}}
"""


@pytest.mark.parametrize(("name", "text"), [("t.toml", TOML), ("t.yaml", YAML), ("t.json", JSON)])
def test_all_formats_mean_the_same(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    file = read_task_file(path)
    assert (file.title, file.data.source, file.windows.commit, file.scoring.tolerance) == (
        "Digits",
        "digits",
        900,
        10_000,
    )
    assert file.reward.bounty == 2505 * SKEIN // 10


def test_settings_go_on_top_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(TOML)
    file = read_task_file(path, ["reward.bounty=7", "model.hidden=[8, 8]", "windows.reveal=90s"])
    assert (file.reward.bounty, file.model["hidden"], file.windows.reveal) == (7 * SKEIN, [8, 8], 90)


def test_the_bond_is_a_tenth_rounded_up() -> None:
    file = read_task_file(None, ["data.source=digits", "reward.bounty=0.000000000000000011"])
    assert file.bond == 2


def test_the_appeal_bond_is_at_most_the_bond() -> None:
    challenged = ["data.source=digits", "windows.challenge=1d"]
    assert read_task_file(None, [*challenged, "reward.bounty=50"]).appeal_bond == 5 * SKEIN
    assert read_task_file(None, [*challenged, "reward.bounty=5000"]).appeal_bond == 10 * SKEIN
    with pytest.raises(ConfigInvalid, match=r"reward\.appeal_bond must not exceed reward\.bond"):
        read_task_file(None, [*challenged, "reward.appeal_bond=11"])
    assert read_task_file(None, ["data.source=digits", "reward.appeal_bond=11"]).appeal_bond == 11 * SKEIN


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("reward.bond=1", "reward.bond must be at least a tenth"),
        ("scoring.quorum=6", "scoring.quorum must not exceed scoring.panel_size"),
        ("scoring.tolerance=0.1", "scoring.tolerance must not exceed"),
        ("scoring.grid=2", "scoring.grid must not exceed"),
        ("limits.max_seconds=30000", "limits.max_seconds must not exceed windows.score_commit"),
        ("reward.bounty=-5", 'reward.bounty: "-5" is not an amount'),
        ("reward.paid_ranks=65", "reward.paid_ranks: Input should be less than or equal to 64"),
        ("windows.commit=2 weeks", "is not a duration"),
        ("windows.key=400d", "windows.key: Input should be less than or equal to 31536000"),
        ("reward.bounty=1e400", "is not an amount"),
        ("reward.bounty=true", "reward.bounty: true can only be for what is true or false"),
        ("reward.paid_ranks=true", "reward.paid_ranks: true can only be"),
        ("windows.challenge=false", "windows.challenge: false can only be"),
        (f"reward.bounty={10**40}", "is too large"),
        ("bounty=5", "bounty: Extra inputs are not permitted"),
        ("title.x=5", "title"),
        ("nonsense", "is not a setting such as"),
    ],
)
def test_what_does_not_add_up_is_named(setting: str, sentence: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        read_task_file(None, ["data.source=digits", setting])
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("t.toml", "title = ", "is not TOML"),
        ("t.json", "[1]", "must hold names and values"),
        ("t.yaml", "a: [", "is not YAML"),
        ("t.ini", "", "must be a .toml, .yaml or .json file"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigInvalid, match=sentence):
        read_task_file(path)
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        read_task_file(tmp_path / "nowhere.toml")


def test_a_task_needs_data() -> None:
    with pytest.raises(ConfigInvalid, match=r"data\.source is missing"):
        read_task_file(None)


def test_the_example_in_the_readme_is_a_task(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "wallet" / "README.md").read_text()
    path = tmp_path / "task.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0])
    file = read_task_file(path)
    assert (file.data.source, file.reward.bounty, file.scoring.tolerance) == ("breast_cancer", 1000 * SKEIN, 10**5)
