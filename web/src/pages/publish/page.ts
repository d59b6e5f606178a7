/** Publishing a table: from a file on this computer to a data set in the catalogue, encrypted on the way. */

import { h } from "../../h.ts";
import type { View } from "../../main.ts";
import { Draft } from "../../publish/draft.ts";
import { known } from "../../publish/known.ts";
import { signal } from "../../signal.ts";
import { about } from "./about.ts";
import { columns } from "./columns.ts";
import { file, type Read } from "./file.ts";
import { sample } from "./sample.ts";
import { send } from "./send.ts";
import { policy, sale } from "./terms.ts";

export function publishPage(): View {
  const draft = new Draft();
  const fixed = signal(false);
  let read: Read | undefined;
  const body = h(
    "div",
    null,
    h("h1", null, "Publish a data set"),
    h("p", { class: "quiet" }, "Others pay to train models on your table. They never see it: it is encrypted on this computer, and only the provider that you choose can open it."),
    h(
      "div",
      { class: "two form-first" },
      h(
        "fieldset",
        { class: "plain", disabled: fixed },
        h("legend", { class: "sr" }, "The data set"),
        file(draft, (reader) => (read = reader)),
        columns(draft, () => read),
        sample(draft),
        about(draft),
        policy(draft),
        sale(draft, known),
      ),
      h("aside", { "aria-label": "Publication" }, send(draft, fixed)),
    ),
  );
  return { title: "Publish", body };
}
