import { expect, test } from "vitest";

import { stateOf, why } from "../src/job/states.ts";

test("a job that measures is not said to train", () => {
  const job = { kind: "compute", status: "running" } as const;
  expect(stateOf(job)).toBe("Training");
  expect([stateOf(job, "evaluation"), stateOf(job, "statistics")]).toEqual(["Measuring", "Measuring"]);
  expect(stateOf({ ...job, status: "queued" }, "evaluation")).toBe("Waiting for the provider");
  expect(stateOf({ ...job, kind: "download" }, "evaluation")).toBe("The provider hands it over");
});

test("whoever began with a model that does not fit is told what to do", () => {
  expect(why({ code: "start_unusable" })).toMatch(/does not fit the layers\. Seal it again/);
});
