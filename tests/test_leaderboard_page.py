"""The leaderboard's page in a real browser: what a reader sees, and what a hostile name may not do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from board_parts import HOSTILE, PROTOCOL, VALUES, small_board
from conftest import missing
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from handbench.leaderboard.page import write_page
from handbench.leaderboard.page_data import page_data
from handbench.leaderboard.table import frame_of

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rows, results = small_board(tmp_path_factory.mktemp("results"))
    return page_data(frame_of(rows), results)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("board")
    rows, results = small_board(folder / "results")
    write_page(frame_of(rows), results, folder / "leaderboard.html")
    return folder / "leaderboard.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("Chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, file: Path) -> Iterator[Open]:
    """Opens the page at a hash; whatever a test does, no error is logged and nothing is fetched."""
    said: list[str] = []
    fetched: list[str] = []
    contexts = []

    def opened(hash_: str = "", **context: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}))
        page = contexts[-1].new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url.partition("#")[0]))
        page.goto(file.as_uri() + hash_)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert {url for url in fetched if not url.startswith("data:")} == {file.as_uri()}


def board(page: Page, protocol: str = PROTOCOL) -> Locator:
    return page.locator("section.board", has=page.get_by_text(protocol, exact=True))


def models(page: Page, protocol: str = PROTOCOL) -> list[str]:
    return board(page, protocol).locator("button.model").all_inner_texts()


def table(data: dict[str, Any], dataset: str) -> dict[str, Any]:
    return next(table for table in data["tables"] if table["protocol"].startswith(dataset))


def test_sorts_by_a_click_and_back(open_page: Open) -> None:
    page = open_page()
    ranked = sorted((name for name in VALUES if name != "oracle"), key=VALUES.__getitem__)
    # The oracle and the part of the data stand last, whatever their numbers.
    assert models(page) == [*ranked, "oracle", "hand-a"]
    head = board(page).locator("th", has_text="PA-MPJPE")
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert models(page) == [*reversed(ranked), "oracle", "hand-a"]
    board(page).get_by_role("button", name="Model").click()
    expect(head).to_have_attribute("aria-sort", "none")
    assert models(page) == sorted([*VALUES, "hand-a"])
    best = board(page).locator("th", has_text="PA-AUC-J").get_by_role("button")
    best.click()
    assert models(page) == [*ranked, "oracle", "hand-a"]


def test_ranks_and_what_has_none(open_page: Open, data: dict[str, Any]) -> None:
    page = open_page()
    assert board(page).locator("td.rank").all_inner_texts() == ["1", "2", "3", "–", "–"]
    assert board(page).locator("tbody b").all_inner_texts() == ["8.02", "84.0"]
    assert board(page).get_by_text("partial").count() == 1
    few = board(page, "ho3d_v2/root=gt/tips=ho3d")
    assert few.locator("td.rank").all_inner_texts() == ["n.r."]
    expect(few).to_contain_text("not resolvable. With 4 recordings")
    entry = next(e for e in table(data, PROTOCOL)["entries"] if e["model"] == "hand-b")
    number = entry["parts"][""]["PA-MPJPE"]
    assert number["low"] < 8.02 < number["high"]
    interval = f"[{number['low']:.2f}, {number['high']:.2f}]"
    expect(board(page).locator("tr", has_text="hand-b").locator(".ci").first).to_have_text(interval)


def test_filters_and_search(open_page: Open) -> None:
    page = open_page()
    choose = partial(page.get_by_label, exact=True)
    choose("Dataset").select_option("interhand")
    assert page.locator("section.board").count() == 1
    choose("Subset").select_option("IH")
    assert page.locator("td.num").all_inner_texts() == ["13.12"]
    page.get_by_role("button", name="Reset").click()
    choose("Kind").select_option("reported")
    assert page.locator("td.kind").all_inner_texts().count("measured") == 0
    choose("Kind").select_option("")
    choose("Protocol").select_option(PROTOCOL)
    choose("Stratum").select_option("occlusion 0.1-0.3")
    assert board(page).locator("tr", has_text="hand-b").locator("b").all_inner_texts() == ["9.62"]
    page.get_by_role("button", name="Reset").click()
    choose("Search").fill("PAPER net two")
    assert page.locator("button.model").all_inner_texts() == ["Net Two", "Net Two"]
    expect(page.locator("#count")).to_have_text("2 rows in 1 table")
    choose("Search").fill("nobody")
    expect(page.locator("main")).to_contain_text("No row matches")


def test_a_click_opens_provenance_and_plots(open_page: Open) -> None:
    page = open_page()
    board(page).locator("tr", has_text="hand-b").locator("td.num").first.click()
    dialog = page.get_by_role("dialog")
    for words in ("handbench evaluate --model hand-b", "2026-02-11", "w-hash", "a warning of hand-b",
                  "aligned by Procrustes", "20,137 of 20,137", "1 (by PA-MPJPE)"):  # fmt: skip
        expect(dialog).to_contain_text(words)
    assert dialog.locator("figure").all_inner_texts()[1].startswith("Error against occlusion")
    # One line a model, and of hand-b alone in full colour.
    first = dialog.locator("svg").first
    assert (first.locator("g").count(), first.locator("g:not(.faded)").count()) == (5, 1)
    assert dialog.locator("svg").nth(1).locator("circle").count() == 5 * 3
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_remark_is_read_on_opening(open_page: Open) -> None:
    page = open_page("#q=net+one")
    expect(page.locator("td.num", has_text="9.0").locator("sup")).to_have_text("†")
    page.get_by_role("button", name="Net One").click()
    expect(page.get_by_role("dialog")).to_contain_text("PA-MPJPE: looks like a slip")


def test_plots_under_a_table_give_values_at_the_pointer(open_page: Open) -> None:
    page = open_page(f"#protocol={PROTOCOL}")
    board(page).get_by_text("Plots: PCK, Error against occlusion").click()
    plot = board(page).locator("svg").first
    plot.hover(position={"x": 300, "y": 100})
    values = board(page).locator("figure").first.locator(".at").all_inner_texts()
    assert len(values) == 5
    assert all(value.endswith(" %") for value in values)


def test_the_keyboard_alone_is_enough(open_page: Open) -> None:
    page = open_page(f"#protocol={PROTOCOL}")
    expect(page.locator("#count")).to_have_text("5 rows in 1 table")
    focused = "document.activeElement.textContent"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(focused).startswith("PA-AUC-J"):
            break
    page.keyboard.press("Enter")
    expect(board(page).locator("th", has_text="PA-AUC-J")).to_have_attribute("aria-sort", "descending")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate(focused) == "hand-b":
            break
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "hand-a"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate(focused) == "hand-a"


def test_the_address_gives_the_same_view_again(open_page: Open) -> None:
    page = open_page()
    page.get_by_label("Kind").select_option("measured")
    page.get_by_label("Search").fill("hand-")
    board(page).locator("th", has_text="PA-AUC-J").get_by_role("button").click()
    board(page).locator("th", has_text="PA-AUC-J").get_by_role("button").click()
    board(page).get_by_role("button", name="hand-b").click()
    again = open_page("#" + page.url.partition("#")[2])
    expect(again.get_by_role("dialog")).to_contain_text("hand-b")
    assert models(again) == models(page) == ["hand-a", "hand-b", "hand-a"]
    assert again.get_by_label("Kind").input_value() == "measured"
    again.evaluate("location.hash = '#dataset=interhand'")
    expect(again.get_by_role("dialog")).to_be_hidden()
    expect(again.locator("button.model")).to_have_text(["HDR"])


@pytest.mark.parametrize("hash_", ["#row=no&sort=constructor&part=__proto__&dataset=<b>", "#boards", "#%"])
def test_an_address_of_no_view_is_no_error(open_page: Open, hash_: str) -> None:
    page = open_page(hash_)
    page.get_by_role("button", name="Reset").click()
    assert len(models(page)) == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(open_page: Open, scheme: str) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    board(page).get_by_text("Plots: PCK").click()
    page.get_by_text("How to read it").click()
    wider = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(wider) <= 0
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    assert dark == (scheme == "dark")
    board(page).get_by_role("button", name="hand-b").tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert page.evaluate(wider) <= 0
    assert dialog.evaluate("each => each.scrollWidth - each.clientWidth") <= 0


def test_a_phone_shows_two_metrics(open_page: Open) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    shown = [board(page).locator(each).first.bounding_box() for each in (".scroll", "tbody td.num + td.num")]
    assert shown[0] and shown[1]
    assert shown[1]["x"] + shown[1]["width"] <= shown[0]["x"] + shown[0]["width"]
    selects = [page.get_by_label(name, exact=True).bounding_box() for name in ("Dataset", "Kind")]
    assert selects[0] and selects[1] and selects[0]["y"] == selects[1]["y"]


def test_only_papers_that_say_too_little_are_called_rough(open_page: Open) -> None:
    page = open_page()
    rough = page.locator("section.board", has_text="what is unstated may differ")
    assert rough.locator("h3 code").all_inner_texts() == ["ho3d_v2/root=unstated/tips=unstated"]
    assert page.locator("h3 code", has_text="tips=unstated").count() == 2


def test_hostile_names_are_text(open_page: Open) -> None:
    page = open_page()
    assert page.title() == "handbench leaderboard"
    shown = models(page, "ho3d_v2/root=unstated/tips=unstated")
    assert set(HOSTILE) <= set(shown)
    for name in HOSTILE:
        page.locator("button.model").get_by_text(name, exact=True).click()
        expect(page.locator("#details-title")).to_have_text(name)
        expect(page.get_by_role("dialog").locator("dl")).to_contain_text(name)
        page.keyboard.press("Escape")
    assert page.locator("img, main svg, script").count() == 2
    assert page.title() == "handbench leaderboard"


def test_the_policy_stops_what_is_not_the_pages_own(browser: Browser, file: Path) -> None:
    # Not by open_page: here the browser has to complain.
    page = browser.new_page()
    page.goto(file.as_uri())
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'owned'";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<b onclick=\\"document.title='owned'\\">x</b>");
            document.body.lastElementChild.click();
        }"""
    )
    assert page.evaluate("fetch('https://example.org/').catch(() => 'refused')") == "refused"
    assert page.title() == "handbench leaderboard"
    page.close()
