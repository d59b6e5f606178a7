/** What a publisher has put in so far, and what is still missing or wrong. */

import type { Column, ModelFamily, Policy, PrivacyPolicy } from "../document.ts";
import type { Hex } from "../envelope/bytes.ts";
import { addresses, units, whole } from "../format.ts";
import { type Signal, signal } from "../signal.ts";
import type { Token } from "./known.ts";
import type { Provider } from "./provider.ts";
import type { Wanted } from "./publication.ts";

/** A table that was read. */
export interface Table {
  readonly name: string;
  /** As CSV, whatever it was. */
  readonly file: Blob;
  readonly rows: number;
  /** The first rows, to choose a sample from. */
  readonly first: readonly string[][];
}

/** Something that is set for a service once it is published. */
export type After =
  | { readonly kind: "gate"; readonly gate: string }
  | { readonly kind: "limits"; readonly perWallet: number | undefined; readonly total: number | undefined };

export class Draft {
  readonly table = signal<Table | undefined>(undefined);
  /** Declared columns; each change is a new list. */
  readonly columns: Signal<readonly Column[]> = signal<readonly Column[]>([]);
  /** Name of the column that buyers most likely want to predict; empty if the publisher does not say. */
  readonly target = signal("");
  /** Rows of `first` that everyone may see. */
  readonly sample: Signal<ReadonlySet<number>> = signal<ReadonlySet<number>>(new Set());
  readonly name = signal("");
  readonly description = signal("");
  readonly license = signal("");
  readonly keywords = signal("");
  readonly families: Signal<readonly ModelFamily[]> = signal<readonly ModelFamily[]>([
    "linear_regression",
    "logistic_regression",
    "multilayer_perceptron",
    "convolutional_network",
  ]);
  readonly minRows = signal(50);
  readonly maxSeconds = signal(600);
  readonly maxMemory = signal(1024);
  readonly maxParameters = signal(1_000_000);
  /** Statistics, which always have noise. */
  readonly statistics = signal(true);
  /** Trainings without noise. */
  readonly exact = signal(false);
  readonly epsilonPerJob = signal(3);
  readonly epsilonPerBuyer = signal(6);
  readonly epsilonTotal = signal(12);
  readonly allow = signal("");
  readonly deny = signal("");
  /** The contract that admits buyers; empty for none. */
  readonly gate = signal("");
  /** Free orders for each account, and in all; empty for no limit. They count only if the price is 0. */
  readonly perWallet = signal("");
  readonly total = signal("");
  readonly price = signal("");
  readonly token = signal<Token | undefined>(undefined);
  readonly provider = signal<Provider | undefined>(undefined);
  /** The publisher has compared the provider's key with what the provider says. */
  readonly compared = signal(false);

  /** What stands against publishing, in the order of the page. */
  missing(): string[] {
    const table = this.table();
    const provider = this.provider();
    const columns = this.columns().flatMap((column) => {
      const wrong = wrongOf(column);
      return wrong === undefined ? [] : [`Column ${column.name}: ${wrong}`];
    });
    const all: (string | false | undefined)[] = [
      table === undefined && "Choose a table.",
      ...columns,
      this.name().trim() === "" && "Give the data set a name.",
      this.license().trim() === "" && "Name a licence, or where the terms of use are.",
      this.families().length === 0 && "Allow at least one kind of model.",
      table && !whole(this.minRows(), 1) && "Say how many rows a job needs at least: 1 or more.",
      table && table.rows < this.minRows() && `The table has ${table.rows} rows, fewer than the ${this.minRows()} that a job needs.`,
      !whole(this.maxSeconds(), 1) && "Say how many seconds a job may take.",
      !whole(this.maxMemory(), 64) && "Say how much memory a job may use: 64 MiB or more.",
      !whole(this.maxParameters(), 1) && "Say how large a model may be.",
      !this.exact() && !this.ordered() && "Privacy: epsilon is above 0 and at most 1,000; that of a buyer is at least that of a job, and the total at least that of a buyer.",
      addresses(this.allow()) === undefined && "Who may order: write one address per line.",
      addresses(this.deny()) === undefined && "Who may not order: write one address per line.",
      (addresses(this.gate())?.length ?? 2) > 1 && "The contract that admits buyers: write one address, or nothing.",
      this.units() === undefined && "Set a price, like 5 or 0.25. For nothing, write 0.",
      this.units() === 0n && !this.limits().every((limit) => limit === undefined || whole(limit, 1)) && "Free orders: write whole numbers from 1 on, or nothing.",
      provider === undefined && "Say who computes on the data.",
      provider && !provider.computes && "This provider can not compute at the moment. Choose another.",
      provider && !provider.signed && !this.compared() && "Compare the provider's key, and tick the box.",
    ];
    return all.filter((text): text is string => typeof text === "string");
  }

  /** Each budget has room for the smaller one. */
  private ordered(): boolean {
    const [job, buyer, total] = [this.epsilonPerJob(), this.epsilonPerBuyer(), this.epsilonTotal()];
    return job > 0 && buyer >= job && total >= buyer && total <= 1_000;
  }

  private privacy(rows: number): PrivacyPolicy {
    return {
      // One in ten times as many as there are rows, or less.
      delta: Math.min(1e-5, 0.1 / rows),
      epsilon_per_job: this.epsilonPerJob(),
      epsilon_per_buyer: this.epsilonPerBuyer(),
      epsilon_total: this.epsilonTotal(),
    };
  }

  /** The price in base units. */
  units(): bigint | undefined {
    const token = this.token();
    const found = token && units(this.price(), token.decimals);
    return found !== undefined && found < 2n ** 88n ? found : undefined;
  }

  private limits(): (number | undefined)[] {
    return [this.perWallet(), this.total()].map((text) => (text.trim() === "" ? undefined : Number(text)));
  }

  /** What the publication can not bring with it: each is a transaction of its own, afterwards. */
  after(): readonly After[] {
    const [gate] = addresses(this.gate()) ?? [];
    const [perWallet, total] = this.limits();
    const limited = this.units() === 0n && (perWallet !== undefined || total !== undefined);
    return [
      ...(gate ? [{ kind: "gate" as const, gate }] : []),
      ...(limited ? [{ kind: "limits" as const, perWallet, total }] : []),
    ];
  }

  /** What is to be published, once nothing is missing. */
  wanted(): Wanted | undefined {
    const [table, provider, token, price] = [this.table(), this.provider(), this.token(), this.units()];
    if (!table || !provider || !token || price === undefined || this.missing().length > 0) return undefined;
    const allow = addresses(this.allow()) ?? [];
    const policy: Policy = {
      model_families: [...this.families()],
      min_rows: this.minRows(),
      max_seconds: this.maxSeconds(),
      max_memory_mib: this.maxMemory(),
      max_parameters: this.maxParameters(),
      ...(allow.length > 0 && { allow }),
      deny: addresses(this.deny()) ?? [],
      // Left out where they are not allowed, as the command line writes it.
      ...(this.statistics() && { statistics: true }),
      ...(!this.exact() && { privacy: this.privacy(table.rows) }),
    };
    const target = this.target();
    const about = {
      name: this.name().trim(),
      description: this.description().trim(),
      license: this.license().trim(),
      keywords: this.keywords().split(",").map((word) => word.trim()).filter((word) => word !== ""),
      columns: [...this.columns()],
      ...(target !== "" && { target }),
      policy,
      sampleRows: table.first.filter((_, at) => this.sample().has(at)).map((cells) => shownOf(this.columns(), cells)),
    };
    return { file: table.file, about, provider, price: { token: token.token as Hex, units: price } };
  }
}

/** A row as everyone may see it: what says whose row it is is never shown. */
export function shownOf(columns: readonly Column[], cells: readonly string[]): string[] {
  return cells.map((cell, at) => (columns[at]?.type.kind === "key" ? "" : cell));
}

/** What is wrong with a declaration, if anything. */
export function wrongOf({ type }: Column): string | undefined {
  if (type.kind === "number") {
    if (!Number.isFinite(type.min) || !Number.isFinite(type.max)) return "write both bounds as numbers";
    return type.min < type.max ? undefined : "the lower bound has to be below the upper one";
  }
  if (type.kind === "key") return undefined;
  if (type.kind === "image") return "images can be published with the command line only";
  if (new Set(type.values).size !== type.values.length) return "a category is there twice";
  return type.values.length < 2 ? "there have to be at least two categories" : undefined;
}
