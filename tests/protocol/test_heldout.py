import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.artifacts import manifest_of
from protocol.errors import ArtifactError, ConfigInvalid, StorageFailed, TaskFailed
from protocol.heldout import SEALED_FILE, decrypt, encrypt, new_key
from protocol.heldout import _cipher as cipher
from protocol.heldout import _nonce as nonce

KEY = bytes(range(32))
SEGMENT = 64 * 1024 + 16
HEADER = 40


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "plain" / "folder").mkdir(parents=True)
    (tmp_path / "plain" / "empty").touch()
    (tmp_path / "plain" / "folder" / "large").write_bytes(bytes(range(251)) * 1000)
    return tmp_path / "plain"


@pytest.fixture
def sealed(plain, tmp_path):
    return encrypt(plain, KEY, tmp_path / "sealed")


def unopenable(sealed, tmp_path, reason, key=KEY):
    with pytest.raises(TaskFailed, match=f"held-out set: cannot be opened: .*{reason}"):
        decrypt(sealed, key, tmp_path / "opened")
    assert sorted(path.name for path in tmp_path.iterdir() if "opened" in path.name) == []


def test_what_is_sealed_opens_with_its_key(plain, sealed, tmp_path):
    assert [path.name for path in sealed.iterdir()] == [SEALED_FILE]
    opened = decrypt(sealed, KEY, tmp_path / "opened")
    assert manifest_of(opened) == manifest_of(plain)
    assert (opened / "folder" / "large").read_bytes() == (plain / "folder" / "large").read_bytes()


@given(sizes=st.lists(st.sampled_from([0, 1, 100, 65_300, 65_400, 65_536, 65_537, 131_072]), min_size=1, max_size=4))
def test_any_sizes(sizes, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sizes")
    (directory / "plain").mkdir()
    for number, size in enumerate(sizes):
        (directory / "plain" / str(number)).write_bytes(bytes([number]) * size)
    opened = decrypt(encrypt(directory / "plain", KEY, directory / "sealed"), KEY, directory / "opened")
    assert manifest_of(opened) == manifest_of(directory / "plain")


def test_a_plaintext_that_fills_its_segments_exactly(tmp_path):
    (tmp_path / "plain").mkdir()
    file = tmp_path / "plain" / "a"
    file.write_bytes(b"x" * 131_000)
    listed = 4 + len(manifest_of(tmp_path / "plain").to_bytes())
    file.write_bytes(b"x" * (2 * 65_536 - listed))
    sealed = encrypt(tmp_path / "plain", KEY, tmp_path / "sealed")
    assert (sealed / SEALED_FILE).stat().st_size == HEADER + 2 * SEGMENT
    assert manifest_of(decrypt(sealed, KEY, tmp_path / "opened")) == manifest_of(tmp_path / "plain")


def test_sealings_differ_and_hide_what_they_hold(plain, sealed, tmp_path):
    again = encrypt(plain, KEY, tmp_path / "again")
    first, second = ((folder / SEALED_FILE).read_bytes() for folder in (sealed, again))
    assert first[HEADER:1000] != second[HEADER:1000]
    assert b"folder" not in first
    assert new_key() != new_key()


@pytest.mark.parametrize("key", [bytes(32), b"", KEY[:31], KEY + b"\0"])
def test_another_key_opens_nothing(sealed, tmp_path, key):
    unopenable(sealed, tmp_path, "key", key)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"", "not a sealed"),
        (lambda data: b"x" + data[1:], "not a sealed"),
        (lambda data: data[:HEADER], "altered"),
        (lambda data: data[:20], "altered"),
        (lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:], "altered"),
        (lambda data: data[:-1], "altered"),
        (lambda data: data + b"\0", "altered"),
        (lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:], "altered"),
        (lambda data: data[: HEADER + SEGMENT], "altered"),  # cut between two segments
        (lambda data: data[: HEADER + SEGMENT] + data[HEADER:], "altered"),  # one repeated
        (lambda data: data[:HEADER] + data[HEADER + SEGMENT :], "altered"),  # one left out
    ],
)
def test_an_altered_set_opens_for_nobody(sealed, tmp_path, change, reason):
    data = (sealed / SEALED_FILE).read_bytes()
    (sealed / SEALED_FILE).write_bytes(change(data))
    unopenable(sealed, tmp_path, reason)


def forge(tmp_path, plaintext):
    """What a hostile creator may seal: anything."""
    (tmp_path / "forged").mkdir()
    salt = bytes(32)
    data = b"SKEINHO1" + salt + cipher(KEY, salt).encrypt(nonce(0, True), plaintext, None)
    (tmp_path / "forged" / SEALED_FILE).write_bytes(data)
    return tmp_path / "forged"


EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def manifest(path="a", size=0, cid=EMPTY):
    data = f'{{"files":[{{"cid":"{cid}","path":"{path}","size":{size}}}],"version":1}}'.encode()
    return len(data).to_bytes(4) + data


@pytest.mark.parametrize(
    ("plaintext", "reason"),
    [
        (b"", "ends too early"),
        (b"\0\0\0", "ends too early"),
        (b"\0\0\0\0", "is not valid"),
        (b"\xff\xff\xff\xff", "4294967295 bytes"),
        (b"\0\0\1\0" + b"{", "ends too early"),
        (manifest("../../../etc/cron.d/x"), "is not valid"),
        (manifest("/tmp/x"), "is not valid"),
        (manifest("a", 5), "ends too early"),
        (manifest("a", 5) + b"other", "is not what its manifest says"),
        (manifest("a") + b"x", "behind its last file"),
        (manifest("a", 2**42, "bafybeifwp2ckiq7kaefcrxkcalv6bs5x7e7ozrigy4ypvcqwetgnxfb2hi"), "ends too early"),
    ],
)
def test_a_hostile_creator_gains_nothing(tmp_path, plaintext, reason):
    unopenable(forge(tmp_path, plaintext), tmp_path, reason)


def test_other_files_beside_it(sealed, tmp_path):
    (sealed / "more").touch()
    unopenable(sealed, tmp_path, "and nothing else")


def test_nothing_is_overwritten(plain, sealed, tmp_path):
    with pytest.raises(ConfigInvalid, match="holds something else"):
        decrypt(sealed, KEY, plain)
    with pytest.raises(ConfigInvalid, match="holds something else"):
        encrypt(plain, KEY, sealed)


def test_what_is_no_artifact_is_not_sealed(tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(ArtifactError, match="has no files"):
        encrypt(tmp_path / "plain", KEY, tmp_path / "sealed")
    assert not (tmp_path / "sealed").exists()


def test_a_wrong_key_length_is_the_creators_error(plain, tmp_path):
    with pytest.raises(ValueError, match="32 bytes"):
        encrypt(plain, b"short", tmp_path / "sealed")


def test_a_fault_of_this_machine_is_no_verdict(sealed, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        decrypt(sealed, KEY, tmp_path / "file" / "opened")
