/** Random numbers that come again: whoever knows the seed of a failed test can repeat it. */
export class Random {
  private state: number;

  constructor(readonly seed = crypto.getRandomValues(new Uint32Array(1))[0] as number) {
    this.state = seed;
  }

  /** From 0 to below 2^32 (the mixer is that of splitmix32). */
  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    return this.next() % end;
  }

  /** One of them. */
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  /** So many bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
