"""Training an adapter with transformers and peft, which are loaded when a training begins: validators do without."""

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn import functional

from protocol.documents import Document
from protocol.errors import ConfigInvalid, TaskFailed
from protocol.models import Tensors
from protocol.tasks.base import Budget, Progress, Trained, Weights
from protocol.tasks.checkpoints import Checkpoint
from protocol.tasks.determinism import deterministic
from protocol.tasks.transformer import PROJECTIONS, Architecture, place

STEPS = 20  # of the optimizer, at most, between two looks at the documents that were kept aside
_IGNORED = -100
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}

Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Adapter(Document):
    """What is trained: matrices of this rank beside the target projections, in every layer."""

    rank: Annotated[int, Field(ge=1, le=1024)]
    alpha: Annotated[int, Field(ge=1, le=65_536)]
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]

    @field_validator("targets")
    @classmethod
    def _check_targets(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        if list(targets) != [name for name in PROJECTIONS if name in targets]:
            raise ValueError(f"write each once, in the order {', '.join(PROJECTIONS)}")
        return targets


@dataclass(frozen=True)
class Part:
    """Documents as windows of tokens, each with the token before it in front, and how many bytes they have."""

    windows: Sequence[NDArray[np.int64]]
    size: int


class LoraTraining:
    """One training run: AdamW on the mean loss of a batch's tokens, stopped early by the documents kept aside."""

    def __init__(
        self,
        architecture: Architecture,
        base: Tensors,
        adapter: Adapter,
        rows: Part,
        kept: Part,
        budget: Budget,
        seed: int,
    ) -> None:
        self.rows, self.kept, self.budget, self.seed, self.adapter = rows, kept, budget, seed, adapter
        with deterministic(seed):
            self.network = _adapted(hugging_face(architecture, base), adapter, budget.dropout).to(budget.device)
            self.batches = list(self._batches())
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=budget.learning_rate, weight_decay=budget.weight_decay)
        self.checkpoint = Checkpoint(budget.checkpoint, budget.checkpoint_seconds)
        self.done, self.spent = 0, 0.0  # batches, and seconds, by earlier lives as well
        self.history: list[Progress] = []
        self.best, self.found = 0, self.weights()

    def _batches(self) -> Iterator[tuple[list[int], bool]]:
        """The windows of every batch of the training, and whether to look at the documents kept aside after it."""
        for _ in range(self.budget.epochs):
            order = torch.split(torch.randperm(len(self.rows.windows)), self.budget.batch_size)
            for number, batch in enumerate(order, 1):
                yield batch.tolist(), number % STEPS == 0 or number == len(order)

    def run(self, progress: Callable[[Progress], None]) -> Trained:
        """Each step of the history is up to STEPS batches; the first shows the base model as it is."""
        with deterministic(self.seed):
            self._go_on()
            if not self.history:
                self._look(progress)
            while self.done < len(self.batches) and not self._is_over():
                started = time.monotonic()
                batch, pause = self.batches[self.done]
                self._step([self.rows.windows[index] for index in batch])
                self.done += 1
                self.spent += time.monotonic() - started
                if pause or self._is_over():
                    self._look(progress)
                if self.checkpoint.due():
                    self.checkpoint.keep(self._state())
        return Trained(self.found, tuple(self.history))

    def _is_over(self) -> bool:
        """Whether the time is over, or `patience` epochs in a row brought nothing."""
        most, per_epoch = self.budget.max_seconds, sum(pause for _, pause in self.batches) // self.budget.epochs
        if self.done and most is not None and self.spent > most:
            return True
        return len(self.history) - 1 - self.best >= self.budget.patience * per_epoch

    def _look(self, progress: Callable[[Progress], None]) -> None:
        """Measure, and keep the adapter if it is the best."""
        started = time.monotonic()
        step = self._measure(len(self.history), sum(pause for _, pause in self.batches))
        self.history.append(step)
        if step.loss < self.history[self.best].loss:
            self.best, self.found = step.step, self.weights()
        self.spent += time.monotonic() - started
        progress(step)

    def _state(self) -> dict[str, Any]:
        return {
            "adapter": {name: torch.from_numpy(array) for name, array in self.weights().items()},
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "history": [astuple(step) for step in self.history],
            "found": {name: torch.from_numpy(array) for name, array in self.found.items()},
            "numbers": [self.best, self.done, self.spent],
        }

    def _go_on(self) -> None:
        """Take up the state that an earlier life has kept."""
        state = self.checkpoint.read()
        if state is None:
            return
        with torch.no_grad():
            for name, parameter in self._parameters():
                parameter.copy_(state["adapter"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self.history = [Progress(*step) for step in state["history"]]
        self.found = {name: tensor.numpy() for name, tensor in state["found"].items()}
        self.best, self.done, self.spent = state["numbers"]

    def _step(self, windows: Sequence[NDArray[np.int64]]) -> None:
        self.network.train()
        self.optimizer.zero_grad()
        losses = self._losses(windows)
        torch.autograd.backward(losses.mean())
        self.optimizer.step()

    def _losses(self, windows: Sequence[NDArray[np.int64]]) -> Tensor:
        """The loss of every token of the windows, nats."""
        length = max(map(len, windows))
        padded = [np.pad(window, (0, length - len(window)), constant_values=_IGNORED) for window in windows]
        tokens = torch.from_numpy(np.stack(padded)).to(self.budget.device)
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        mask = inputs != _IGNORED
        outputs = self.network(input_ids=inputs * mask, attention_mask=mask.long()).logits
        wanted = targets != _IGNORED
        return functional.cross_entropy(outputs[wanted].float(), targets[wanted], reduction="none")

    def _measure(self, step: int, steps: int) -> Progress:
        self.network.eval()
        nats, tokens = 0.0, 0
        with torch.inference_mode():
            for begin in range(0, len(self.kept.windows), self.budget.batch_size):
                losses = self._losses(self.kept.windows[begin : begin + self.budget.batch_size])
                nats, tokens = nats + float(losses.double().sum()), tokens + len(losses)
        if not math.isfinite(nats):
            raise TaskFailed("causal_lm", "the training diverged; choose a lower learning rate")
        return Progress(step, steps, nats / tokens, nats / math.log(2) / self.kept.size)

    def weights(self) -> Weights:
        """The adapter as a model has it."""
        return {name: parameter.detach().cpu().numpy().copy() for name, parameter in self._parameters()}

    def _parameters(self) -> Iterator[tuple[str, Tensor]]:
        for layer, block in enumerate(self.network.base_model.model.model.layers):
            for target in self.adapter.targets:
                module = block.get_submodule(place(target))
                for name, part in (("a", module.lora_A), ("b", module.lora_B)):
                    yield f"layers.{layer}.{target}.{name}", part["default"].weight


def hugging_face(architecture: Architecture, base: Tensors) -> Any:
    """The base model as a network of transformers, float32. ConfigInvalid where that is not installed."""
    os.environ.update(_OFFLINE)
    try:
        import transformers
    except ImportError:
        raise ConfigInvalid("Training for the kind causal_lm needs transformers; install skein[lm].") from None
    config = {
        "vocab_size": architecture.vocabulary,
        "hidden_size": architecture.hidden,
        "intermediate_size": architecture.intermediate,
        "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads,
        "num_key_value_heads": architecture.kv_heads,
        "head_dim": architecture.head_dim,
        "rope_theta": float(architecture.rope_theta),
        "rms_norm_eps": architecture.norm_epsilon / 10**9,
        "tie_word_embeddings": architecture.tied,
        "use_cache": False,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    name = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}[architecture.family]
    network = getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, f"{name}Config")(**config))
    state = {key: torch.from_numpy(value.astype(np.float32, copy=False)) for key, value in base.items()}
    if architecture.tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    network.load_state_dict(state)
    return network


def _adapted(network: Any, adapter: Adapter, dropout: float) -> Any:
    import peft

    config = peft.LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        target_modules=list(adapter.targets),
        lora_dropout=dropout,
        bias="none",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of things that do not concern this use
        return peft.get_peft_model(network, config)
