"""Reports into the store, before the scores that they are about are revealed."""

from functools import partial

from node.jobs import Jobs
from protocol.artifacts import manifest_of
from protocol.store import ArtifactStore
from validator.evaluation import Case


class Reports:
    """The reports of one validator."""

    def __init__(self, store: ArtifactStore, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs
        self._published: set[str] = set()

    def are_published(self, task_id: int, case: Case, digests: set[str]) -> bool:
        """Whether these reports of a task are in the store; puts them there beside the loop. Errors of the store."""
        wanted = digests - self._published
        if not wanted:
            return True
        done = self._jobs.result(("publish", task_id), partial(self._put, case, wanted))
        self._published |= done or set()
        return bool(done)

    def _put(self, case: Case, wanted: set[str]) -> set[str]:
        folders = [*case.finding_folder("x").parent.glob("0x*"), *case.unavailable_folder("x").parent.glob("0x*")]
        for folder in folders:
            if manifest_of(folder).digest in wanted:
                self._store.put(folder)
        return wanted
