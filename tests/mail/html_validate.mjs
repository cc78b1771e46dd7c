// Has html-validate read every mail by the rules of html-validate.json, or of a file named.

import { readFileSync } from "node:fs";
import { mails, more, need, tell } from "./tool.mjs";

const { HtmlValidate } = await need("html-validate");
const [named = new URL("html-validate.json", import.meta.url)] = more;
const rules = JSON.parse(readFileSync(named, "utf8"));
const judge = new HtmlValidate(rules);
const answer = {};
for (const [name, html] of mails()) {
  const { results } = await judge.validateString(html);
  answer[name] = results
    .flatMap((result) => result.messages)
    .map(({ line, column, ruleId, message }) => `${line}:${column} ${ruleId}: ${message}`);
}
tell(answer);
