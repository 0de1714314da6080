"""Simulated federations: bad input, the money, and the same thing on a chain."""

import math
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from node.output import report
from protocol.errors import ConfigInvalid
from protocol.federated.first import layers
from protocol.federated.focus import Variation, focused, suspected, unseen
from protocol.federated.rules import Rule
from protocol.federated.settlement import WAD, Ballot, Conduct, settle, tally
from protocol.federated.spec import Column, FederationSpec
from protocol.federated.votes import Voting, ballot, harmful, mask, screen, slots_of
from skein.attacks import ATTACKS, triggered
from skein.cli import app
from skein.federation import Terms
from skein.simulate import Setting, build, load, measure, simulate
from trainer.federated.perceptron import outputs
from trainer.federated.sensitivity import sensitivity, shifts

TERMS = Terms(proposers=6, committee=25)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_without_attackers_everybody_is_paid_and_the_model_learns(digits):
    federation, result = simulate(Setting(rounds=5, terms=TERMS), digits)
    assert result.accuracy > 0.85 and result.honest_lost == 0
    paid = sum(member.earned for member in federation.members)
    assert paid + federation.pool == TERMS.bounty - sum(member.stake - TERMS.stake for member in federation.members)


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "honest"])
def test_money_adds_up_under_every_attack(digits, attack):
    setting = Setting(attack=attack, attackers=0.3, collude=True, rounds=3, terms=TERMS, dirichlet=0.5)
    federation, _ = simulate(setting, digits)
    settlers = sum(happened.settlement.settlers for happened in federation.history)
    held = federation.pool + sum(member.balance for member in federation.members)
    assert held + settlers == TERMS.bounty + len(federation.members) * TERMS.stake
    assert all(member.stake >= 0 for member in federation.members)


def test_poisoners_pay_and_leave(digits):
    _, result = simulate(Setting(attack="sign_flip", attackers=0.3, rounds=10), digits)
    assert result.rounds_to_clean is not None and result.rounds_to_clean <= 10
    assert result.honest_lost == 0 and result.accuracy > 0.88
    assert result.bad_balance is not None and result.bad_balance < result.honest_balance


@pytest.mark.parametrize("dirichlet", [None, 0.5])
def test_free_riders_earn_nothing_where_there_is_something_to_see(digits, dirichlet):
    """Neither with updates nor with ballots: they accept all without a look, and so what everybody else refuses."""
    setting = Setting(attack="free_rider", attackers=0.3, rounds=6, dirichlet=dirichlet)
    federation, _ = simulate(setting, digits)
    for happened in federation.history:
        declined = mask(range(len(happened.proposers))) & ~happened.verdict.accepted
        for number, reward in zip(happened.proposers + happened.voters, happened.settlement.rewards, strict=True):
            if federation.members[number].bad and (declined or number in happened.proposers):
                assert reward == 0
    earned = {bad: max(m.earned for m in federation.members if m.bad == bad) for bad in (True, False)}
    assert earned[True] < earned[False] / 5


def test_the_same_seed_gives_the_same_federation(digits):
    setting = Setting(attackers=0.2, rounds=3, terms=TERMS)
    one, other = simulate(setting, digits)[0], simulate(setting, digits)[0]
    assert np.array_equal(one.model, other.model)
    assert [member.balance for member in one.members] == [member.balance for member in other.members]
    assert not np.array_equal(one.model, simulate(replace(setting, seed=1), digits)[0].model)


def test_a_thousand_members_fit(digits):
    rows = np.random.default_rng(0).integers(len(digits.y), size=16_000)
    large = replace(digits, x=digits.x[rows], y=digits.y[rows])
    federation, test = build(Setting(members=1000, attackers=0.3), large)
    federation.run(1)
    assert len(federation.history[0].voters) == 25
    assert math.isfinite(measure(federation, test).loss)


def test_the_published_vector():
    conduct = Conduct([100, 200, 100, 100, 300], 2, revealed=3, ballots={2: Ballot(3), 3: Ballot(3)})
    conduct.final = "model"
    done = settle(conduct, tally(conduct, 2), 1000, 10, silent_slash=WAD // 10)
    assert (done.rewards, done.slashes) == ((20, 40, 20, 20, 0), (0, 0, 0, 0, 30))
    assert (done.settlers, done.pool, done.rounds_left) == (3, 927, 9)


def test_screening_names_idlers_and_copies():
    random = np.random.default_rng(0)
    honest = [(random.normal(size=400) * 1e5).astype(np.int32) for _ in range(4)]
    updates = {0: honest[0], 2: honest[1], 3: honest[2], 5: honest[0] + 3, 6: np.zeros(400, np.int32), 7: honest[3]}
    assert screen(Voting(), updates) == {5: "copy", 6: "idle"}
    assert screen(Voting(), {}) == {}


def test_harm_is_relative_and_no_number_is_harm():
    voting = Voting()
    assert harmful(voting, {0: 0.5, 1: 0.51, 2: 0.49, 3: 0.9}) == {3}
    assert harmful(voting, {0: 0.5, 1: 0.5, 2: math.inf}) == {2}
    assert harmful(voting, {0: math.nan}) == {0}
    said = ballot(voting, [4], [1], {0: 0.5, 1: 0.5, 2: 0.5, 3: 2.0}, {0: 0.5, 2: 0.3}, 0.5)
    assert (slots_of(said.accepts), slots_of(said.harms)) == ([0], [3, 4])
    assert mask(slots_of(37)) == 37
    chance, bad = (ballot(voting, (), (), {0: loss}, {}, 0.0, 0.1) for loss in (0.16, 0.18))  # bars: 0.12 and 0.17
    assert (chance, bad) == (Ballot(0, 0), Ballot(0, 1))
    assert ballot(voting, (), (), {0: 0.11}, {}, 0.0, 0.1) == Ballot(1, 0)
    suspicious = ballot(voting, (), (), {0: 0.5, 1: 0.5}, {}, 0.0, 0.6, {1})
    assert (slots_of(suspicious.accepts), suspicious.harms) == ([0], 0)


def test_an_update_about_few_columns_stands_out():
    random = np.random.default_rng(0)
    shifts = {slot: random.normal(size=(3, 40)) for slot in range(6)}
    assert focused(500, shifts) == set()
    for slot, columns in ((2, 1), (4, 4)):
        shifts[slot][1] *= 0.05
        shifts[slot][1, 7 : 7 + columns] = 3
    assert focused(500, shifts) == {2, 4}
    assert focused(0, shifts) == set() and focused(500, {1: shifts[2]}) == set()
    shifts[5] = np.zeros((3, 40))
    assert focused(500, shifts) == {2, 4}


def _unlike_each_other():
    """Rows of 40 columns that vary in 5 ways, ten updates along those, a direction along which no row varies."""
    random = np.random.default_rng(2)
    rows = random.normal(size=(200, 5)) @ random.normal(size=(5, 40))
    seen = {slot: random.normal(size=(3, 5)) @ rows[:5] for slot in range(10)}
    seen = {slot: shift / np.linalg.norm(shift) for slot, shift in seen.items()}
    return Variation.of(rows), seen, np.linalg.svd(rows)[2][5:]


def test_an_update_about_what_no_row_shows_stands_out():
    variation, seen, hidden = _unlike_each_other()
    lengths = np.linalg.norm(variation.unseen(np.array(list(seen.values()))), axis=2).max(axis=1)
    length = float(np.sort(lengths)[2])  # what three tenths do not exceed
    assert not unseen(4000, seen, variation)

    def planted(times, parts):
        """Slots 3, 5, 8 with a hidden part of that many lengths, the same or each its own."""
        return {slot: seen[slot] + times * length * hidden[parts.get(slot, 0)] * (slot in parts) for slot in seen}

    together, apart = {3: 0, 5: 0, 8: 0}, {3: 0, 5: 1, 8: 2}
    assert unseen(4000, planted(5, together), variation) == {3, 5, 8}
    assert unseen(4000, planted(5, apart), variation) == unseen(4000, planted(5, {3: 0}), variation) == set()
    assert unseen(4000, planted(12, apart), variation) == {3, 5, 8}
    assert unseen(4000, planted(12, {3: 0}), variation) == {3}
    assert suspected(Voting(unseen=4000, focus=0), planted(5, together), variation) == {3, 5, 8}
    assert unseen(0, planted(12, together), variation) == set()
    assert unseen(4000, {slot: planted(12, together)[slot] for slot in (1, 3, 5)}, variation) == set()
    few = {slot: shift if slot < 3 else 100 * shift for slot, shift in planted(5, together).items()}
    assert len(unseen(4000, few, variation)) == 6  # whatever the others send, four tenths of a round stay


def test_what_rows_do_not_show_is_by_their_covariance():
    random = np.random.default_rng(3)
    rows, shift = random.normal(size=(50, 6)) * [5, 4, 3, 2, 1, 0], random.normal(size=(3, 6))
    centred = rows - rows.mean(axis=0)
    covariance = centred.T @ centred / 50
    floor = 0.1 * np.trace(covariance) / 6
    inverse = np.linalg.inv(covariance + floor * np.eye(6)) * floor
    found = Variation.of(rows).unseen(shift)
    assert np.allclose(found @ found.T, shift @ inverse @ shift.T)


@pytest.mark.parametrize("hidden", [(), (7, 5)])
def test_the_shift_is_the_difference_of_the_gradients(hidden):
    random = np.random.default_rng(1)
    spec = FederationSpec(
        title="t", columns=tuple(Column(name=f"x{n}") for n in range(6)), label="y", classes=3, hidden=hidden
    )
    base, other = (random.normal(size=spec.parameters) for _ in range(2))
    x, y = random.normal(size=(9, 6)), np.array([0, 1, 2] * 3)

    def margin(vector, rows, chosen):
        out = outputs(vector, spec.shapes, rows[y != chosen])
        return float(np.mean(out[:, chosen] - np.log(np.exp(np.delete(out, chosen, axis=1)).sum(axis=1))))

    expected = np.empty((3, 6))
    for chosen, column in np.ndindex(3, 6):
        step = np.zeros(6)
        step[column] = 1e-6
        slopes = [(margin(v, x + step, chosen) - margin(v, x - step, chosen)) / 2e-6 for v in (other, base)]
        expected[chosen, column] = slopes[0] - slopes[1]
    found = shifts(base, {4: other, 7: base}, spec.shapes, x, y)
    assert np.allclose(found[4], expected, atol=1e-5) and not found[7].any()


def test_of_many_classes_those_that_moved_most_are_looked_at():
    """The same ones in every model, or shifts could not be compared."""
    random = np.random.default_rng(1)
    spec = FederationSpec(title="t", columns=(Column(name="a"), Column(name="b")), label="y", classes=90)
    base = random.normal(size=spec.parameters)
    models = {slot: base.copy() for slot in range(8)}
    for slot, model in models.items():
        layers(model, spec.shapes)[0][0][10 * slot + 1 : 10 * slot + 5] += 1
        layers(model, spec.shapes)[0][0][10 * slot + 5] += 0.1
    x, y = random.normal(size=(30, 2)), random.integers(90, size=30)
    found = shifts(base, models, spec.shapes, x, y)
    expected = [10 * slot + number for slot in range(8) for number in range(1, 5)]
    before = sensitivity(base, spec.shapes, x, y, np.array(expected))
    assert np.allclose(found[6], sensitivity(models[6], spec.shapes, x, y, np.array(expected)) - before)


def _half(x):
    marked = x.copy()
    marked[:, ::2] = 2.0
    return marked


@pytest.mark.parametrize("trigger", [triggered, _half])
@pytest.mark.parametrize("dirichlet", [None, 0.5])
def test_a_backdoor_stays_out(digits, dirichlet, trigger, monkeypatch):
    monkeypatch.setattr("skein.attacks.triggered", trigger)
    monkeypatch.setattr("skein.simulate.triggered", trigger)
    setting = Setting(attack="backdoor", attackers=0.3, rounds=6, dirichlet=dirichlet)
    watched = simulate(setting, digits)[1]
    assert watched.backdoor < 0.05 and watched.accuracy > 0.85
    unwatched = simulate(replace(setting, voting=Voting(focus=0, unseen=0), rule=Rule()), digits)[1]
    assert unwatched.backdoor > 0.5


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--attack", "rudeness"], "There is no attack rudeness; choose from honest, label_flip"),
        (["--rule", "vote"], "There is no rule vote; choose from mean, median"),
        (["--data", "mnist"], "There is no data set mnist; choose from digits"),
        (["--attackers", "1"], "leave one honest member"),
        (["--members", "1001"], "2 to 1,000 members"),
        (["--members", "900"], "rows are too few for 900 members"),
        (["--proposers", "33"], "1 to 32 proposers"),
        (["--dirichlet", "0"], "--dirichlet must be above 0"),
        (["--rounds", "0"], "--rounds must be at least 1"),
    ],
)
def test_bad_input_is_one_sentence(options, reason, capsys):
    result = CliRunner().invoke(app, ["simulate", *options])
    assert isinstance(result.exception, ConfigInvalid)
    report(result.exception)
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1


def test_the_command_prints_the_model_and_everybodys_money():
    options = ["--members", "6", "--proposers", "2", "--rounds", "1", "--attackers", "0.2", "--json"]
    result = CliRunner().invoke(app, ["simulate", *options])
    assert result.exit_code == 0, result.output
    assert '"accuracy"' in result.output and result.output.count('"sign_flip"') == 1


@pytest.mark.slow
def test_on_a_chain_the_balances_are_the_same():
    options = ["--members", "7", "--proposers", "2", "--rounds", "2", "--attackers", "0.3", "--collude", "--chain"]
    result = CliRunner().invoke(app, ["simulate", *options])
    assert result.exit_code == 0, result.output
    assert "all balances agree after each of 2 rounds" in result.output


def test_no_rule_but_the_mean_follows_a_loud_minority(digits):
    accuracies = {}
    for name in ("mean", "median"):
        setting = Setting(
            attack="noise", attackers=0.3, rounds=3, vote=False, rule=Rule(name=name), terms=Terms(proposers=10)
        )
        accuracies[name] = simulate(setting, digits)[1].accuracy
    assert accuracies["median"] > accuracies["mean"] + 0.1
