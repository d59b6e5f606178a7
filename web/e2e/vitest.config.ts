import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The test after which the market is of no use comes last. */
class Order extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const last = (file: TestSpecification): number => Number(file.moduleId.endsWith("/reorg.e2e.ts"));
    return (await super.sort(files)).sort((one, other) => last(one) - last(other));
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
