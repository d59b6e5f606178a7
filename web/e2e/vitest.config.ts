import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Shown is what the others left behind; and after the very last, the market is of no use. */
const LAST = ["/looks.e2e.ts", "/reorg.e2e.ts"];

class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => LAST.findIndex((name) => moduleId.endsWith(name));
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    include: ["**/*.e2e.ts"],
    // One market and one chain: tests take turns.
    fileParallelism: false,
    sequence: { concurrent: false, sequencer: Order },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: "./market/shelf.ts",
    root: new URL(".", import.meta.url).pathname,
  },
});
