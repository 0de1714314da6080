"""The command `skein simulate`."""

from typing import Annotated

import typer

from node.output import Output

app = typer.Typer(add_completion=False)


@app.command("simulate")
def simulate(
    data: Annotated[str, typer.Option(help="digits, breast_cancer or wine.")] = "digits",
    members: Annotated[int, typer.Option(help="2 to 1,000.")] = 20,
    attackers: Annotated[float, typer.Option(help="Their share.")] = 0.0,
    attack: Annotated[str, typer.Option(help="What they send; a wrong name lists all.")] = "sign_flip",
    collude: Annotated[bool, typer.Option("--collude", help="They also vote for one another.")] = False,
    dirichlet: Annotated[float | None, typer.Option(help="How unlike the data are; small is unlike.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds to play.")] = 10,
    proposers: Annotated[int, typer.Option(help="Drawn per round, at most 32.")] = 10,
    committee: Annotated[int, typer.Option(help="The most voters per round, at most 64.")] = 25,
    rule: Annotated[str, typer.Option(help="How updates become one; a wrong name lists all.")] = "trimmed_mean",
    mix: Annotated[bool, typer.Option("--mix/--no-mix", help="Mix nearest neighbours before the rule.")] = True,
    vote: Annotated[bool, typer.Option("--vote/--no-vote", help="Let members vote; else all is accepted.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    chain: Annotated[bool, typer.Option("--chain", help="Play it on a local chain too; balances must agree.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")] = False,
) -> None:
    """Play a federation with attackers in this process, and see what becomes of the model and of the money."""
    from skein import simulate as simulation
    from skein.federation import Terms

    setting = simulation.Setting(
        data=data,
        members=members,
        attackers=attackers,
        attack=attack,
        collude=collude,
        dirichlet=dirichlet,
        rounds=rounds,
        seed=seed,
        rule=simulation.rule_of(rule, mix),
        vote=vote,
        terms=Terms(rounds=rounds, proposers=proposers, committee=committee),
    )
    simulation.check(setting)
    output = Output(as_json)
    federation, test = simulation.build(setting, simulation.load(setting.data))
    if chain:
        from skein.onchain import play_on_chain

        play_on_chain(federation, rounds, output)
    else:
        federation.run(rounds)
    simulation.show(output, federation, simulation.measure(federation, test))
