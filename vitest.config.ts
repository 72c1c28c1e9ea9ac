import { availableParallelism } from "node:os"
import { configDefaults, defineConfig } from "vitest/config"

// Campaigns run for minutes: `./scripts/test --all` sets the variable.
const campaigns = process.env.CISTERN_TEST_ALL === "1" ? [] : ["**/*.slow.test.ts"]

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...campaigns],
    pool: "forks",
    // Of two processors vitest would use one, and most tests wait for programs and disks anyway.
    maxWorkers: Math.max(2, Math.min(4, availableParallelism() - 1)),
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
