"""Hostile artifacts around a model: more files than there should be, and manifests that lie.

A manifest goes into the store as raw bytes, under the CID that it has, as any enemy can put it into IPFS.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile.models import MODELS, filled, good

from protocol.artifacts import FileHasher, manifest_cid
from protocol.tasks.runs import MODEL_FILE


@dataclass(frozen=True)
class Hostile:
    """`manifest` as bytes and `blocks` by CID go into the store; the verdict and a part of its reason."""

    manifest: bytes
    blocks: Mapping[str, bytes]
    says: str
    verdict: str = "invalid"

    @property
    def digest(self) -> str:
        return "0x" + hashlib.sha256(self.manifest).hexdigest()

    def publish(self, store: Path) -> str:
        """Put it into a directory store without its help; the digest."""
        for cid, data in {**self.blocks, manifest_cid(self.digest): self.manifest}.items():
            (store / cid[-2:]).mkdir(parents=True, exist_ok=True)
            (store / cid[-2:] / cid).write_bytes(data)
        return self.digest


@dataclass
class Lie:
    """A manifest of one good model, before its bytes are made; the fields can be turned into lies."""

    path: str = MODEL_FILE
    data: bytes = field(default_factory=good)
    size: Any = None
    cid: str | None = None
    served: bytes | None = None
    more: tuple[dict[str, Any], ...] = ()

    def entry(self) -> dict[str, Any]:
        size = len(self.data) if self.size is None else self.size
        return {"cid": self.cid or cid_of(self.data), "path": self.path, "size": size}

    def told(self) -> bytes:
        return canonical({"files": [self.entry(), *self.more], "version": 1})

    def blocks(self) -> dict[str, bytes]:
        return {cid_of(self.data): self.data if self.served is None else self.served}


def cid_of(data: bytes) -> str:
    hasher = FileHasher()
    hasher.update(data)
    return hasher.cid()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def artifact(files: Mapping[str, bytes], says: str) -> Hostile:
    """An honest manifest of these files."""
    entries = [{"cid": cid_of(data), "path": path, "size": len(data)} for path, data in sorted(files.items())]
    blocks = {cid_of(data): data for data in files.values()}
    return Hostile(canonical({"files": entries, "version": 1}), blocks, says)


def lie(says: str, verdict: str = "invalid", **fields: Any) -> Hostile:
    made = Lie(**fields)
    return Hostile(made.told(), made.blocks(), says, verdict)


def bytes_instead(manifest: bytes, says: str, verdict: str = "invalid") -> Hostile:
    return Hostile(manifest, Lie().blocks(), says, verdict)


def served(says: str, named: bytes, given: bytes) -> Hostile:
    """A store that gives other bytes than those it was asked for."""
    return lie(says, "unavailable", data=named, served=given)


def pathed(path: str, says: str = "is not a relative path of letters") -> Hostile:
    return lie(says, path=path)


_NOTHING_ELSE = f"must hold {MODEL_FILE} and nothing else"
_EMPTY = {"cid": cid_of(b""), "path": "", "size": 0}
_DIRECTORY = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
_UNCANONICAL = "not canonical JSON"


def _entry(path: str) -> dict[str, Any]:
    return {**_EMPTY, "path": path}


def _files() -> dict[str, Hostile]:
    model = good()
    many = {f"part-{number:04}": b"" for number in range(1000)} | {MODEL_FILE: model}
    return {
        "pickle beside the model": artifact({MODEL_FILE: model, "pytorch_model.bin": b"\x80\x04."}, _NOTHING_ELSE),
        "code beside the model": artifact({MODEL_FILE: model, "modeling_evil.py": b"import os"}, _NOTHING_ELSE),
        "configuration beside the model": artifact({MODEL_FILE: model, "config.json": b"{}"}, _NOTHING_ELSE),
        "model under another name": artifact({"pytorch_model.bin": model}, _NOTHING_ELSE),
        "model in capitals": artifact({"MODEL.safetensors": model}, _NOTHING_ELSE),
        "model in a folder": artifact({f"model/{MODEL_FILE}": model}, _NOTHING_ELSE),
        "model as a folder": artifact({f"{MODEL_FILE}/part": model}, _NOTHING_ELSE),
        "a thousand files": artifact(many, "in 1001 files; at most"),
        "file named like what the store writes": artifact(
            {MODEL_FILE: model, ".manifest.json.part": b"{}"}, _NOTHING_ELSE
        ),
        "larger than allowed": artifact({MODEL_FILE: bytes((64 << 20) + 1)}, "at most 67,108,864"),
    }


def _manifests() -> dict[str, Hostile]:
    good_one, text = Lie(), Lie().told().decode()
    files = [good_one.entry()]
    return {
        "path upwards": pathed("../model.safetensors"),
        "path upwards in the middle": pathed("a/../../model.safetensors"),
        "path from the root": pathed("/etc/cron.d/evil"),
        "path with a drive": pathed("C:\\model.safetensors"),
        "path with NUL": pathed("model\0.safetensors"),
        "path with a line break": pathed("model\n.safetensors"),
        "path with an empty part": pathed("a//model.safetensors"),
        "path of a dot": pathed("."),
        "path that is empty": pathed(""),
        "path that turns text around": pathed("\u202esrotsnefates.ledom"),
        "path with other letters for the same": pathed("m\u043edel.safetensors"),
        "path in the home directory": pathed("~/.bashrc"),
        "path of 300 letters": pathed("a" * 300, "is longer than"),
        "reserved name": pathed("manifest.json", "is a reserved name"),
        "reserved name in capitals": pathed("Manifest.JSON", "is a reserved name"),
        "path twice": lie("is there twice", more=(good_one.entry(),)),
        "path twice but for capitals": lie("is there twice", path="MODEL.safetensors", more=(_entry(MODEL_FILE),)),
        "file that is a folder too": lie("is both a file and a directory", more=(_entry(f"{MODEL_FILE}/x"),)),
        "files out of order": lie("not sorted", more=(_entry("a"),)),
        "no files": bytes_instead(b'{"files":[],"version":1}', "files"),
        "no manifest but a model": bytes_instead(good()[:1000], "is not valid"),
        "manifest of nothing": bytes_instead(b"", "is not valid"),
        "manifest of another version": bytes_instead(canonical({"files": files, "version": 2}), "version"),
        "manifest with a field too many": bytes_instead(
            canonical({"files": files, "run": "sh", "version": 1}), "run: Extra inputs"
        ),
        "manifest with white space": bytes_instead(text.replace(",", ", ").encode(), _UNCANONICAL),
        "manifest with escapes": bytes_instead(text.replace("model", r"\u006dodel").encode(), _UNCANONICAL),
        "manifest with a key twice": bytes_instead(text.replace('"version":1', '"version":1,"version":1').encode(), ""),
        "manifest with a line break at the end": bytes_instead(text.encode() + b"\n", _UNCANONICAL),
        "manifest nested too deeply": bytes_instead(b"[" * 100_000 + b"]" * 100_000, "is not valid"),
        "manifest that is not UTF-8": bytes_instead(b'{"files":"\xff"}', "is not valid"),
        "manifest larger than a block": bytes_instead(b" " * (256 * 1024 + 1), "are not it", "unavailable"),
        "size that is a fraction": lie("has the float", size=1.5),
        "size that is a text": lie("size", size="12"),
        "size below zero": lie("size", size=-1),
        "size of 8 TiB": lie("cannot be the CID of a file of", size=2**43),
        "size above all bounds": lie("size", size=2**60),
        "size that is too large by one": lie("The manifest gives", size=len(good()) + 1),
        "size that is too small by one": lie("are not it", "unavailable", size=len(good()) - 1),
        "CID of another codec": lie(
            "cannot be the CID", cid="bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
        ),
        "CID of the old form": lie("cannot be the CID", cid="QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"),
        "CID that holds its own bytes": lie("cannot be the CID", cid="bafkqaaa"),
        "CID in capitals": lie("cannot be the CID", cid=cid_of(good()).upper()),
        "CID that is a path": lie("cannot be the CID", cid="../../../etc/passwd"),
        "file that no store has": lie("does not have", "unavailable", cid=cid_of(b"something else")),
        "file that is another one": served("are not it", filled(0.1)(), filled(0.2)()),
        "file cut short": served("are not it", filled(0.3)(), filled(0.3)()[:-100]),
    }


def corpus() -> dict[str, Hostile]:
    """Every kind of hostile submission by its name."""
    models = {name: artifact({MODEL_FILE: build()}, says) for name, (build, says) in MODELS.items()}
    return {**models, **_files(), **_manifests()}
