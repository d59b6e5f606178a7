/** What this page can not order of a data set, and the command line can: jobs that use further assets. */

import { command, withAlgorithm } from "../../components/commands.ts";
import { hint } from "../../components/notice.ts";
import type { Policy } from "../../document.ts";
import { type Child, h } from "../../h.ts";

export function elsewhere(token: string, { join_with: others = [], trusted_algorithms: trusted }: Policy): Child {
  const page = (text: string): HTMLElement => h("a", { href: `#/assets/${token}` }, text);
  return [
    trusted &&
      hint(
        h("strong", null, "Only listed algorithms run on this data set"),
        h(
          "p",
          null,
          "Its publisher ",
          page("lists the algorithms that it trusts"),
          ". A job with one of them is ordered with the command line, which pays the algorithm and the data set at once. Keep what you describe below, as JSON, in job.json, and write the ",
          h("a", { href: "#/?kind=algorithm" }, "algorithm"),
          "'s number in place of ALGORITHM:",
        ),
        withAlgorithm("ALGORITHM", token),
      ),
    others.length > 0 &&
      hint(
        h("strong", null, "It can be joined with other data sets"),
        h(
          "p",
          null,
          "A model can learn from this data set together with ",
          page("those that it may be joined with"),
          ". Name them under ",
          h("code", null, "data.joined"),
          " in the spec, and order it with the command line:",
        ),
        command(`atoll buy ${token} --spec job.json`),
      ),
  ];
}
