from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import SPEC_FIELDS, sample_spec

from protocol.artifacts import manifest_of
from protocol.documents import canonical_json
from protocol.errors import SpecInvalid
from protocol.specs import check_parameters, load_spec, read_spec, spec_digest, write_spec

SPEC = sample_spec()


def test_a_specification_is_read_as_it_was_written(tmp_path):
    assert load_spec(SPEC.to_bytes()) == SPEC
    assert read_spec(write_spec(SPEC, tmp_path)) == SPEC
    assert spec_digest(SPEC) == manifest_of(tmp_path).digest


texts = st.text(max_size=50)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda v: st.lists(v) | st.dictionaries(texts, v)
)


@given(texts.filter(bool), st.dictionaries(texts, values, max_size=5), st.integers(0, 10**9))
def test_a_specification_has_one_spelling(title, model, tolerance):
    try:
        spec = sample_spec(title=title, model=model, tolerance=tolerance, slash_tolerance=10**9, grid=10**9)
    except SpecInvalid as error:
        assert "not allowed in texts" in str(error) or "surrogates" in str(error)
        return
    data = spec.to_bytes()
    assert (load_spec(data), load_spec(data).to_bytes()) == (spec, data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version: "),
        ({"kind": "../../x"}, "kind: "),
        ({"title": ""}, "title: "),
        ({"title": "x" * 121}, "title: "),
        ({"title": "a\u202eb"}, r"title: the character U\+202E is not allowed"),
        ({"description": "\x1b[2J"}, r"description: the character U\+001B"),
        ({"description": "x" * 8001}, "description: "),
        ({"metric": "Accuracy"}, "metric: "),
        ({"maximise": 1}, "maximise: "),
        ({"scale": 0}, "scale: "),
        ({"scale": 2**62 + 1}, "scale: "),
        ({"tolerance": "100000"}, "tolerance: "),
        ({"tolerance": 10**7}, "tolerance <= slash_tolerance"),
        ({"slash_tolerance": 10**9 + 1}, "slash_tolerance <= scale"),
        ({"grid": 0}, "grid: "),
        ({"grid": 10**9 + 1}, "grid <= scale"),
        ({"grid": 10**5 - 1}, "tolerance <= grid"),
        ({"model": []}, "model: "),
        ({"model": {"x": "y" * 70_000}}, "larger than 65536 bytes"),
        ({"model": {"x": 0.5}}, "float 0.5; write scaled integers"),
        ({"training_digest": "0x" + "A" * 64}, "training_digest: "),
        ({"held_out_digest": None}, "held_out_digest: "),
        ({"limits": {}}, "limits.max_model_bytes: "),
        ({"limits": SPEC_FIELDS["limits"] | {"max_seconds": 0}}, "limits.max_seconds: "),
        ({"limits": SPEC_FIELDS["limits"] | {"max_memory_bytes": 10**6}}, "limits.max_memory_bytes: "),
        ({"extra": 1}, "extra: "),
    ],
)
def test_what_is_wrong_is_named(change, reason):
    with pytest.raises(SpecInvalid, match=f"The specification is not valid: .*{reason}"):
        sample_spec(**change)
    if "float" not in reason:
        with pytest.raises(SpecInvalid, match=reason if "larger" not in reason else "the limit is 65536"):
            load_spec(canonical_json(SPEC.model_dump(mode="json") | change))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[" * 60_000, "recursion limit exceeded"),
        (b" " * 70_000, "limit is 65536"),
        (SPEC.to_bytes() + b"\n", "not canonical"),
        (SPEC.to_bytes().replace(b'"version":1', b'"version":1.0'), "float 1.0"),
    ],
)
def test_what_is_no_specification(data, reason):
    with pytest.raises(SpecInvalid, match=reason):
        load_spec(data)


def test_its_artifact_holds_nothing_else(tmp_path):
    with pytest.raises(SpecInvalid, match="has no files"):
        read_spec(tmp_path)
    write_spec(SPEC, tmp_path)
    (tmp_path / "run.sh").touch()
    with pytest.raises(SpecInvalid, match=r"task\.json and nothing else"):
        read_spec(tmp_path)
    (tmp_path / "run.sh").unlink()
    with (tmp_path / "task.json").open("wb") as huge:
        huge.truncate(2**40)
    with pytest.raises(SpecInvalid, match="limit is 65536"):
        read_spec(tmp_path)


def test_the_chain_must_say_the_same():
    names = ("held_out_digest", "maximise", "scale", "tolerance", "slash_tolerance", "grid")
    same = {name: getattr(SPEC, name) for name in names} | {"spec_digest": spec_digest(SPEC), "bounty": 5}
    check_parameters(SPEC, SimpleNamespace(**same))
    for name, other in [("spec_digest", "0x00"), ("held_out_digest", "0x00"), ("maximise", False), ("grid", 1)]:
        with pytest.raises(SpecInvalid, match=f"{name}: it says .*, the chain says {other}"):
            check_parameters(SPEC, SimpleNamespace(**same | {name: other}))


def test_a_base_model_is_named_or_left_out():
    assert b"base_digest" not in sample_spec().to_bytes()
    spec = sample_spec(base_digest="0x" + "3" * 64)
    assert load_spec(spec.to_bytes()) == spec
    null = sample_spec().to_bytes().replace(b'"description"', b'"base_digest":null,"description"')
    with pytest.raises(SpecInvalid, match="canonical"):
        load_spec(null)
