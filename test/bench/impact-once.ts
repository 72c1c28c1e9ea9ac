// Says in a fresh process what one pack costs a repository. argv: directory, pack. Prints milliseconds, peak memory and what it found.
import { DirectoryTree } from "../../storage/blobs/index.js"
import { impactOf } from "../../storage/impact/index.js"
import { openRepository, Secret } from "../../storage/index.js"

const [directory = "", pack = ""] = process.argv.slice(2)
const repository = await openRepository({
  files: new DirectoryTree(directory),
  password: new Secret(process.env.BENCH_PASSWORD ?? ""),
})
const { snapshots } = await repository.list()
const contents = await repository.openContents()
const loss = await contents.contentsIn(pack)
const impact = await impactOf(contents, snapshots, loss.has)
process.stdout.write(
  JSON.stringify({
    milliseconds: performance.now(),
    megabytes: process.resourceUsage().maxRSS / 1024,
    snapshots: impact.snapshots.length,
    directories: impact.directories,
  }),
)
