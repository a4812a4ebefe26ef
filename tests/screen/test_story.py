"""From nobody registered to a closed position, as a trader does it: on a desk and on a phone."""

from pathlib import Path

import pytest
from playwright.async_api import expect
from pydantic import SecretStr

from tests.e2e.site import Site, running
from tests.screen.browser import DESK, PHONE, Look, Tab, browsing, needs_a_browser

NAME = "ada"
PASSWORD = "a few words are good"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
ALERT = '{"symbol":"BTCUSDT.P","action":"buy","stop_loss":"58800","take_profit":"63000"}'
ODD_ALERT = (
    '{"symbol":"ETHUSDT.P","action":"sell","stop_loss":"3100","comment":"'
    f'{HOSTILE.replace(chr(34), "")}"' + "}"
)


@pytest.fixture(autouse=True)
def _browser() -> None:
    needs_a_browser()


@pytest.mark.parametrize("look", [DESK, PHONE], ids=lambda look: look.name)
async def test_a_trader_goes_from_set_up_to_a_closed_position(
    tmp_path: Path, sqlite_url: str, look: Look
) -> None:
    async with running(
        tmp_path, sqlite_url, screen_dir="", admin_username="", admin_password=SecretStr("")
    ) as site:
        await site.price("BTCUSDT", "60000")
        await site.price("ETHUSDT", "3000")
        async with browsing(site.base, look) as tab:
            await set_up(site, tab)
            url = await make_strategy(tab)
            await site.alert(ALERT, url=url)
            await approve(tab)
            await move_the_stop(site, tab)
            await close(tab)
            await site.alert(ODD_ALERT, url=url)
            await reject(tab)
            await log_out(tab)

            assert tab.complaints == []


async def set_up(site: Site, tab: Tab) -> None:
    page = tab.page
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.goto(f"/app/setup#invite={site.house.first.invite}")
    await page.get_by_label("Name").fill(NAME)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make my user").click()
    await expect(page.get_by_role("heading", name="Strategies")).to_be_visible()
    await expect(page.get_by_text("Simulated prices")).to_be_visible()


async def make_strategy(tab: Tab) -> str:
    page = tab.page
    await page.get_by_role("button", name="New strategy").click()
    await page.get_by_label("Name").fill("Breakout")
    # 0.5 % of 10,000 is lost at a stop 2 % away.
    await expect(page.get_by_text("you lose 50.00 USDT")).to_be_visible()
    await page.get_by_role("button", name="Create strategy").click()
    url = await page.get_by_label("Webhook URL", exact=True).inner_text()
    assert not await tab.is_too_wide()
    return url


async def approve(tab: Tab) -> None:
    page = tab.page
    await page.get_by_role("link", name="Inbox").click()
    card = page.get_by_role("article", name="long BTC/USDT")
    # 50 are lost by 0.039 coins: 1200 each, and 0.05 % of 60000 and of 58800.
    await expect(card.get_by_text("0.039 BTC")).to_be_visible()
    await expect(card.get_by_role("button", name="Approve")).to_be_enabled()
    assert not await tab.is_too_wide()
    # In its first 0.4 s a card takes no decision.
    await page.wait_for_timeout(500)
    if tab.look.is_phone:
        await card.get_by_role("button", name="Approve").tap()
    else:
        await page.keyboard.press("a")
    await page.get_by_role("link", name="See the position").click()


async def move_the_stop(site: Site, tab: Tab) -> None:
    page = tab.page
    row = page.get_by_role("row").filter(has_text="BTC/USDT")
    await expect(row.get_by_text("Stop at the exchange")).to_be_visible()
    await site.price("BTCUSDT", "60600")
    # 0.039 coins earn 600 each.
    await expect(row.get_by_text("+23.40")).to_be_visible()
    await page.get_by_label("Stop", exact=True).fill("60300")
    await expect(page.get_by_text("Locked in at stop")).to_be_visible()
    await page.get_by_role("button", name="Move it").click()
    await expect(page.get_by_role("button", name="Move it")).to_be_hidden()
    await expect(page.get_by_label("Stop", exact=True)).to_have_value("60300")
    await expect(row.get_by_text("Stop at the exchange")).to_be_visible()
    assert not await tab.is_too_wide()


async def close(tab: Tab) -> None:
    page = tab.page
    await page.get_by_role("button", name="Close position").click()
    await page.get_by_role("button", name="Close now at market").click()
    await expect(page.get_by_text("Closed by you")).to_be_visible()
    await expect(page.get_by_text("Nothing is open")).to_be_visible()
    today = page.locator("dl").filter(has_text="Today").first
    # 23.40 less 0.05 % of 2340 and of 2363.40
    await expect(today.get_by_text("+21.05")).to_be_visible()


async def reject(tab: Tab) -> None:
    page = tab.page
    await page.get_by_role("link", name="Inbox").click()
    card = page.get_by_role("article", name="short ETH/USDT")
    await expect(card.get_by_text(HOSTILE)).to_be_visible()
    # The figures make the card higher when they come: until it stands still it takes no decision.
    await expect(card.get_by_role("button", name="Approve")).to_be_enabled()
    await page.wait_for_timeout(500)
    await card.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("3")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Rejected by you: News ahead").first).to_be_visible()


async def log_out(tab: Tab) -> None:
    page = tab.page
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.goto("/app/positions")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
