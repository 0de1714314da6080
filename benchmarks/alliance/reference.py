"""The reference system's vote, to compare with: a round is accepted or rejected as a whole."""

from collections.abc import Mapping, Sequence

import numpy as np

from protocol.federated.fixed import Words, decode, step
from protocol.federated.settlement import Ballot
from protocol.federated.votes import mask, mean_loss
from skein.federation import Federation, Member
from trainer.federated.perceptron import losses


class RoundVote(Federation):
    """Voters accept all updates where the aggregate of all does not raise their own loss, else none."""

    def ballots(
        self, updates: Mapping[int, Words], voters: Sequence[Member], proposers: int, friends: int
    ) -> dict[int, Ballot]:
        """Everybody's ballot by slot; voters who collude accept a round with an update of theirs."""
        after = decode(step(self.model, self.combine(updates, [1] * proposers)), self.spec.exponent)
        both, said = np.array([self.parameters, after]), {}
        for slot, voter in enumerate(voters, proposers):
            before, now = map(mean_loss, losses(both, self.spec.shapes, *voter.held_out))
            accepts = bool(friends) if voter.bad and self.collude else now <= before
            said[slot] = Ballot(mask(updates) if accepts else 0)
        return said
