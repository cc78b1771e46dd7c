// Opens every mail in Chromium as clients show it, and writes down what axe and a ruler find.
//
// Narrow and wide, light and dark; and, light, without what clients take away: <style>, or images.

import { pathToFileURL } from "node:url";
import { mails, more, need, tell } from "./tool.mjs";

const axe = await need("axe-core");
const puppeteer = await need("puppeteer-core");
const [executablePath] = more;
const VIEWS = {
  "600 light": { width: 600, scheme: "light", axe: true },
  "600 dark": { width: 600, scheme: "dark", axe: true },
  "360 light": { width: 360, scheme: "light", axe: true },
  "360 dark": { width: 360, scheme: "dark", axe: true },
  "600 without style": { width: 600, scheme: "light", without: "style", axe: true },
  "360 without style": { width: 360, scheme: "light", without: "style" },
  "600 without images": { width: 600, scheme: "light", without: "images" },
  "360 without images": { width: 360, scheme: "light", without: "images" },
};
const OPTIONS = {
  resultTypes: ["violations", "incomplete"],
  // Rules for the parts of a web page, which a mail is shown within.
  rules: { region: { enabled: false }, "landmark-one-main": { enabled: false } },
};

/** Runs in the page: takes away what a client takes away. */
function strip(without) {
  if (without === "style") {
    for (const one of document.querySelectorAll("style, link")) one.remove();
    for (const one of document.querySelectorAll("[class], [id]")) {
      one.removeAttribute("class");
      one.removeAttribute("id");
    }
  } else {
    for (const one of document.images) one.removeAttribute("src");
    for (const one of document.querySelectorAll("[srcset], [background]")) {
      one.removeAttribute("srcset");
      one.removeAttribute("background");
    }
    for (const one of document.querySelectorAll("*")) one.style.backgroundImage = "none";
  }
}

/** Runs in the page: its words, and where they stand beside or on each other. */
function measure() {
  const width = window.innerWidth;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const boxes = [];
  const range = document.createRange();
  for (let node; (node = walker.nextNode()); ) {
    if (!node.data.trim()) continue;
    range.selectNodeContents(node);
    for (const { left, right, top, bottom } of range.getClientRects()) {
      if (right > left && bottom > top) {
        boxes.push({ node, left, right, top, bottom, said: node.data.trim().slice(0, 60) });
      }
    }
  }
  const overlaps = [];
  boxes.sort((one, other) => one.top - other.top);
  boxes.forEach((one, at) => {
    for (let next = at + 1; next < boxes.length && boxes[next].top < one.bottom - 1; next++) {
      const other = boxes[next];
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      if (across > 1 && one.node !== other.node) overlaps.push(`${one.said} / ${other.said}`);
    }
  });
  // What `dir` says, against what some style inside of it makes of that.
  const turned = [...new Set(boxes.map(({ node }) => node.parentElement))].filter(
    (one) => !one.matches(`:dir(${getComputedStyle(one).direction})`),
  );
  return {
    turned: turned.map((one) => one.innerText.trim().slice(0, 60)),
    text: document.body.innerText.replace(/\s+/g, " ").trim(),
    outside: boxes.filter((box) => box.left < 0 || box.right > width + 1).map((box) => box.said),
    overlaps,
    scrolls: document.documentElement.scrollWidth - width,
    background: getComputedStyle(document.body).backgroundColor,
  };
}

const told = (found) =>
  found.flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.target} ${one.html}`));

const browser = await puppeteer.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * 127.0.0.1:9",
  ],
});
const answer = {};
try {
  const page = await browser.newPage();
  await page.setRequestInterception(true);
  let asked = [];
  let address = "";
  page.on("request", (request) => {
    if (request.url() === address) return request.continue();
    asked.push(request.url());
    return request.abort();
  });
  for (const [name, , path] of mails()) {
    address = pathToFileURL(path).href;
    answer[name] = {};
    let shown; // without what the page is that is loaded: once for all views of the same
    for (const [view, { width, scheme, without = "", axe: judged }] of Object.entries(VIEWS)) {
      asked = [];
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      if (shown !== without) {
        await page.goto(address);
        if (without) await page.evaluate(strip, without);
        if (judged) await page.evaluate(axe.source);
        shown = without;
      }
      const seen = await page.evaluate(measure);
      if (judged) {
        const run = await page.evaluate((options) => window.axe.run(document, options), OPTIONS);
        seen.violations = told(run.violations);
        seen.incomplete = told(run.incomplete);
      }
      answer[name][view] = { ...seen, asked };
    }
  }
} finally {
  await browser.close();
}
tell(answer);
