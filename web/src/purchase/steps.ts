/** The steps of something that takes signatures, transactions and time, each with its state. */

import { type Signal, signal } from "../signal.ts";

export type State = "ahead" | "now" | "done" | "failed";

export interface Step {
  readonly id: string;
  readonly title: string;
  readonly state: State;
  readonly detail: string;
}

export class Steps {
  readonly list: Signal<readonly Step[]>;

  constructor(titles: Record<string, string>) {
    this.list = signal(
      Object.entries(titles).map(([id, title]) => ({ id, title, state: "ahead" as const, detail: "" })),
    );
  }

  /** Begins a step, or says more of it. */
  now(id: string, detail = ""): void {
    this.#change(id, { state: "now", detail });
  }

  done(id: string, detail = ""): void {
    this.#change(id, { state: "done", detail });
  }

  /** Leaves a step out. */
  drop(id: string): void {
    this.list.update((all) => all.filter((step) => step.id !== id));
  }

  /** The step that was under way did not succeed. */
  fail(): void {
    this.list.update((all) =>
      all.map((step) => (step.state === "now" ? { ...step, state: "failed", detail: "" } : step)),
    );
  }

  #change(id: string, change: Partial<Step>): void {
    this.list.update((all) => all.map((step) => (step.id === id ? { ...step, ...change } : step)));
  }
}
