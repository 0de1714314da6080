"""The tree over a task's canaries, against the library that the arena verifies it with."""

from hypothesis import given
from hypothesis import strategies as st

from protocol import encoding as e


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20), st.data())
def test_every_leaf_is_proved_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = e.canary_proof(leaves, index)
    node = leaves[index]
    for beside in proof:
        node = e.keccak(min(node, beside) + max(node, beside))
    assert "0x" + node.hex() == e.canary_root(leaves)
    assert len(proof) <= 5


def test_no_canaries_have_no_root() -> None:
    assert e.canary_root([]) == "0x" + "00" * 32
