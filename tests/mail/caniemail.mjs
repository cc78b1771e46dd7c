// Asks caniemail which clients render which of a mail's features not at all, or in part.

import { mails, more, need, tell } from "./tool.mjs";

const { caniemail } = await need("caniemail");
const answer = {};
for (const [name, html] of mails()) {
  const { issues } = caniemail({ clients: more, html });
  answer[name] = {};
  for (const [how, found] of [["none", issues.errors], ["partly", issues.warnings]]) {
    const features = {};
    for (const [client, list] of found) {
      for (const { title } of list) (features[title] ??= new Set()).add(client);
    }
    answer[name][how] = Object.fromEntries(
      Object.entries(features).map(([title, clients]) => [title, [...clients].sort()]),
    );
  }
}
tell(answer);
