import { availableParallelism } from "node:os"
import { configDefaults, defineConfig } from "vitest/config"

// Campaigns run for minutes: `./scripts/test --all` sets the variable.
const isCampaign = process.env.CISTERN_TEST_ALL === "1"
const campaigns = isCampaign ? [] : ["**/*.slow.test.ts"]

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...campaigns],
    pool: "forks",
    // Of two processors vitest would use one, and most tests wait for programs and disks anyway; a campaign's guest takes both.
    maxWorkers: Math.max(isCampaign ? 1 : 2, Math.min(4, availableParallelism() - 1)),
    testTimeout: 60_000,
    // A disk that others keep busy takes minutes to remove what a file left.
    hookTimeout: 300_000,
  },
})
