"""Looks at a report.html in headless Chromium.

usage: python3 report_page.py REPORT SCREENSHOTS [--chromium PATH]    (Python's standard library alone)

REPORT is the page of an experiment whose pictures are compared. Checks that the page fits a phone, works without JavaScript, opens
a picture, wipes and filters as its address says; leaves screenshots in the folder SCREENSHOTS, which is made. Exit status 1 and a line
for each thing that is not as expected.
"""

import argparse
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const root = document.documentElement;
  root.dataset.width = `${root.scrollWidth}/${root.clientWidth}`;
  root.dataset.open = document.getElementById("viewer").open;
  root.dataset.shown = [...document.querySelectorAll("figure")].filter((one) => !one.closest("[hidden]")).length;
  root.dataset.clip = document.getElementById("over").style.clipPath;
  root.dataset.heat = !document.getElementById("heat").hidden;
  root.dataset.note = document.getElementById("note").textContent;
  root.dataset.filters = getComputedStyle(document.getElementById("filters")).display;
  root.dataset.loaded = [...document.querySelectorAll("figure img")].filter((one) => one.naturalWidth > 0).length;
}, 500));
</script>"""


class Root(html.parser.HTMLParser):
    """The data attributes of <html>."""

    def __init__(self, text):
        super().__init__()
        self.data = {}
        self.feed(text[:20000])

    def handle_starttag(self, tag, attributes):
        if tag == "html":
            self.data = {name[5:]: value for name, value in attributes if name.startswith("data-")}


class Browser:
    def __init__(self, program, page, folder):
        self.program, self.folder = program, folder
        text = page.read_text(encoding="utf-8")
        # The probe is let in by the page's own policy, which allows scripts in the page.
        self.copy = page.parent / ".page_with_probe.html"
        self.copy.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
        # What Chromium cannot dump with scripts switched off: the page as it is when its own script does not run.
        self.plain = page.parent / ".page_without_script.html"
        self.plain.write_text(re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL).replace("</body>", PROBE + "</body>")
                              .replace('loading="lazy"', ""), encoding="utf-8")
        self.profile = tempfile.mkdtemp()

    def run(self, *arguments, fragment="", plain=False):
        command = [self.program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.profile}",
                   "--virtual-time-budget=5000", "--hide-scrollbars", *arguments, (self.plain if plain else self.copy).resolve().as_uri() + fragment]
        return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode("utf-8", "replace")

    def data(self, *arguments, fragment="", plain=False):
        return Root(self.run("--dump-dom", *arguments, fragment=fragment, plain=plain)).data

    def picture(self, name, *arguments, fragment=""):
        self.run(f"--screenshot={self.folder.resolve() / name}", *arguments, fragment=fragment)

    def close(self):
        self.copy.unlink()
        self.plain.unlink()
        shutil.rmtree(self.profile, ignore_errors=True)


def fits(data):
    scroll, client = map(int, data["width"].split("/"))
    return scroll <= client


def check_states(browser, page, expect):
    pictures = page["pictures"]
    all_shown = browser.data("--window-size=1400,1000")
    expect(all_shown["shown"] == str(len(pictures)), f"all {len(pictures)} pictures shown, got {all_shown['shown']}")
    expect(all_shown["open"] == "false", "no picture open at first")
    compared = next(cell for cell, picture in pictures.items() if "to" in picture)
    wiped = browser.data(fragment=f"#picture={compared}&view=wipe&at=30")
    expect(wiped["open"] == "true", "the address opens its picture")
    expect("30%" in wiped["clip"], f"the wipe stands at 30 %, got {wiped['clip']}")
    heat = browser.data(fragment=f"#picture={compared}&view=heat")
    expect(heat["heat"] == "true" and "largest difference" in heat["note"], f"a map of differences, got {heat}")
    hidden = sum(1 for picture in pictures.values() if picture["at"][0] == 0)
    filtered = browser.data(fragment="#hide=0.0")
    expect(filtered["shown"] == str(len(pictures) - hidden), f"{len(pictures) - hidden} pictures left by a filter, got {filtered['shown']}")
    nonsense = browser.data(fragment="#picture=x&view=y&at=z&hide=9.9,a")
    expect(nonsense["open"] == "false" and nonsense["shown"] == str(len(pictures)), "nonsense in the address changes nothing")
    return compared


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("screenshots", type=pathlib.Path)
    parser.add_argument("--chromium", default="chromium")
    arguments = parser.parse_args()
    arguments.screenshots.mkdir(parents=True, exist_ok=True)
    text = arguments.report.read_text(encoding="utf-8")
    page = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))
    problems = []

    def expect(condition, what):
        if not condition:
            problems.append(f"expected {what}")

    browser = Browser(arguments.chromium, arguments.report, arguments.screenshots)
    try:
        compared = check_states(browser, page, expect)
        phone = ("--window-size=500,900",)  # the least that Chromium's window can be
        expect(fits(browser.data(*phone)), "no horizontal scrolling on a narrow page")
        plain = browser.data(plain=True)
        expect(plain["loaded"] == str(len(page["pictures"])), f"all pictures without the page's script, got {plain['loaded']}")
        expect(plain["filters"] == "none" and plain["open"] == "false", "no dead controls without the page's script")
        dark = ("--blink-settings=preferredColorScheme=0",)
        browser.picture("page.png", "--window-size=1400,2400")
        browser.picture("dark.png", "--window-size=1400,1600", *dark)
        browser.picture("phone.png", "--window-size=500,2000")
        browser.picture("plain.png", "--window-size=1400,2400", "--blink-settings=scriptEnabled=false")
        for view in ("wipe", "heat"):
            browser.picture(f"{view}.png", "--window-size=1100,900", fragment=f"#picture={compared}&view={view}&at=40")
    finally:
        browser.close()
    print("\n".join(problems) or f"{arguments.report}: as expected; screenshots in {arguments.screenshots}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
