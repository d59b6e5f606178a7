// Runs `measure.ts`: Vite strips its types.
import { runnerImport } from "vite";

const { module } = await runnerImport(new URL("measure.ts", import.meta.url).pathname);
await module.measure();
