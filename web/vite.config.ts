import { defineConfig } from "vite";

/** A market's server for `npm run dev`; the built page is served by the server itself. */
const server = process.env.ATOLL_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  // Every name in `static/` carries a hash of its content, so that browsers may keep it for ever.
  build: {
    assetsDir: "static",
    target: "es2023",
    assetsInlineLimit: 0,
    // Its helper writes an inline script into older browsers' pages, which the page's policy forbids.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/docs", "/page.json"].map((path) => [path, { target: server }])),
  },
});
