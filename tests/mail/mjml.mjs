// Has npm's `mjml` check templates strictly, as they stand, Jinja's tags being text to it.

import { readFileSync } from "node:fs";
import { more, need, tell } from "./tool.mjs";

const mjml = await need("mjml");
const answer = {};
for (const path of more) {
  try {
    const { errors } = await mjml(readFileSync(path, "utf8"), { validationLevel: "strict" });
    answer[path] = errors.map((error) => error.formattedMessage);
  } catch (error) {
    answer[path] = (error.errors ?? [error]).map((one) => one.formattedMessage ?? one.message);
  }
}
tell(answer);
