/** A completed job's result, opened in this browser. */

import type { Schema } from "../../api/client.ts";
import { failure } from "../../components/notice.ts";
import { h } from "../../h.ts";
import { figuresOf } from "../../job/figures.ts";
import { keptModel } from "../../job/kept.ts";
import type { Opened, OpenedModel, OpenedStatistics } from "../../job/result.ts";
import { snippet } from "../../job/snippet.ts";
import type { Work } from "../../job/states.ts";
import { signal, untracked } from "../../signal.ts";
import { account } from "../../wallet/account.ts";
import { answers } from "./answers.ts";
import { confusion } from "./confusion.ts";

type Job = Schema["Job"];

export function result(job: Job, work: Work): HTMLElement {
  const opened = signal<Opened | undefined>(undefined);
  const busy = signal(false);
  const wrong = signal<unknown>(undefined);
  const open = async (): Promise<void> => {
    busy.set(true);
    wrong.set(undefined);
    try {
      // Decryption and elliptic curves come only when there is something to open.
      const { openResult } = await import("../../job/result.ts");
      opened.set(await openResult(job, untracked(account)?.wallet.provider));
    } catch (error) {
      wrong.set(error);
    } finally {
      busy.set(false);
    }
  };
  return h(
    "section",
    { "aria-live": "polite" },
    h("h2", null, "The result"),
    () =>
      !opened() &&
      h(
        "p",
        null,
        h("button", { type: "button", class: "primary", disabled: busy, onclick: () => void open() }, () =>
          busy() ? "Checking and opening …" : `Check and open the ${work === "statistics" ? "statistics" : "model"}`,
        ),
      ),
    () => (wrong() === undefined ? undefined : failure(wrong())),
    () => {
      const found = opened();
      return found && view(job, found);
    },
  );
}

function view(job: Job, opened: Opened): HTMLElement[] {
  return "model" in opened ? ofModel(job, opened) : ofStatistics(job, opened);
}

function ofStatistics(job: Job, opened: OpenedStatistics): HTMLElement[] {
  return [
    ...answers(opened),
    h(
      "p",
      { class: "row" },
      // These bytes and no others have the hash that the receipt names.
      download("statistics.json", new Blob([opened.bytes], { type: "application/json" }), true),
      download("receipt.json", text(job.receipt), false),
    ),
    ...checked(opened),
  ];
}

function ofModel(job: Job, opened: OpenedModel): HTMLElement[] {
  const { report, model } = opened;
  const code = snippet(report, keptModel(job.order_id));
  return [
    h(
      "dl",
      { class: "figures" },
      figuresOf(report, model.length).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))),
    ),
    h(
      "p",
      { class: "row" },
      download("model.safetensors", new Blob([model], { type: "application/octet-stream" }), true),
      download("report.json", text(report), false),
      download("receipt.json", text(job.receipt), false),
    ),
    ...confusion(report),
    ...checked(opened),
    h("h3", null, "Use it in Python"),
    h("pre", { tabindex: "0", role: "region", "aria-label": "Python" }, h("code", null, code)),
  ];
}

function checked({ checks }: Opened): HTMLElement[] {
  return [
    h("h3", null, "Checked"),
    h(
      "ul",
      { class: "policy" },
      checks.map(({ name, detail }) => h("li", null, h("strong", null, name), `: ${detail}.`)),
    ),
  ];
}

function text(value: unknown): Blob {
  return new Blob([`${JSON.stringify(value, null, 2)}\n`], { type: "application/json" });
}

/** A file that the visitor saves; its bytes never left this browser. */
function download(name: string, blob: Blob, first: boolean): HTMLElement {
  const save = (): void => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  return h("button", { type: "button", class: first ? "primary" : "", onclick: save }, `Save ${name}`);
}
