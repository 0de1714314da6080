from world import World

from protocol.phases import SubmissionState


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
