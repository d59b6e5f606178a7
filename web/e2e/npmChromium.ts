/** npm's Chromium, with the libraries and the font that it brings: for a machine that has Node and nothing else. */

import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import packed from "@sparticuz/chromium";

export interface Program {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

const PACKAGES = new URL("node_modules/", import.meta.url).pathname;

/** The package's own switch for "inflate the libraries as well": the name of a build image that has none of them. */
const BARE_MACHINE = { CODEBUILD_BUILD_IMAGE: "nodejs22" };

export async function npmChromium(): Promise<Program> {
  const folder = join(PACKAGES, ".chromium");
  if (!existsSync(folder)) await inflate(folder);
  return {
    executablePath: join(folder, "chromium"),
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      FONTCONFIG_FILE: join(folder, "fonts.conf"),
    },
  };
}

/** Whole or not at all: a run that is stopped leaves nothing that the next one would take for a browser. */
async function inflate(folder: string): Promise<void> {
  const fresh = mkdtempSync(`${folder}-`);
  // It writes to the folder for temporary files, where others may write too, and starts whatever it finds there.
  const changed: Record<string, string> = { ...BARE_MACHINE, TMPDIR: fresh };
  const before = Object.keys(changed).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, changed);
  try {
    await packed.executablePath();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  // The package's own list of folders names a cloud's; without any font the browser does not draw but crash.
  writeFileSync(join(fresh, "fonts.conf"), fontsIn(folder));
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another run was quicker.
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}

function fontsIn(folder: string): string {
  const places = `<dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "fonts-cache")}</cachedir>`;
  return `<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>${places}</fontconfig>\n`;
}
