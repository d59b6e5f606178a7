import { expect, test } from "vitest";

import { stateOf, why } from "../src/job/states.ts";

test("a job that measures a model is not said to train one", () => {
  const job = { kind: "compute", status: "running" } as const;
  expect([stateOf(job), stateOf(job, true)]).toEqual(["Training", "Measuring"]);
  expect(stateOf({ ...job, status: "queued" }, true)).toBe("Waiting for the provider");
  expect(stateOf({ ...job, kind: "download" }, true)).toBe("The provider hands it over");
});

test("whoever began with a model that does not fit is told what to do", () => {
  expect(why({ code: "start_unusable" })).toMatch(/does not fit the layers\. Seal it again/);
});
