/**
 * CSV (RFC 4180) as it comes, row by row, and as the command line and the provider's worker read it: commas, double
 * quotes, lines that end in LF, CR or both; empty lines are no rows; a quote within a field that does not begin with one
 * is a character like others.
 */

const COMMA = 44;
const QUOTE = 34;
const LF = 10;
const CR = 13;

/** Characters after which an open field is given up: most likely a quote that nobody closed. */
const LONGEST_FIELD = 1 << 21;

/** Where in a row the reader is. */
const enum At {
  /** Before a row. */
  Row,
  /** Before a field that is not a row's first. */
  Field,
  /** In a field without quotes, or behind the quoted part of one. */
  Plain,
  /** Between quotes. */
  Quoted,
  /** Behind a quote that ends the quoted part, or begins a doubled one. */
  Closing,
}

/** A row, and the line on which it starts, from 1. */
export type Visit = (row: string[], line: number) => void;

/** A quoted field that does not end. */
export class EndlessField extends Error {
  constructor(readonly line: number) {
    super("a quoted cell does not end");
  }
}

/** Takes text piece by piece and gives rows. */
export class CsvReader {
  private at: At = At.Row;
  private row: string[] = [];
  private field = "";
  private line = 1;
  private start = 1;
  private afterCr = false;

  constructor(private readonly visit: Visit) {}

  /** Takes the next piece of text, cut wherever it may be. */
  push(text: string): void {
    // What belongs to the field from `from` on is not copied yet.
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === LF ? !this.afterCr : c === CR) this.line += 1;
      this.afterCr = c === CR;
      switch (this.at) {
        case At.Row:
          if (c === LF || c === CR) break;
          this.start = this.line;
          from = this.begin(c, i);
          break;
        case At.Field:
          if (c === LF || c === CR) {
            this.endField("");
            this.endRow();
          } else from = this.begin(c, i);
          break;
        case At.Plain:
          if (c === COMMA) {
            this.endField(text.slice(from, i));
          } else if (c === LF || c === CR) {
            this.endField(text.slice(from, i));
            this.endRow();
          }
          break;
        case At.Quoted:
          if (c === QUOTE) {
            this.field += text.slice(from, i);
            this.at = At.Closing;
          }
          break;
        case At.Closing:
          from = i + 1;
          if (c === QUOTE) {
            from = i;
            this.at = At.Quoted;
          } else if (c === COMMA) this.endField("");
          else if (c === LF || c === CR) {
            this.endField("");
            this.endRow();
          } else {
            from = i;
            this.at = At.Plain;
          }
          break;
      }
    }
    if (this.at === At.Plain || this.at === At.Quoted) this.field += text.slice(from);
    if (this.field.length > LONGEST_FIELD) throw new EndlessField(this.start);
  }

  /** There is no more text. */
  end(): void {
    if (this.at === At.Row) return;
    this.endField("");
    this.endRow();
  }

  /** The first character of a field. Says from where on the field's text is. */
  private begin(c: number, i: number): number {
    if (c === COMMA) {
      this.endField("");
      return i + 1;
    }
    this.at = c === QUOTE ? At.Quoted : At.Plain;
    return c === QUOTE ? i + 1 : i;
  }

  private endField(rest: string): void {
    this.row.push(this.field + rest);
    this.field = "";
    this.at = At.Field;
  }

  private endRow(): void {
    this.visit(this.row, this.start);
    this.row = [];
    this.at = At.Row;
  }
}
