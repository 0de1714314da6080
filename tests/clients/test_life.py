from typing import Any

from world import World

from protocol.phases import SubmissionState


def remembered(owner: Any, task: int) -> list[str]:
    """The tables of an object that know of a task."""

    def is_of_it(key: object) -> bool:
        first = key[0] if isinstance(key, tuple) else key
        return first == task or str(first).startswith(f"task:{task}:")

    tables = ((name, table) for name, table in vars(owner).items() if isinstance(table, dict | set))
    return [name for name, table in tables if any(map(is_of_it, table))]


def test_nothing_of_a_task_that_is_over_stays_in_memory(world: World) -> None:
    task = world.task()
    clients: list[Any] = [world.trainer(2, keep_days=0), *(world.validator(n, keep_days=0) for n in (4, 5, 6))]
    world.live(task)
    owners = [*clients, *(client.upkeep for client in clients), *(client.duties for client in clients[1:])]
    assert {"_specs", "_findings", "_published", "_known"} <= {
        name for each in owners for name in remembered(each, task)
    }
    world.network.mine(clients[0].confirmations + 1)
    world.work()
    assert [remembered(each, task) for each in owners] == [[]] * len(owners)
    assert all(client.folder(task).exists() and client.journal.has(f"task:{task}:") for client in clients)
    for client in clients:
        client.retention._next_look = 0  # an hour later
    world.work()
    assert not any(client.folder(task).exists() for client in clients)
    assert not any(client.journal.facts(f"task:{task}:") for client in clients)


def test_trainers_and_validators_carry_a_task_from_commit_to_claim(world: World) -> None:
    task = world.task()
    for account in (2, 3):
        world.trainer(account, learning_rate=0.003 * account)
    for account in (4, 5, 6):
        world.validator(account)
    world.live(task)
    record = world.chain.task(task)
    assert record.finalized
    assert world.states(task) == [SubmissionState.SCORED] * 2
    assert min(world.chain.submission(task, number).score for number in (1, 2)) > 0.9e9
    assert record.slashed == 0
    assert [world.locked(account) for account in range(2, 7)] == [0] * 5
    assert all(world.own(account) > 1000 for account in range(2, 7))
