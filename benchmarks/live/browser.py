"""One viewer in a real browser: Chromium with its fake camera, which shows a green picture that moves."""

import asyncio
import shutil

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
BROWSER_ARGUMENTS = [
    "--no-sandbox",  # which needs rights that containers do not have
    "--disable-gpu",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",  # says yes when a page asks for the camera
    "--use-fake-device-for-media-stream",
]
_TIMEOUT_MILLISECONDS = 60_000

# The component writes on its element how long each frame took until its bars were drawn.
_LISTEN = """element => {
  window.frameMilliseconds = [];
  const note = () => window.frameMilliseconds.push(Number(element.dataset.milliseconds));
  new MutationObserver(changes => changes.forEach(note)).observe(element, {attributeFilter: ["data-milliseconds"]});
}"""


def find_browser() -> str:
    """Chromium's program on this machine."""
    paths = [path for path in map(shutil.which, _CHROMIUM_NAMES) if path]
    if not paths:
        raise SystemExit(f"This needs Chromium: none of {', '.join(_CHROMIUM_NAMES)} is installed.")
    return paths[0]


async def watch_in_browser(url: str, seconds: float) -> list[float]:
    """Look at the live camera for some seconds; milliseconds of each frame, from being taken to its bars."""
    try:
        from playwright.async_api import async_playwright
    except ImportError as exc:
        raise SystemExit('This needs Playwright: pip install -c constraints.txt -e ".[test]"') from exc
    program = find_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_TIMEOUT_MILLISECONDS)
        await page.goto(url)
        await page.get_by_role("tab", name="Camera").click()
        await page.get_by_role("button", name="Start camera").click()
        live = page.locator(".live[data-milliseconds]")  # there once the first answer is
        await live.wait_for()
        await live.evaluate(_LISTEN)
        await asyncio.sleep(seconds)
        milliseconds: list[float] = await page.evaluate("() => window.frameMilliseconds")
        await browser.close()
    return milliseconds
