import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from protocol.errors import StorageFailed
from protocol.staging import local_storage, promote, staged_directory, staged_file, write_file


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_there_whole_or_as_it_was(tmp_path):
    write_file(tmp_path / "a" / "b", b"1")
    write_file(tmp_path / "a" / "b", b"2")
    assert ((tmp_path / "a" / "b").read_bytes(), names(tmp_path / "a")) == (b"2", ["b"])
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "folder", b"3")
    assert names(tmp_path) == ["a", "folder"]


def test_what_is_not_promoted_vanishes(tmp_path):
    with pytest.raises(KeyError), staged_directory(tmp_path / "target") as stage:
        (stage / "half").touch()
        raise KeyError
    with pytest.raises(KeyError), staged_file(tmp_path / "files") as (file, _):
        file.write(b"half")
        raise KeyError
    assert names(tmp_path) == ["files"]
    assert names(tmp_path / "files") == []


HOLD = """
import sys, time
from pathlib import Path
from protocol.staging import promote, staged_directory
with staged_directory(Path(sys.argv[1])) as stage:
    (stage / "first").touch()
    print("locked", flush=True)
    time.sleep(0.3)
    if sys.argv[2] == "promote":
        promote(stage, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("then", ["promote", "discard"])
def test_a_second_process_waits_and_then_finds_what_the_first_made(tmp_path, then):
    target = tmp_path / "target"
    command = [sys.executable, "-c", HOLD, str(target), then]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with staged_directory(target) as stage:
            assert first.wait() == 0
            assert names(stage) == []
            assert target.exists() == (then == "promote")
            if then == "discard":
                (stage / "second").touch()
                promote(stage, target)
    assert names(target) == ["first" if then == "promote" else "second"]
    assert names(tmp_path) == ["target"]


def test_threads_that_come_and_go_at_one_target_wait_for_one_another(tmp_path):
    inside = []

    def come_and_go(number: int) -> None:
        for _ in range(300):
            with staged_directory(tmp_path / "target"):
                inside.append(number)
                assert inside == [number]
                inside.clear()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert names(tmp_path) == []


def test_faults_of_the_disk_are_told_in_one_sentence():
    sentence = "Storing x failed: No space left on device; free space or mend it, then retry."
    with pytest.raises(StorageFailed) as caught, local_storage("Storing x"), open("/dev/full", "wb", 0) as full:  # noqa: PTH123
        full.write(b"x")
    assert str(caught.value) == sentence
