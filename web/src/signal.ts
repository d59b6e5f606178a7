/** Values that tell when they change: the page's only state. An effect runs again whenever a signal that it read changes. */

type Dispose = () => void;

interface Effect {
  readonly sources: Set<Set<Effect>>;
  readonly owned: Dispose[];
  run(): void;
}

export interface Signal<T> {
  (): T;
  set(value: T): void;
  update(change: (value: T) => T): void;
}

let active: Effect | undefined;
let owner: Dispose[] | undefined;
let batch: Set<Effect> | undefined;

export function signal<T>(initial: T): Signal<T> {
  let value = initial;
  const readers = new Set<Effect>();
  const read = (): T => {
    if (active) {
      readers.add(active);
      active.sources.add(readers);
    }
    return value;
  };
  const set = (next: T): void => {
    if (Object.is(value, next)) return;
    value = next;
    schedule(readers);
  };
  return Object.assign(read, { set, update: (change: (value: T) => T) => set(change(value)) });
}

/** Effects run after all signals of one turn are set, each once. */
function schedule(readers: Set<Effect>): void {
  if (!batch) {
    const waiting = new Set<Effect>();
    batch = waiting;
    queueMicrotask(() => {
      batch = undefined;
      for (const effect of waiting) effect.run();
    });
  }
  for (const reader of readers) batch.add(reader);
}

/** Runs now and whenever something that it read changes, until its scope ends. */
export function effect(work: () => void): Dispose {
  let ended = false;
  const self: Effect = {
    sources: new Set(),
    owned: [],
    run() {
      if (ended) return;
      clear(self);
      const [reader, scope] = [active, owner];
      active = self;
      owner = self.owned;
      try {
        work();
      } finally {
        active = reader;
        owner = scope;
      }
    },
  };
  const dispose = (): void => {
    ended = true;
    clear(self);
  };
  owner?.push(dispose);
  self.run();
  return dispose;
}

function clear(effect: Effect): void {
  for (const readers of effect.sources) readers.delete(effect);
  effect.sources.clear();
  for (const dispose of effect.owned.splice(0)) dispose();
}

/** A value that follows from others: whoever reads it is told when it is another one, and not whenever those change. */
export function derived<T>(value: () => T): () => T {
  const now = signal(untracked(value));
  effect(() => now.set(value()));
  return now;
}

/** What a page starts ends with it: everything within `work` is undone by what this returns. */
export function scope<T>(work: () => T): [T, Dispose] {
  const owned: Dispose[] = [];
  const [reader, outer] = [active, owner];
  active = undefined;
  owner = owned;
  try {
    return [work(), () => owned.splice(0).forEach((dispose) => dispose())];
  } finally {
    active = reader;
    owner = outer;
  }
}

/** To be called when the scope ends. */
export function onEnd(dispose: Dispose): void {
  owner?.push(dispose);
}

/** Reads without being told of changes. */
export function untracked<T>(read: () => T): T {
  const reader = active;
  active = undefined;
  try {
    return read();
  } finally {
    active = reader;
  }
}
