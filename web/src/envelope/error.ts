/** An envelope that does not open. The reason is one on purpose: it tells an attacker nothing. */
export class Refused extends Error {
  constructor() {
    super("This does not open: it was sealed to another key or for another purpose, or it was changed on the way.");
    this.name = "Refused";
  }
}

/** A public key that nothing may be sealed to, because anybody could open it. */
export class BadPublicKey extends Error {
  constructor() {
    super("This is not a usable X25519 public key. Ask its owner for the right one.");
    this.name = "BadPublicKey";
  }
}
