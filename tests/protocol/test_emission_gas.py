"""Emission changes with every second, and with it the gas that a call takes which was estimated a second before."""

from pathlib import Path

import play
from daemons import anvil
from network import FUNDS, Network, accounts, deploy

from protocol.deployment import Deployment

SCHEDULE = {"SKEIN_EMISSION_DELAY": "10", "SKEIN_EPOCH": "600", "SKEIN_EMISSION": "600"}


def test_estimated_gas_is_enough_in_a_later_block(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    with anvil() as running:
        deploy(running.url, path, **SCHEDULE)
        network = Network(running, Deployment.read(path), path)
        for account in accounts()[1:8]:
            network.chain(0).send("SkeinToken", "transfer", account.address, FUNDS)
        tasks = [play.create_task(network) for _ in range(2)]
        submissions = [play.commit(network, task, trainer) for task, trainer in zip(tasks, (2, 3), strict=True)]
        for task in tasks:
            for validator in (4, 5):
                play.register(network, task, validator)
        play.to_end_of(network, tasks[1], "commit")
        for task, submission, trainer in zip(tasks, submissions, (2, 3), strict=True):
            play.reveal(network, task, submission, trainer)
        play.to_end_of(network, tasks[1], "reveal")

        chain = network.chain(1)
        chain.send("Arena", "releaseKey", tasks[0], play.KEY)  # the first stake at work: nothing was emitted before
        signed = chain.sign(chain.build("Arena", "releaseKey", tasks[1], play.KEY))
        network.sleep(900)
        chain.broadcast(signed.raw)
        assert chain.wait(signed.hash).event("Arena.KeyReleased").args["task_id"] == tasks[1]
