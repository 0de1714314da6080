"""The exception tree of the network's programs.

ProtocolError
├── ConfigInvalid           do not retry  a setting, key file or deployment cannot be used
│   └── OutOfGas            retry         the account cannot pay for gas
├── ChainUnavailable        retry         RPC down, timeout, rate limit
│   └── NotNow              retry         the chain answers, and will take the transaction later
├── ContractReverted        do not retry  .error = "WrongPhase", .args_, .contract; decoded from the ABI
├── StorageFailed           retry         this machine cannot read or write: disk full, permissions
├── ArtifactError           do not retry  the bytes are what the digest names, but no artifact that is allowed here
│   ├── ArtifactMissing     retry         no store has it
│   │   └── StoreUnreachable retry        no store answers, so that none can say so
│   └── DigestMismatch      do not retry  bytes that are not what their name says
├── SpecInvalid             do not retry  the task's specification breaks a rule
├── ModelInvalid            do not retry  the model breaks the task's specification
├── TaskFailed              do not retry  training or evaluation failed; .kind, .reason
└── DeepReorg               stop          the chain changed below the finalised block

A class exists only if somebody handles it differently. Loops look at `retryable` and at nothing else; nobody compares
message texts. Every message is one sentence for the person at the terminal: what is wrong, and what to do.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ProtocolError(Exception):
    """Anything that can go wrong between honest programs and the world; `str(error)` is for people."""

    retryable: ClassVar[bool] = False


class ConfigInvalid(ProtocolError):
    """A setting, key file or deployment that cannot be used."""


class ChainUnavailable(ProtocolError):
    """The RPC endpoint is down, slow or refuses; nothing is known about the call."""

    retryable = True


class OutOfGas(ConfigInvalid):
    """The account has too little of the chain's own money; somebody may send it some."""

    retryable = True


class NotNow(ChainUnavailable):
    """Gas is dearer than the account may pay, or a transaction waits to be mined; everything else can go on."""


class ContractReverted(ProtocolError):
    """A contract refused a call.

    `error` is the name of its custom error ("WrongPhase"), `args_` that error's arguments by name, `contract` the name
    of the contract that was called.
    """

    def __init__(self, error: str, args: Mapping[str, Any] | None = None, contract: str = "") -> None:
        self.error = error
        self.args_: dict[str, Any] = dict(args or {})
        self.contract = contract
        told = ", ".join(f"{name}={value}" for name, value in self.args_.items())
        said = f"{contract or 'The contract'} refused: {error}({told})."
        if error == "Reverted" and not told:
            said = f"{contract or 'The contract'} refused without a reason: is the deployment file this network's?"
        super().__init__(said)

    def __reduce__(self) -> tuple[type["ContractReverted"], tuple[str, dict[str, Any], str]]:
        return type(self), (self.error, self.args_, self.contract)


class StorageFailed(ProtocolError):
    """This machine cannot read or write its own files. It says nothing of the artifact: never make a verdict of it."""

    retryable = True


class ArtifactError(ProtocolError):
    """An artifact that is not well formed or larger than allowed; everyone who has its bytes comes to the same."""


class ArtifactMissing(ArtifactError):
    """No store has the artifact now."""

    retryable = True


class StoreUnreachable(ArtifactMissing):
    """No store answers. It says nothing of the artifact: never make a verdict of it."""


class DigestMismatch(ArtifactError):
    """A store gave bytes that are not what their digest or CID names."""


class SpecInvalid(ProtocolError):
    """A specification that breaks a rule; the message names the field."""


class ModelInvalid(ProtocolError):
    """A model that its task's specification does not allow; `reason` says why in a few words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The model breaks the task's specification: {reason}.")

    def __reduce__(self) -> tuple[type["ModelInvalid"], tuple[str]]:
        return type(self), (self.reason,)


class TaskFailed(ProtocolError):
    """Training or evaluation failed; `kind` is what failed ("classification", "held-out"), `reason` why."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = reason
        super().__init__(f"{kind}: {reason}.")

    def __reduce__(self) -> tuple[type["TaskFailed"], tuple[str, str]]:
        return type(self), (self.kind, self.reason)


class DeepReorg(ProtocolError):
    """The chain changed below the block that was taken as final; what was built on it must be built anew."""
