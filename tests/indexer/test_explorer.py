"""The explorer in a real browser, over a real index of a real chain: what it shows, to whom, and what it never runs."""

import re
from typing import Any

import httpx
import pytest
from browser import PHONE, WIDE, Browser, Visitor, visiting
from indexing import Indexed, serving
from life import CREATOR, VALIDATORS, Life, stake


def rows(api: httpx.Client, path: str) -> Any:
    return api.get(path).json()["data"]


def where(row: dict[str, Any]) -> str:
    return f"{row['block_number']}-{row['log_index']}"


def skein(wei: str) -> str:
    """As the explorer shows an amount."""
    whole, rest = divmod(int(wei), 10**18)
    return f"{whole:,}.{rest // 10**16:02d}"


def pages(api: httpx.Client, lived: Indexed) -> list[str]:
    """One of every sort of page; those that have parts of every sort first."""
    who = Life(lived.network).address(VALIDATORS[0])
    slashes, payouts = (rows(api, f"/{kind}?limit=200") for kind in ("slashes", "payouts"))
    silent = next(row for row in slashes if row["reason"] == "silent" and row["task_id"])
    harmful = next(row for row in slashes if row["reason"] == "harmful")
    paid = [next(row for row in payouts if row["role"] == role) for role in ("validator", "member", "appellant")]
    proposal = next(row for row in rows(api, "/proposals") if row["state"] == "executed")
    first = ["", "tasks/1", f"accounts/{who}", f"slashes/{where(silent)}", "tasks/99", "federations/1/rounds/1"]
    first += [f"governance/{proposal['id']}", "emission"]
    lists = ["tasks", "federations", "accounts", "operators", "payouts", "slashes", "events", "vaults", "governance"]
    lists += ["appeals", "sponsorships"]
    evidence = [f"payouts/{where(row)}" for row in paid] + [f"slashes/{where(harmful)}"]
    rest = ["tasks/4", "federations/1", f"operators/{who}", "network", "api", "nothing", "federations/1/round/1"]
    return [*first, *lists, *evidence, *rest]


@pytest.mark.parametrize(("device", "looked_at"), [(WIDE, 99), (PHONE, 8)], ids=["wide-light", "phone-dark"])
def test_every_page_is_whole_and_open_to_everybody(
    browser: Browser, api: httpx.Client, lived: Indexed, device: dict[str, Any], looked_at: int
) -> None:
    with visiting(browser, str(api.base_url), **device) as visitor:
        for number, path in enumerate(pages(api, lived)):
            visitor.go(path)
            assert number >= looked_at or visitor.barriers() == [], path
            assert not visitor.too_wide(), path
            assert visitor.page.locator("h1").count() == 1, path
            assert ("Not there" in visitor.text("h1")) == (path in ("tasks/99", "nothing", "federations/1/round/1"))


def test_a_task_shows_phases_models_scores_and_money(visitor: Visitor, api: httpx.Client) -> None:
    visitor.go("tasks/1")
    phases = visitor.page.locator("svg.timeline").get_attribute("aria-label") or ""
    assert all(f"{name} past" in phases for name in ("Commit", "Reveal", "Score commit", "Score reveal"))
    board = visitor.page.locator("section:has(h2:text-is('Leaderboard')) tbody tr").all_inner_texts()
    entries = rows(api, "/tasks/1/submissions")
    assert len(board) == len(entries)
    for entry in rows(api, "/tasks/1/leaderboard"):
        (line,) = [line for line in board if f"#{entry['id']} " in line.replace("\n", " ")]
        assert f"{entry['score'] / 1e9:.4f}" in line and skein(entry["reward"]) in line
    assert visitor.page.locator(".spread .dot").count() == len(
        [score for score in rows(api, "/tasks/1/scores") if score["score"] is not None]
    )
    slashed = visitor.text("section:has(h2:text-is('Slashes'))")
    assert all(skein(row["assets"]) in slashed for row in rows(api, "/tasks/1/slashes"))


def test_a_permalink_gives_the_evidence(visitor: Visitor, api: httpx.Client) -> None:
    visitor.go("slashes")
    visitor.page.locator("tbody a", has_text=re.compile(r"^\d+-\d+$")).first.click()
    visitor.settled()
    row = rows(api, "/slashes")[0]
    assert visitor.page.url.endswith(f"#/slashes/{where(row)}")
    shown = visitor.text()
    assert row["transaction_hash"] in shown and skein(row["assets"]) in shown
    paid = next(row for row in rows(api, "/payouts?role=trainer&task_id=1") if row["assets"] != "0")
    visitor.go(f"payouts/{where(paid)}")
    assert "weight" in visitor.text(".formula") and skein(paid["assets"]) in visitor.text(".formula")


def test_a_round_shows_who_voted_what_and_what_it_was_worth(visitor: Visitor, api: httpx.Client) -> None:
    visitor.go("federations")
    visitor.page.get_by_role("link", name="Federation 1").first.click()
    visitor.page.get_by_role("link", name="Round 1", exact=True).first.click()
    visitor.settled()
    updates = visitor.page.locator("section:has(h2:text-is('Updates')) tbody tr").all_inner_texts()
    roles = rows(api, "/federations/1/rounds/1/roles")
    assert len(updates) == sum(role["proposes"] for role in roles)
    assert ["3 of 3" in line and "accepted" in line.lower() for line in updates] == [True, False, False]
    assert "harmful" in updates[1].lower() and "duplicate" in updates[2].lower()
    assert skein(roles[0]["reward"]) in updates[0] and skein(roles[1]["slashed"]) in updates[1]
    visitor.page.locator("section:has(h2:text-is('Slashes')) a", has_text=re.compile(r"^\d+-\d+$")).first.click()
    visitor.settled()
    assert "two thirds of the voting stake found harmful" in visitor.text()
    assert "round 1" in visitor.text() and "Voters of the round" in visitor.text()


def test_a_proposal_shows_what_it_does_and_who_voted(visitor: Visitor, api: httpx.Client) -> None:
    visitor.go("governance")
    promised = visitor.text("section:has(h2:text-is('Stake in escrow'))")
    assert all(skein(row["assets"]) in promised for row in rows(api, "/escrows"))
    visitor.page.get_by_role("link", name="Nothing.", exact=True).click()
    visitor.settled()
    proposal = next(row for row in rows(api, "/proposals") if row["state"] == "executed")
    assert visitor.page.url.endswith(f"#/governance/{proposal['id']}")
    assert visitor.text("h1") == "Nothing." and skein(proposal["votes_for"]) in visitor.text()
    assert "100 %" in visitor.text("section:has(h2:text-is('Result'))")
    made = rows(api, f"/events?name=SkeinGovernor.ProposalCreated&to_block={proposal['block_number']}")[0]
    (target,) = made["args"]["targets"]
    assert f"{target[:6]}…{target[-4:]}" in visitor.text("section:has(h2:text-is('What it would do'))")


def test_emission_appeals_copies_and_vaults_are_shown(visitor: Visitor, api: httpx.Client) -> None:
    sums = rows(api, "/stats")
    visitor.go("emission")
    assert skein(sums["emission_drawn"]) in visitor.text(".tiles")
    drawn = visitor.text("section:has(h2:text-is('Who it flows to'))")
    assert all(skein(row["drawn"]) in drawn for row in rows(api, "/emissions"))
    assert visitor.page.locator("section:has(h2:text-is('Epochs')) tbody tr").count() == len(rows(api, "/epochs"))
    visitor.go("appeals?outcome=upheld")
    for title, path in (("Appeals", "/appeals?outcome=upheld"), ("Copies", "/copies")):
        shown = visitor.page.locator(f"section:has(h2:text-is('{title}')) tbody tr")
        assert shown.count() == len(rows(api, path)) > 0
    visitor.go("operators")
    visitor.page.get_by_role("link", name="Vaults").click()
    visitor.settled()
    (vault,) = rows(api, "/vaults")
    visitor.go(f"operators/{vault['operator']}")
    assert vault["address"] in visitor.text(".facts")


def test_everything_can_be_done_from_the_keyboard(visitor: Visitor, lived: Indexed) -> None:
    page, who = visitor.page, Life(lived.network).address(VALIDATORS[0])
    visitor.go("")
    page.keyboard.press("/")
    page.keyboard.type(who)
    page.keyboard.press("Enter")
    page.locator("h1", has_text=f"{who[:6]}…{who[-4:]}").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.locator("h1", has_text="Task 2").wait_for()
    visitor.go("network")
    plot = page.locator("figure svg").first
    plot.focus()
    last = visitor.text(".said")
    page.keyboard.press("Home")
    assert "active" in visitor.text(".said") and visitor.text(".said") != last
    page.keyboard.press("End")
    assert visitor.text(".said") == last
    page.keyboard.press("ArrowLeft")
    assert visitor.text(".said") != last


def test_the_first_stop_of_the_keyboard_leads_past_the_menu(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.base}/explorer/#/api")
    visitor.settled()
    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "main"


def test_light_and_dark_are_remembered(visitor: Visitor) -> None:
    visitor.go("tasks")

    def back() -> str:
        return str(visitor.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = back()
    visitor.page.locator("#theme").click()
    dark = back()
    assert light != dark
    visitor.page.reload()
    visitor.settled()
    assert back() == dark


def test_filters_are_in_the_address_and_lists_go_on(visitor: Visitor, api: httpx.Client) -> None:
    visitor.go("events")
    lines = visitor.page.locator("tbody tr")
    assert lines.count() == 50
    visitor.page.get_by_role("button", name="Show more").click()
    visitor.page.locator("tbody tr:nth-child(100)").wait_for()
    assert lines.count() == 100
    visitor.page.get_by_label("Event", exact=True).select_option("Arena.TaskCreated")
    visitor.page.wait_for_url("**/explorer/#/events?name=Arena.TaskCreated")
    visitor.settled()
    assert lines.count() == len(rows(api, "/tasks"))
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("events-")


def test_the_api_can_be_asked_from_its_page(visitor: Visitor, api: httpx.Client) -> None:
    visitor.page.goto(f"{visitor.base}/docs")
    visitor.settled()
    assert visitor.page.url.endswith("/explorer/#/api")
    paths = visitor.page.locator(".operation > summary > code").all_inner_texts()
    assert set(paths) == set(api.get("/openapi.json").json()["paths"])
    named = visitor.page.locator("summary code", has_text="/tasks/{task_id}/scores")
    part = visitor.page.locator(".operation").filter(has=named)
    part.locator("summary").first.click()
    part.get_by_label("task_id").fill("1")
    part.get_by_role("button", name="Ask").click()
    part.locator(".answer tbody tr").first.wait_for()
    assert part.locator(".answer tbody tr").count() == len(rows(api, "/tasks/1/scores"))
    part.get_by_label("task_id").fill("99")
    part.get_by_role("button", name="Ask").click()
    part.locator(".notice", has_text="There is no task 99").wait_for()


def test_a_page_follows_the_chain(browser: Browser, life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client, visiting(browser, str(client.base_url), **WIDE) as visitor:
        visitor.go("tasks")
        assert "No task fits." in visitor.text()
        visitor.page.locator(".state.live").wait_for()
        task = life.create(CREATOR)
        indexed.sync()
        visitor.page.locator("tbody a", has_text=f"Task {task}").wait_for()
        assert f"Block {client.get('/status').json()['block']:,}" in visitor.text("#state")
        visitor.go(f"tasks/{task}")
        life.network.rpc("anvil_reorg", 2, [])
        life.network.mine(3)
        indexed.sync()
        visitor.page.locator(".notice", has_text=f"There is no task {task}").wait_for()


def test_the_policy_forbids_what_the_page_does_not_need(api: httpx.Client) -> None:
    answer = api.get("/explorer/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = api.get("/explorer/", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api.get("/").headers["location"] == "/explorer/"
    for path in ("/explorer/nothing.js", "/explorer/../settings.py", "/explorer/%2e%2e/settings.py"):
        assert api.get(path).status_code == 404
