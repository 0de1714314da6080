"""A federation to try things with: its file, and the rows of its members, from a data set that ships in a package."""

import csv
from pathlib import Path

from protocol.errors import ConfigInvalid
from protocol.staging import local_storage

_FEATURES = 10
_FILE = """\
title = "Is a breast mass malignant?"
description = "Wisconsin diagnostic breast cancer data (scikit-learn), divided among {members} members."

[data]
source = "{source}"   # its means and deviations are published, its rows are not
label = "malignant"

[model]
hidden = [8]

[rule]
name = "trimmed_mean"
tolerated = 0.4         # above the share of bad members: of those drawn to propose more may be bad
mix = true
clip_to_median = true

[packing]
bits = 8                # of every word of an update; 32 without loss
kept = 1                # 0.1: only the tenth of the words that are largest

[reward]
bounty = 100
min_stake = 10

[rounds]
count = 3
proposers = {proposers}
quorum = {quorum}

[windows]
rest = "5s"
commit = "30s"
reveal = "30s"           # members take no federation with less than 30s for a duty
vote = "30s"
ballot = "30s"
attest = "30s"
"""


def write_example(folder: Path, members: int) -> list[Path]:
    """`federation.toml` and `member-N.csv` in a new folder; returns the files."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError:
        raise ConfigInvalid("The example's data come with scikit-learn: pip install '.[node]'.") from None
    if folder.exists():
        raise ConfigInvalid(f"{folder} exists already; name a new folder.")
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names[:_FEATURES]]
    rows = [[*map(float, x), int(y == 0)] for x, y in zip(data.data[:, :_FEATURES], data.target, strict=True)]
    proposers = max(1, members // 3)
    with local_storage(f"Writing the example to {folder}"):
        folder.mkdir(parents=True)
        written = [folder / f"member-{number}.csv" for number in range(1, members + 1)]
        for number, path in enumerate(written):
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([[*names, "malignant"], *rows[number::members]])
        path = folder / "federation.toml"
        quorum = max(1, (members - proposers) // 2)
        text = _FILE.format(members=members, source=written[0].absolute(), proposers=proposers, quorum=quorum)
        path.write_text(text, encoding="utf-8")
    return [path, *written]
