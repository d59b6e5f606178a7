/** A publication from the checked table to the asset in the catalogue. What is done stays done when it is tried again. */

import { call } from "../api/client.ts";
import { Problem } from "../api/problem.ts";
import { canonical, canonicalHash } from "../canonical.ts";
import { fromHex, toHex, type Hex } from "../envelope/bytes.ts";
import { generateContentKey } from "../envelope/content.ts";
import type { Context } from "../envelope/context.ts";
import { wrap, type WrappedKey } from "../envelope/key-wrap.ts";
import { bytes, same } from "../format.ts";
import { market } from "../market.ts";
import { Steps } from "../purchase/steps.ts";
import { type Sent, send, settled } from "../purchase/transaction.ts";
import { Gone } from "../purchase/whereabouts.ts";
import { signIn } from "../session.ts";
import { checkTable } from "../table/check.ts";
import type { Account } from "../wallet/account.ts";
import { onChain } from "../wallet/chain.ts";
import { ofWallet, Refused } from "../wallet/refused.ts";
import { type About, documentFor } from "./document.ts";
import { tokenIdOf } from "./identity.ts";
import type { Provider } from "./provider.ts";
import { seal, type Sealed } from "./seal.ts";
import { upload } from "./upload.ts";

/** What is to be published. */
export interface Wanted {
  readonly file: Blob;
  readonly about: About;
  readonly provider: Provider;
  readonly price: { readonly token: Hex; readonly units: bigint };
}

/** What was published. */
export interface Published {
  readonly tokenId: bigint;
  /** Hash of the transaction that did it. */
  readonly transaction: string;
}

/** The content under its asset's id. */
interface Envelope {
  readonly publisher: string;
  readonly salt: Hex;
  readonly tokenId: bigint;
  readonly rows: number;
  readonly keys: WrappedKey[];
  readonly sealed: Sealed;
}

export class Publication {
  readonly steps = new Steps({
    chain: "Check your wallet and sign in",
    check: "Check every cell of the table",
    seal: "Encrypt the table on this computer",
    upload: "Upload what is encrypted",
    send: "Confirm the publication in your wallet",
    settle: "Wait until the network has it",
  });
  private envelope: Envelope | undefined;
  private uploaded = false;
  private sent: Sent | undefined;
  /** What was sent before has vanished, or went through under another hash. */
  private gone = false;

  constructor(private readonly wanted: Wanted) {}

  /** True until the transaction is on its way. */
  get canChange(): boolean {
    return this.sent === undefined;
  }

  /** Does what is not done yet. */
  async run(account: Account, signal: AbortSignal): Promise<Published> {
    try {
      this.steps.now("chain", "Your wallet may ask you to switch to the market's chain, and to sign in.");
      const held = await onChain(account);
      await signIn(held);
      this.steps.done("chain");
      if (this.envelope && !same(this.envelope.publisher, held.address)) {
        // What is sealed belongs to the id that another account would have got.
        if (this.sent) throw new Refused("You changed the account", "Go back to the account that published.");
        [this.envelope, this.uploaded, this.gone] = [undefined, false, false];
      }
      this.envelope ??= await this.sealFor(held.address as Hex);
      const { tokenId } = this.envelope;
      let transaction = this.gone ? await publishedBy(tokenId) : undefined;
      if (transaction === undefined) {
        this.sent ??= await this.publish(held, this.envelope, signal);
        transaction = this.sent.hash;
        this.meant(this.sent, this.envelope);
        this.steps.done("send");
        this.steps.now("settle", "Sent.");
        await settled(this.sent, (text) => this.steps.now("settle", text), signal);
      }
      this.steps.done("send");
      this.steps.done("settle");
      return { tokenId, transaction };
    } catch (error) {
      // It can be sent again: the registry takes an id only once.
      if (error instanceof Gone) [this.sent, this.gone] = [undefined, true];
      this.steps.fail();
      throw ofWallet(error, "the publication");
    }
  }

  private async sealFor(publisher: Hex): Promise<Envelope> {
    const { file, about, provider } = this.wanted;
    const share = (done: number) => `${Math.min(100, Math.floor((100 * done) / Math.max(file.size, 1)))} %`;
    this.steps.now("check");
    const { rows } = await checkTable(file, about.columns, 0, (done) => this.steps.now("check", share(done)));
    if (rows < about.policy.min_rows) {
      throw new Refused(
        "The table has fewer rows than a job needs",
        `It has ${rows}, and you ask for at least ${about.policy.min_rows}. Add rows, or lower that number.`,
      );
    }
    this.steps.done("check", `${rows} rows are as declared.`);
    this.steps.now("seal");
    const { chain_id: chainId, asset_registry: registry } = await market();
    const salt = toHex(crypto.getRandomValues(new Uint8Array(32)));
    const tokenId = tokenIdOf(chainId, registry as Hex, publisher, salt);
    const query = { publisher, provider: provider.wallet, salt };
    const named = await call("get", "/v1/publications/identity", { query });
    if (BigInt(named.token_id) !== tokenId) {
      throw new Refused("The server computes another id for your data set", "Nothing was uploaded. Use another server.");
    }
    const context: Context = { chainId, registry: registry as Hex, tokenId, serviceIndex: 0, version: 1 };
    const key = generateContentKey();
    const keys = [await wrap(fromHex(provider.publicKey), context, key)];
    const sealed = await seal(file, key, context, (done) => this.steps.now("seal", share(done)));
    key.fill(0);
    this.steps.done("seal", `${bytes(sealed.bytes)} that only the provider can open.`);
    return { publisher, salt, tokenId, rows, keys, sealed };
  }

  private document({ sealed, rows, keys }: Envelope): Record<string, unknown> {
    const { about, provider } = this.wanted;
    return documentFor(about, {
      version: 1,
      sha256: sealed.sha256,
      bytes: sealed.bytes,
      rows,
      keys,
      provider: { wallet: provider.wallet, public_key: provider.publicKey },
    });
  }

  private async publish(held: Account, envelope: Envelope, signal: AbortSignal): Promise<Sent> {
    const { provider, price } = this.wanted;
    const { sealed, salt } = envelope;
    const metadata = this.document(envelope);
    await validate(metadata);
    if (!this.uploaded) {
      this.steps.now("upload");
      const tell = (done: number, broken: boolean) =>
        this.steps.now("upload", broken ? `The connection broke after ${bytes(done)}. Going on …` : `${bytes(done)} of ${bytes(sealed.bytes)}`);
      await upload(sealed, tell, signal);
      this.uploaded = true;
    }
    this.steps.done("upload", "The market stores it encrypted.");
    this.steps.now("send", "Your wallet shows the transaction. Confirm it there.");
    const service = { provider: provider.wallet, payment_token: price.token, price: price.units.toString() };
    return send(held, { kind: "publish", from: held.address, salt, metadata, service }, "the publication");
  }

  /** The wallet showed what the server built; it is held against what was meant as soon as it is known. */
  private meant({ hash, built: { expected } }: Sent, envelope: Envelope): void {
    if (BigInt(expected.token_id ?? 0) !== envelope.tokenId || !same(expected.metadata_hash, canonicalHash(this.document(envelope)))) {
      throw new Refused("The server built another publication than was asked for", `Look at the transaction ${hash} in your wallet.`);
    }
  }
}

/** The transaction that published an asset, once the market shows it. */
async function publishedBy(tokenId: bigint): Promise<string | undefined> {
  try {
    return (await call("get", "/v1/assets/{token_id}", { path: { token_id: tokenId.toString() } })).transaction;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
}

/** Asks the server for everything that is wrong, before anything is uploaded. */
async function validate(metadata: Record<string, unknown>): Promise<void> {
  const answer = await call("post", "/v1/publications/validate", { body: metadata as never });
  if (!answer.valid) {
    const errors = answer.errors.map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`);
    throw new Refused("The description can not be published as it is", "Correct what is listed. Nothing was uploaded.", errors);
  }
  if (answer.canonical !== canonical(metadata)) {
    throw new Refused("The server reads the description differently", "Nothing was uploaded. Use another server.");
  }
}
