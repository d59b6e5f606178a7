import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.e2e.ts"],
    // One market and one chain: tests take turns.
    fileParallelism: false,
    sequence: { concurrent: false },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: "./market/shelf.ts",
    root: new URL(".", import.meta.url).pathname,
  },
});
