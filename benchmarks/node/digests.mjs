// Renders each digest with Handlebars, the MJML compiled once before, and sends it by nodemailer's
// pool: node digests.mjs NPM GIVEN FIRST PORT. Prints what it took, as one line of JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [npm, given, first, port] = process.argv.slice(2);
const require = createRequire(join(npm, "package.json"));
const Handlebars = require("handlebars");
const nodemailer = require("nodemailer");

const here = dirname(fileURLToPath(import.meta.url));
const read = (folder, name) => readFileSync(join(folder, name), "utf8");
const told = JSON.parse(read(given, "digests.json"));
told.digests.length = Number(first);
const shell = Handlebars.compile(read(given, "shell.hbs"));
Handlebars.registerPartial("card", read(here, "card.hbs"));
const cards = Handlebars.compile(read(here, "cards.hbs"));
const more = Handlebars.compile(read(here, "more.hbs"));
const text = Handlebars.compile(read(here, "text.hbs"));

const pool = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: 5,
  maxMessages: Infinity,
});

function message(digest) {
  const common = { look: told.look, pages: told.shell.pages };
  const groups = digest.groups.map(({ heading, cards: chosen }) => ({
    heading,
    look: told.look,
    cards: chosen.map((card) => {
      const paper = told.papers[card.paper];
      return { ...common, ...paper, ...card, others: paper.links.slice(1) };
    }),
  }));
  const values = { ...told.shell, ...common, ...digest, groups };
  return {
    from: told.sender,
    to: digest.address,
    subject: digest.subject,
    messageId: `<${digest.key}>`,
    headers: {
      "List-Id": told.list,
      "List-Unsubscribe": `<${digest.unsubscribe}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
    text: text(values),
    html: shell({ ...values, cards: cards(values), more: digest.more ? more(values) : "" }),
    textEncoding: "quoted-printable",
  };
}

// No more are rendered than the pool has room for.
function send() {
  return new Promise((resolve, reject) => {
    let next = 0;
    let answered = 0;
    let bytes = 0;
    const push = () => {
      while (pool.isIdle() && next < told.digests.length) {
        pool.sendMail(message(told.digests[next])).then((info) => {
          answered += 1;
          bytes += info.messageSize;
          if (answered === told.digests.length) resolve(bytes / answered);
        }, reject);
        next += 1;
      }
    };
    pool.on("idle", push);
    push();
  });
}

const before = process.cpuUsage();
const start = process.hrtime.bigint();
const size = await send();
const wall = Number(process.hrtime.bigint() - start) / 1e9;
const { user, system } = process.cpuUsage(before);
pool.close();
const peak = /VmHWM:\s+(\d+)/.exec(process.platform === "linux" ? readFileSync("/proc/self/status", "utf8") : "");
console.log(
  JSON.stringify({
    cpu: (user + system) / 1e6,
    wall,
    size,
    peak: (peak ? Number(peak[1]) : process.resourceUsage().maxRSS) / 1024,
    messages: told.digests.length,
  }),
);
