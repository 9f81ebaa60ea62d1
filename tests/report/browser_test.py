#!/usr/bin/env python3
"""Pages of `report` and `show --html` in a browser: at three widths, light and dark, with scripts off, nothing overflows, nothing
is fetched, nothing is complained about, and text can be read (contrast of WCAG 2.1). Skipped where there is no Chromium.

usage: browser_test.py --tool VERDIGRIS --root ROOT [--screenshots FOLDER]
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
WIDTHS = (360, 820, 1280)
NAMES = ("chromium", "chromium-browser", "google-chrome")

# What is wrong with the page as it is shown: a list of strings.
INSPECT = r"""
(() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide') && !e.closest('svg') && e.getBoundingClientRect().right > window.innerWidth + 1);
    wrong.push(`overflows: ${root.scrollWidth} > ${window.innerWidth} at ${wide.slice(0, 3).map(e => e.tagName + '.' + e.className)}`);
  }
  const parse = text => { const m = text.match(/[\d.]+/g).map(Number); return {r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1}; };
  const linear = c => { c /= 255; return c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
  const light = c => .2126 * linear(c.r) + .7152 * linear(c.g) + .0722 * linear(c.b);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > .99) return c; if (c.a > 0) throw 'translucent'; } return {r: 255, g: 255, b: 255}; };
  let least = 99, checked = 0;
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length || e.closest('title,desc')) continue;
    const style = getComputedStyle(e), ink = parse(e.closest('svg') ? style.fill : style.color), paper = behind(e.closest('svg') ? e.closest('svg').parentElement : e);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    least = Math.min(least, ratio);
    ++checked;
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)} of <${e.tagName} class="${e.getAttribute('class')}"> ${e.textContent.trim().slice(0, 30)}`);
    if (wrong.length > 10) break;
  }
  if (checked < 10) wrong.push(`only ${checked} texts on the page`);
  if (root.lang !== 'en') wrong.push('no language');
  if (document.scripts.length) wrong.push('a script');
  for (const svg of document.querySelectorAll('svg')) {
    if (!svg.querySelector(':scope > title') || !svg.querySelector(':scope > desc') || svg.getAttribute('role') !== 'img') wrong.push('a picture without words');
    const box = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll('text')) {
      const r = text.getBoundingClientRect();
      if (r.left < box.left - 1 || r.right > box.right + 1 || r.bottom > box.bottom + 1) wrong.push(`label cut off: ${text.textContent}`);
      if (r.height < 8) wrong.push(`label of ${r.height.toFixed(1)} pixels: ${text.textContent}`);
    }
  }
  for (const table of document.querySelectorAll('table')) {
    if (!table.caption || [...table.querySelectorAll('th')].some(h => !h.scope)) wrong.push('a table without caption or scopes');
  }
  const headings = [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1]);
  if (headings[0] !== 1 || headings.some((h, i) => i && h > headings[i - 1] + 1)) wrong.push('headings skip a level');
  return {wrong, least};
})()
"""


class Browser:
    """Chromium over its pipe: JSON messages that end with NUL."""

    def __init__(self, program, folder):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def descriptors():
            os.dup2(to_read, 3)
            os.dup2(to_write, 4)

        # The pipes' own numbers may be 3 and 4, so they are moved away first.
        to_read, to_write = os.dup2(to_read, 60), os.dup2(to_write, 61)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={folder}", "about:blank"], pass_fds=(3, 4, 60, 61), preexec_fn=descriptors, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser ended")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def show(self, url, width, scheme, scripts, media=""):
        """Returns what is wrong with the page, and the least contrast."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        found = self.call("Runtime.evaluate", expression=INSPECT, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        wrong = found["result"]["value"]["wrong"]
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent" and parameters["request"]["url"] != url:
                wrong.append("asks for " + parameters["request"]["url"][:100])
            if event.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"):
                wrong.append("complains: " + json.dumps(parameters)[:300])
        return wrong, found["result"]["value"]["least"]

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def pages(tool, root, folder):
    """Name and file of each page."""
    def run(*words):
        subprocess.run([str(word) for word in words], check=True, cwd=folder, stdin=subprocess.DEVNULL)

    make = root / "tests/report/make_results.py"
    made = []
    for name, options in (("corpus", []), ("hostile", ["--documents", "20000", "--hostile", "--groups", "30", "--errors", "40"]),
                          ("nothing", ["--documents", "50000", "--marked", "0", "--groups", "0", "--errors", "0"]), ("two-tests", ["--documents", "3000", "--marked", "40", "--tests", "2"])):
        run(sys.executable, make, folder / name, *options)
        run(tool, "report", folder / name, "-o", folder / f"{name}.html")
        made.append(name)
    key = folder / "provider.key"
    shutil.copy(root / "tests/cli/data/master.key", folder / "master.key")
    (folder / "master.key").chmod(0o600)
    tokenizer = root / "datasets/pocket_lm/tokenizer.model"
    run(tool, "profile", "new", "--tokenizer", tokenizer, "-o", "profile.json")
    run(tool, "derive", "--from", "master.key", "--profile", "profile.json", "--epoch", "1", "--role", "provider", "-o", key)
    run(tool, "generate", "--profile", "profile.json", "--key", key, "--seed", "1", "--max-tokens", "500", "--prompt", "The roof of the old house", "-o", "marked.txt")
    run(tool, "generate", "--profile", "profile.json", "--key", key, "--seed", "2", "--unmarked", "--max-tokens", "500", "--prompt", "The roof of the old house", "-o", "unmarked.txt")
    marked, unmarked = (folder / "marked.txt").read_text(), (folder / "unmarked.txt").read_text()
    (folder / "partly.txt").write_text(unmarked + marked + unmarked[::-1])
    (folder / "<img src=x onerror=alert(1)>.txt").write_text("<script>alert(1)</script>\n<img src=//example.org/x>\u202egnp\u001b[2J " + "w" * 3000 + " נשמע " + marked[:300])
    for name, text in (("marked", "marked.txt"), ("unmarked", "unmarked.txt"), ("partly", "partly.txt"), ("hostile-text", "<img src=x onerror=alert(1)>.txt")):
        run(tool, "show", "--profile", "profile.json", "--key", key, "--tokenizer", tokenizer, "--html", folder / f"{name}.html", text)
        made.append(name)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", required=True, type=pathlib.Path)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        print("skipped: no Chromium here (Debian: apt-get install chromium)")
        return SKIP
    failures = []
    with tempfile.TemporaryDirectory(prefix="verdigris-browser-") as name:
        folder = pathlib.Path(name)
        made = pages(arguments.tool.resolve(), arguments.root.resolve(), folder)
        browser = Browser(program, folder / "browser")
        try:
            for page in made:
                url = (folder / f"{page}.html").as_uri()
                for width in WIDTHS:
                    for scheme in ("light", "dark"):
                        wrong, least = browser.show(url, width, scheme, scripts=scheme == "light")
                        failures += [f"{page} at {width}, {scheme}: {each}" for each in wrong]
                        print(f"{page} {width} {scheme}: {'FAILED' if wrong else 'ok'}, least contrast {least:.2f}", *wrong, sep="\n  ", flush=True)
                        if arguments.screenshots:
                            arguments.screenshots.mkdir(parents=True, exist_ok=True)
                            browser.screenshot(arguments.screenshots / f"{page}-{width}-{scheme}.png")
                wrong, _ = browser.show(url, 700, "light", scripts=False, media="print")
                failures += [f"{page} on paper: {each}" for each in wrong]
        finally:
            browser.close()
    print(*failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
