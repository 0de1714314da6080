"""`skein trainer privacy`: what a member has spent, round by round, from its journal."""

from node.journal import Journal
from node.keys import address_in
from node.output import NotFound, Output
from trainer.federated.ledger import table
from trainer.settings import TrainerClient

_COLUMNS = ("round", "noise", "rate", "steps", "epsilon")


def show_privacy(client: TrainerClient, federation: int, output: Output) -> None:
    """A row per update that was made. NotFound where there is none."""
    chain = client.chain()
    address = address_in(client.key_file())
    journal = Journal.open_for(client.home, chain, address)
    try:
        known = journal.recall(f"federation-{federation}:privacy")
    finally:
        journal.close()
    if not known:
        raise NotFound(f"{address} has spent nothing of its privacy in federation {federation}.")
    delta = int(known["delta"])
    rows = table(known["rounds"], delta)
    shown = [(number, noise, f"{rate:.4f}", steps, f"{spent:.4f}") for number, noise, rate, steps, spent in rows]
    title = "" if output.json else f"Spent at δ = 1e-{delta}"
    output.table(title, _COLUMNS, shown)
