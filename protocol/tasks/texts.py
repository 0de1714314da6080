"""Texts without labels: how they are kept, and where creators' texts come from.

The artifact's `data.safetensors` has text: the bytes (U8) of all documents, UTF-8, one behind the other, and ends:
where each of them ends (I64, shape (documents,)).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocol.configuration import expanded
from protocol.documents import parse_json
from protocol.errors import ConfigInvalid, TaskFailed
from protocol.models import Tensors, TensorType
from protocol.tasks.base import Origin
from protocol.tasks.sets import Card, read_set, write_set

PIECE_BYTES = 2048  # of a document, when a long text is cut into several
_MAX_DOCUMENT_BYTES = 2**20


@dataclass(frozen=True)
class Texts:
    """Documents, each some UTF-8. `mean_bytes`: of the set that they were taken from; None where they are the set.

    `tokens`: of every document, as a base model's tokenizer has it (int64); empty before that was asked.
    """

    documents: tuple[bytes, ...]
    mean_bytes: float | None = None
    tokens: tuple[NDArray[np.int64], ...] = ()

    def __len__(self) -> int:
        return len(self.documents)

    def mean(self) -> float:
        """How many bytes a document of the whole set has on average."""
        return self.mean_bytes or sum(map(len, self.documents)) / len(self.documents)

    def rows(self, indices: NDArray[np.int64]) -> "Texts":
        """Some of the documents, in the order of `indices`."""
        documents = tuple(self.documents[index] for index in indices)
        tokens = tuple(self.tokens[index] for index in indices) if self.tokens else ()
        return Texts(documents, self.mean(), tokens)

    def strata(self) -> NDArray[np.int64]:
        """They are all of one sort."""
        return np.zeros(len(self), np.int64)

    def content(self, index: int) -> bytes:
        """A document's bytes."""
        return self.documents[index]


def write_texts(directory: Path, texts: Texts, card: Card) -> Path:
    """Write the artifact of texts; the card's number of rows is set to that of the documents. StorageFailed."""
    return write_set(directory, _tensors(texts), card, len(texts))


def write_labelled(directory: Path, texts: Texts, y: NDArray[np.int64], card: Card) -> Path:
    """The same with a class for each document."""
    return write_set(directory, {**_tensors(texts), "y": y}, card, len(texts))


def _tensors(texts: Texts) -> Tensors:
    ends = np.cumsum([len(document) for document in texts.documents], dtype=np.int64)
    return {"text": np.frombuffer(b"".join(texts.documents), np.uint8), "ends": ends}


def read_texts(directory: Path) -> Texts:
    """Read texts; TaskFailed if the artifact is anything else. The card is not looked at."""
    return Texts(documents_in(text_tensors(directory, {})))


def text_tensors(directory: Path, others: Mapping[str, TensorType]) -> Tensors:
    """The tensors of texts, and others of as many rows; TaskFailed if the artifact has anything else."""
    expected = {"text": TensorType("U8", (None,)), "ends": TensorType("I64", (None,)), **others}
    return read_set(directory, expected, rows=("ends", *others))


def documents_in(tensors: Tensors) -> tuple[bytes, ...]:
    """The documents; TaskFailed if they do not divide the text, or are no texts."""
    ends, text = tensors["ends"], tensors["text"].tobytes()
    starts = np.concatenate([[0], ends[:-1]])
    if ends[-1] != len(text) or not ((ends > starts) & (ends - starts <= _MAX_DOCUMENT_BYTES)).all():
        raise TaskFailed("data set", f"its documents are not all of its text, 1 to {_MAX_DOCUMENT_BYTES:,} bytes each")
    documents = tuple(text[start:end] for start, end in zip(starts, ends, strict=True))
    for number, document in enumerate(documents):
        if not is_utf8(document):
            raise TaskFailed("data set", f"document {number} is not UTF-8")
    return documents


def is_utf8(document: bytes) -> bool:
    """Whether the bytes are a text."""
    try:
        document.decode()
    except UnicodeDecodeError:
        return False
    return True


def texts_source(origin: Origin) -> tuple[Texts, Card]:
    """A creator's texts: a .txt file, cut into pieces; a directory of them; a .jsonl file with a "text" in every line.

    ConfigInvalid says what is wrong with them.
    """
    path = expanded(origin.source)
    if path.is_dir():
        texts = [text for file in sorted(path.glob("**/*.txt")) for text in pieces(_read(file))]
    elif path.suffix == ".jsonl":
        texts = [piece for line, text in enumerate(_read(path).splitlines(), 1) for piece in _line(path, line, text)]
    else:
        texts = list(pieces(_read(path)))
    if not texts:
        raise ConfigInvalid(f"{path} has no text.")
    card = Card(name=path.stem[:200] or "texts", rows=len(texts))
    return Texts(tuple(text.encode() for text in texts)), card


def pieces(text: str, most: int = PIECE_BYTES) -> Iterator[str]:
    """Cut a text where it has a paragraph, else a line, a sentence, a space, into at most `most` bytes of UTF-8."""
    text, start = text.strip(), 0
    while start < len(text):
        # more than fits: to look at the whole rest would take time by the square of the length
        head = text[start : start + most].encode()[:most].decode(errors="ignore")
        if start + len(head) == len(text):
            yield head
            return
        places = (head.rfind(mark) + len(mark) for mark in ("\n\n", "\n", ". ", " "))
        cut = next((place for place in places if place > len(head) // 2), len(head))
        yield head[:cut].strip()
        start += cut
        while text[start].isspace():
            start += 1


def _read(path: Path) -> str:
    if not path.is_file():
        raise ConfigInvalid(f"{path} cannot be read: there is no such file.")
    try:
        return re.sub(r"\r\n?", "\n", path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from None


def _line(path: Path, number: int, line: str) -> Sequence[str]:
    """The text of a line of JSON, in pieces."""
    if not line.strip():
        return ()
    try:
        text = parse_json(line.encode())["text"]
    except (ValueError, KeyError, TypeError):
        raise ConfigInvalid(f'Line {number} of {path} is not JSON such as {{"text": "…"}}.') from None
    if not isinstance(text, str) or not is_text(text):
        raise ConfigInvalid(f'Line {number} of {path} has a "text" that is none.')
    return list(pieces(text))


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
