"""An artifact to publish, a store to publish it in, and a model trained on real data."""

import pytest
from samples import CANCER, FILES, write_files

from protocol.store import DirectoryStore
from protocol.tasks import Budget
from protocol.tasks.data import DATASETS, write_data
from protocol.tasks.runs import train_artifact
from protocol.tasks.sets import split


@pytest.fixture
def source(tmp_path):
    return write_files(tmp_path / "source", FILES)


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "store")


@pytest.fixture(scope="session")
def cancer(tmp_path_factory):
    """Directories `training` and `held-out` with real data, and `model` with a model trained on them."""
    directory = tmp_path_factory.mktemp("cancer")
    source = DATASETS["breast_cancer"]()
    for name, part in zip(("training", "held-out"), split(source.data, 0.3, b"test"), strict=True):
        write_data(directory / name, part, source.card)
    budget = Budget(epochs=12, batch_size=64, learning_rate=1e-2)
    train_artifact(CANCER, directory / "training", directory / "model", budget, seed=1)
    return directory
